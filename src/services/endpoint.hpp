#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "services/service.hpp"

namespace weir::services {

// The socket file of a service ("…/.s.PGSQL.5433" in PostgreSQL's folder).
std::filesystem::path socket_file(ServiceKind kind, const ServiceAddress& address);

// A connection to the service's socket is accepted; it is closed at once.
bool accepts_connections(ServiceKind kind, const ServiceAddress& address);

bool port_is_free(int port);
// A loopback port that was free just now.
Result<int> find_free_port();

// Whether a user could reach what lies in this folder: may enter it and every folder above it.
bool can_enter(const std::filesystem::path& folder, uid_t user, gid_t group);

// The folder for the service's socket, owned by `user` and closed to others. It is services/NAME.run unless that path is
// too long for a socket (107 bytes) or out of the user's reach, then /tmp/weir-UID-HASH.
Result<std::filesystem::path> make_run_folder(const ServiceSpec& spec, uid_t user, gid_t group);

// 16 hexadecimal digits, the same for the same text on every machine (FNV-1a).
std::string path_hash(const std::filesystem::path& path);

}  // namespace weir::services
