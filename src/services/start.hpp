#pragma once

#include <csignal>

#include "services/identity.hpp"
#include "services/process.hpp"
#include "services/record.hpp"
#include "services/service.hpp"

namespace weir::services {

// A service that was started and answers.
struct StartedService {
  Process process;
  ServiceAddress address;
  std::filesystem::path data_folder;
  std::string version;
};

struct StartRequest {
  const ServiceSpec& spec;
  const ServicePaths& paths;
  const ServiceRecord& previous;  // of the last start
  Log& log;
  std::stop_token stop;
};

// Both are called by the owner of the service's lock, return when it is ready, and leave no process behind on an error.
Result<StartedService> start_postgres(const StartRequest& request);
Result<StartedService> start_warehouse(const StartRequest& request);

// What asks a service to end in order: PostgreSQL takes SIGINT as "disconnect everybody, then a clean shutdown". It is
// also what the service gets when its owner dies.
constexpr int stop_signal(ServiceKind kind) { return kind == ServiceKind::Postgres ? SIGINT : SIGTERM; }

// The port that the service should take: what the project says, else what it had, else 0. One that is in use is
// replaced by 0, with a warning when the project asked for it.
int choose_port(const StartRequest& request);

// The last lines of a service's log that it wrote since `offset`, for an error message.
std::string log_tail(const std::filesystem::path& log, std::uintmax_t offset);

}  // namespace weir::services
