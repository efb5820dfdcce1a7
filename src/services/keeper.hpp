#pragma once

namespace weir::services {

// The body of `weir services keep`, the small process that owns a detached service: takes the ServiceSpec from the
// channel on this descriptor, starts the service, answers on the channel, and runs it until SIGTERM or SIGINT. While
// another process owns the service, it stands by and takes over when that one is gone. Returns the exit code. Call it
// before any thread is started.
int keep_service(int channel_descriptor);

// The descriptor that the supervisor gives the keeper.
inline constexpr int kKeeperDescriptor = 3;

}  // namespace weir::services
