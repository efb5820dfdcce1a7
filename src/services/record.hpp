#pragma once

#include <filesystem>
#include <optional>

#include "services/identity.hpp"
#include "services/service.hpp"

namespace weir::services {

// Where the parts of one service lie, all under <project>/.weir.
struct ServicePaths {
  explicit ServicePaths(const ServiceSpec& spec);

  std::filesystem::path folder;    // services/
  std::filesystem::path data;      // services/NAME
  std::filesystem::path record;    // services/NAME.json: ServiceRecord, 0600
  std::filesystem::path lock;      // services/NAME.lock: flock by the owner
  std::filesystem::path keeper;    // services/NAME.keeper: flock by and identity of the keeper of a detached service
  std::filesystem::path password;  // services/NAME.password, 0600
  std::filesystem::path pointer;   // services/NAME.data: where the data lies, when not in `data`
  std::filesystem::path log;       // logs/services/NAME.log
};

// What the owner of a service tells other processes about it. Only the process that holds the lock writes it.
struct ServiceRecord {
  ServiceState state = ServiceState::Stopped;
  ProcessIdentity owner;
  ProcessIdentity process;
  ServiceAddress address;  // its port is kept after a stop: the next start prefers it
  std::filesystem::path data_folder;
  std::string version;
  std::string detail;

  // Its owner lives, its process runs and its socket takes connections.
  bool answers(ServiceKind kind) const;
};

std::string_view name(ServiceKind kind);
std::string_view name(ServiceState state);

// An empty record when there is no file, or one that is not readable as a record.
ServiceRecord read_record(const ServicePaths& paths);
Result<void> write_record(const ServicePaths& paths, const ServiceSpec& spec, const ServiceRecord& record);
// What a process that does not own the service can tell about it.
ServiceStatus recorded_status(const ServiceSpec& spec);

Json to_json(const ServiceAddress& address);
ServiceAddress address_from(const Json& json);
Json to_json(const ServiceSpec& spec);
ServiceSpec spec_from(const Json& json);

// The lock when nobody has it: flock, which ends with the process that holds it. Nothing when another process has it.
Result<std::optional<Descriptor>> claim(const std::filesystem::path& lock);

// The service's password: kept in a file that only we may read, made when it is missing.
Result<Secret> keep_password(const ServicePaths& paths);

// Takes the service's log for another start; one that has grown beyond 10 MiB becomes NAME.log.1.
Result<Descriptor> open_log(const ServicePaths& paths);

}  // namespace weir::services
