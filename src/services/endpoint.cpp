#include "services/endpoint.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.hpp"
#include "services/record.hpp"

namespace weir::services {
namespace {

constexpr std::size_t kSocketFileBytesMax = 16;  // the longest name that a service gives its socket

Descriptor bind_loopback(int port, int* bound_port) {
  Descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  // As servers do: a port whose old connections are still fading counts as free.
  const int yes = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.get(), generic, sizeof address) != 0) return {};
  socklen_t length = sizeof address;
  if (bound_port != nullptr && ::getsockname(socket.get(), generic, &length) == 0)
    *bound_port = ntohs(address.sin_port);
  return socket;
}

bool may_enter_one(const struct stat& folder, uid_t user, gid_t group) {
  if (folder.st_uid == user) return (folder.st_mode & S_IXUSR) != 0;
  if (folder.st_gid == group) return (folder.st_mode & S_IXGRP) != 0;
  return (folder.st_mode & S_IXOTH) != 0;
}

// Made, or found as we would have made it: a folder that somebody else put there first is refused.
Result<void> own_folder(const std::filesystem::path& path, uid_t user, gid_t group) {
  const auto doing = fmt::format("making folder: {}", path.string());
  const bool made = ::mkdir(path.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return Error::from_errno(errno, doing);
  const Descriptor folder{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!folder) return Error::from_errno(errno, doing);
  struct stat found {};
  if (::fstat(folder.get(), &found) != 0) return Error::from_errno(errno, doing);
  if (found.st_uid != user && found.st_uid != ::geteuid()) {
    return Error::system(Code::AccessDenied, "folder belongs to another user: {}", path.string())
        .retry(Retry::Never)
        .hint("remove it, or ask its owner to");
  }
  if (found.st_uid != user && ::fchown(folder.get(), user, group) != 0) return Error::from_errno(errno, doing);
  if ((found.st_mode & 0777) != 0700 && ::fchmod(folder.get(), 0700) != 0) return Error::from_errno(errno, doing);
  return {};
}

}  // namespace

std::filesystem::path socket_file(ServiceKind kind, const ServiceAddress& address) {
  if (kind == ServiceKind::Warehouse) return address.unix_socket;
  return std::filesystem::path{address.unix_socket} / fmt::format(".s.PGSQL.{}", address.port);
}

bool accepts_connections(ServiceKind kind, const ServiceAddress& address) {
  const auto path = socket_file(kind, address).string();
  sockaddr_un target{};
  target.sun_family = AF_UNIX;
  if (path.size() >= sizeof target.sun_path) return false;
  std::memcpy(target.sun_path, path.data(), path.size());
  const Descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  // EAGAIN: it listens, and more connections than it has taken yet are waiting.
  return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&target), sizeof target) == 0 || errno == EAGAIN;
}

bool port_is_free(int port) { return port > 0 && port < 65536 && bind_loopback(port, nullptr).get() >= 0; }

Result<int> find_free_port() {
  int port = 0;
  if (!bind_loopback(0, &port)) return Error::from_errno(errno, "looking for a free port");
  return port;
}

bool can_enter(const std::filesystem::path& folder, uid_t user, gid_t group) {
  std::error_code error;
  const auto absolute = std::filesystem::weakly_canonical(folder, error);
  if (error) return false;
  std::filesystem::path reached;
  for (const auto& part : absolute) {
    reached /= part;
    struct stat found {};
    if (::stat(reached.c_str(), &found) != 0) return errno == ENOENT;  // what is missing we shall make
    if (!may_enter_one(found, user, group)) return false;
  }
  return true;
}

Result<std::filesystem::path> make_run_folder(const ServiceSpec& spec, uid_t user, gid_t group) {
  const ServicePaths paths{spec};
  auto run = paths.folder / (spec.name + ".run");
  const std::size_t path_bytes_max = sizeof(sockaddr_un::sun_path) - 1;
  if (run.string().size() + 1 + kSocketFileBytesMax > path_bytes_max || !can_enter(paths.folder, user, group)) {
    run = fmt::format("/tmp/weir-{}-{}", user, path_hash(paths.data));
  }
  WEIR_TRY(own_folder(run, user, group));
  return run;
}

std::string path_hash(const std::filesystem::path& path) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char letter : path.string()) {
    hash ^= static_cast<unsigned char>(letter);
    hash *= 0x100000001b3;
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace weir::services
