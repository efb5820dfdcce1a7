#include "services/record.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "services/endpoint.hpp"

namespace weir::services {
namespace {

constexpr std::uintmax_t kLogBytesMax = std::uintmax_t{10} << 20;
constexpr int kPasswordLength = 32;

constexpr std::array<std::pair<ServiceState, std::string_view>, 4> kStates{{
    {ServiceState::Stopped, "stopped"},
    {ServiceState::Starting, "starting"},
    {ServiceState::Running, "running"},
    {ServiceState::Failed, "failed"},
}};

// Another version of Weir may have written the file: what is missing or of another type counts as absent.
template <typename T>
T field(const Json& json, const char* key, T absent) {
  if (!json.is_object() || !json.contains(key)) return absent;
  const auto& value = json[key];
  if constexpr (std::is_integral_v<T>) {
    return value.is_number_integer() ? value.template get<T>() : absent;
  } else {
    return value.is_string() ? value.template get<T>() : absent;
  }
}

Json to_json(const ProcessIdentity& identity) {
  Json json = Json::object();
  json["pid"] = identity.pid;
  json["started_ticks"] = identity.started_ticks;
  return json;
}

ProcessIdentity identity_from(const Json& json, const char* key) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  if (found == json.end()) return {};
  return {field<pid_t>(*found, "pid", 0), field<std::uint64_t>(*found, "started_ticks", 0)};
}

}  // namespace

ServicePaths::ServicePaths(const ServiceSpec& spec)
    : folder(spec.state_folder / "services"),
      data(folder / spec.name),
      record(folder / (spec.name + ".json")),
      lock(folder / (spec.name + ".lock")),
      keeper(folder / (spec.name + ".keeper")),
      password(folder / (spec.name + ".password")),
      pointer(folder / (spec.name + ".data")),
      log(log_file(spec.state_folder, spec.name)) {}

std::string_view name(ServiceKind kind) { return kind == ServiceKind::Postgres ? "postgres" : "warehouse"; }

std::string_view name(ServiceState state) {
  for (const auto& [candidate, text] : kStates) {
    if (candidate == state) return text;
  }
  return "unknown";
}

bool ServiceRecord::answers(ServiceKind kind) const {
  return state == ServiceState::Running && is_alive(owner) && is_alive(process) && accepts_connections(kind, address);
}

Json to_json(const ServiceAddress& address) {
  Json json = Json::object();
  json["unix_socket"] = address.unix_socket;
  json["host"] = address.host;
  json["port"] = address.port;
  json["user"] = address.user;
  json["password"] = address.password.reveal();
  json["database"] = address.database;
  return json;
}

ServiceAddress address_from(const Json& json) {
  ServiceAddress address;
  address.unix_socket = field<std::string>(json, "unix_socket", "");
  address.host = field<std::string>(json, "host", address.host);
  address.port = field<int>(json, "port", 0);
  address.user = field<std::string>(json, "user", "");
  address.password = Secret{field<std::string>(json, "password", "")};
  address.database = field<std::string>(json, "database", "");
  return address;
}

Json to_json(const ServiceSpec& spec) {
  Json json = Json::object();
  json["kind"] = name(spec.kind);
  json["name"] = spec.name;
  json["state_folder"] = spec.state_folder.string();
  json["weir_binary"] = spec.weir_binary.string();
  json["settings"] = spec.settings;
  return json;
}

ServiceSpec spec_from(const Json& json) {
  ServiceSpec spec;
  spec.kind = field<std::string>(json, "kind", "") == name(ServiceKind::Postgres) ? ServiceKind::Postgres
                                                                                  : ServiceKind::Warehouse;
  spec.name = field<std::string>(json, "name", "");
  spec.state_folder = field<std::string>(json, "state_folder", "");
  spec.weir_binary = field<std::string>(json, "weir_binary", "");
  if (json.contains("settings")) spec.settings = json["settings"];
  return spec;
}

ServiceRecord read_record(const ServicePaths& paths) {
  const auto text = read_file(paths.record);
  if (!text.ok()) return {};
  const auto json = parse_json(*text);
  if (!json.ok()) return {};
  ServiceRecord record;
  const auto state = field<std::string>(*json, "state", "");
  for (const auto& [value, candidate] : kStates) {
    if (candidate == state) record.state = value;
  }
  record.owner = identity_from(*json, "owner");
  record.process = identity_from(*json, "process");
  if (json->is_object() && json->contains("address")) record.address = address_from((*json)["address"]);
  record.data_folder = field<std::string>(*json, "data_folder", "");
  record.version = field<std::string>(*json, "version", "");
  record.detail = field<std::string>(*json, "detail", "");
  return record;
}

Result<void> write_record(const ServicePaths& paths, const ServiceSpec& spec, const ServiceRecord& record) {
  Json json = Json::object();
  json["name"] = spec.name;
  json["kind"] = name(spec.kind);
  json["state"] = name(record.state);
  json["owner"] = to_json(record.owner);
  json["process"] = to_json(record.process);
  json["address"] = to_json(record.address);
  json["data_folder"] = record.data_folder.string();
  json["version"] = record.version;
  json["detail"] = record.detail;
  return write_file(paths.record, to_text(json) + "\n", FileAccess::OwnerOnly);
}

ServiceStatus recorded_status(const ServiceSpec& spec) {
  const ServicePaths paths{spec};
  const auto record = read_record(paths);
  ServiceStatus status;
  status.name = spec.name;
  status.kind = spec.kind;
  status.data_folder = record.data_folder.empty() ? paths.data : record.data_folder;
  if (!is_alive(record.owner)) return status;  // whatever its record says, it went with its owner
  status.state = record.state;
  status.detail = record.detail;
  if (record.state != ServiceState::Running) return status;
  status.address = record.address;
  if (is_alive(record.process)) {
    status.pid = record.process.pid;
    if (!accepts_connections(spec.kind, record.address)) status.detail = "it runs but takes no connections";
  } else {
    status.state = ServiceState::Starting;
    status.detail = "it ended and is about to be started again";
  }
  return status;
}

Result<std::optional<Descriptor>> claim(const std::filesystem::path& lock) {
  const auto doing = fmt::format("locking file: {}", lock.string());
  Descriptor file{::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!file) return Error::from_errno(errno, doing);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return std::optional{std::move(file)};
  if (errno == EWOULDBLOCK) return std::optional<Descriptor>{};
  return Error::from_errno(errno, doing);
}

Result<Secret> keep_password(const ServicePaths& paths) {
  auto kept = read_file(paths.password);
  if (kept.ok() && !kept->empty()) return Secret{std::move(kept).value()};
  if (!kept.ok() && kept.error().code() != Code::NotFound) return std::move(kept).error();
  auto password = generate_secret(kPasswordLength);
  WEIR_TRY(write_file(paths.password, password.reveal(), FileAccess::OwnerOnly));
  return password;
}

std::filesystem::path log_file(const std::filesystem::path& state_folder, std::string_view name) {
  return state_folder / "logs" / "services" / fmt::format("{}.log", name);
}

Result<Descriptor> open_log(const ServicePaths& paths) {
  WEIR_TRY(make_folder(paths.log.parent_path()));
  std::error_code missing;
  if (std::filesystem::file_size(paths.log, missing) > kLogBytesMax && !missing) {
    auto previous = paths.log;
    previous += ".1";
    std::filesystem::rename(paths.log, previous, missing);
  }
  // Statements that failed stand in it, so it is not for everyone.
  Descriptor log{::open(paths.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)};
  if (!log) return Error::from_errno(errno, fmt::format("opening log: {}", paths.log.string()));
  return log;
}

}  // namespace weir::services
