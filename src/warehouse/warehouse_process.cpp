#include "warehouse/warehouse_process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "base/file.hpp"
#include "base/json.hpp"
#include "warehouse/chdb.hpp"

namespace weir::warehouse {
namespace {

namespace fs = std::filesystem;

std::string password_file(const fs::path& data_folder) {
  auto file = data_folder.string() + ".password";
  EXPECT_TRUE(write_file(file, std::string(kTestPassword) + "\n", FileAccess::OwnerOnly).ok());
  return file;
}

// Our end of a pipe of which the child holds the other as descriptor 9; its stderr goes to `log`.
std::pair<pid_t, Descriptor> spawn(const fs::path& data_folder, std::vector<std::string> arguments,
                                   const fs::path& log) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  Descriptor reading(ends[0]);
  const Descriptor writing(ends[1]);
  std::vector<std::string> all = {WEIR_WAREHOUSE_MAIN,
                                  "--data",
                                  data_folder.string(),
                                  "--password-file",
                                  password_file(data_folder),
                                  "--socket",
                                  data_folder.string() + ".sock",
                                  "--port",
                                  "0",
                                  "--ready-fd",
                                  "9"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& argument : all) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, writing.get(), 9);
  ::posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  pid_t pid = -1;
  EXPECT_EQ(::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ), 0);
  ::posix_spawn_file_actions_destroy(&actions);
  return {pid, std::move(reading)};
}

std::string read_to_end(int fd) {
  std::string text;
  char buffer[512];
  for (;;) {
    const auto got = ::read(fd, buffer, sizeof buffer);
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace

WarehouseProcess::WarehouseProcess(fs::path data_folder, std::vector<std::string> arguments)
    : data_folder_(std::move(data_folder)) {
  auto [pid, ready] = spawn(data_folder_, std::move(arguments), data_folder_.string() + ".log");
  pid_ = pid;
  const auto line = read_to_end(ready.get());
  const auto json = parse_json(line);
  EXPECT_TRUE(json.ok()) << "the warehouse did not start: " << read_file(data_folder_.string() + ".log").value();
  if (!json.ok()) return;
  port_ = (*json)["port"];
  EXPECT_EQ((*json)["pid"], pid_);
}

WarehouseProcess::~WarehouseProcess() { kill(); }

int WarehouseProcess::wait() {
  int status = 0;
  if (pid_ < 0) return 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void WarehouseProcess::kill() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
  wait();
}

int WarehouseProcess::stop() {
  ::kill(pid_, SIGTERM);
  return wait();
}

std::pair<int, std::string> WarehouseProcess::run_to_end(const fs::path& data_folder) {
  const auto log = data_folder.string() + ".second.log";
  fs::remove(log);
  const auto [pid, ready] = spawn(data_folder, {}, log);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), read_file(log).value()};
}

Answer WarehouseProcess::request(std::string method, std::string_view path_and_query, std::string_view body,
                                 net::Headers headers) const {
  net::HttpRequest request;
  request.method = std::move(method);
  request.url = "http://localhost" + std::string(path_and_query);
  request.unix_socket = socket();
  request.headers = std::move(headers);
  request.body = body.empty() ? net::HttpRequest::Body::None : net::HttpRequest::Body::Streamed;
  Answer answer;
  net::HttpClient client;
  auto exchange = client.open(request, {});
  if (!exchange.ok()) {
    ADD_FAILURE() << exchange.error().text() << "\n" << read_file(data_folder_.string() + ".log").value();
    return answer;
  }
  // A server that refuses early does not take all of it.
  if (!body.empty() && (*exchange)->write(std::as_bytes(std::span(body)), {}).ok()) (void)(*exchange)->finish_body({});
  auto response = (*exchange)->response({});
  if (!response.ok()) {
    ADD_FAILURE() << response.error().text() << "\n" << read_file(data_folder_.string() + ".log").value();
    return answer;
  }
  answer.status = response->status;
  answer.headers = std::move(response->headers);
  std::vector<std::byte> buffer(1 << 16);
  for (;;) {
    const auto got = (*exchange)->read(buffer, {});
    answer.complete = got.ok();
    if (!got.ok() || *got == 0) return answer;
    answer.body.append(reinterpret_cast<const char*>(buffer.data()), *got);
  }
}

Answer WarehouseProcess::query(std::string_view sql, std::string_view url_parameters, net::Headers headers) const {
  headers.add("X-ClickHouse-User", "default");
  headers.add("X-ClickHouse-Key", std::string(kTestPassword));
  return request("POST", "/?" + std::string(url_parameters), sql, std::move(headers));
}

std::string WarehouseProcess::value(std::string_view sql, std::string_view url_parameters) const {
  auto answer = query(sql, url_parameters);
  EXPECT_EQ(answer.status, 200) << sql << ": " << answer.body;
  EXPECT_TRUE(answer.complete) << sql;
  if (answer.body.ends_with('\n')) answer.body.pop_back();
  return answer.body;
}

Descriptor WarehouseProcess::begin_part(std::string_view sql, std::size_t bytes) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = socket();
  std::copy(path.begin(), path.end(), address.sun_path);
  Descriptor connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const auto request = fmt::format(
      "POST / HTTP/1.1\r\nX-ClickHouse-User: default\r\nX-ClickHouse-Key: {}\r\nContent-Length: {}\r\n\r\n{}",
      kTestPassword, bytes, sql);
  EXPECT_TRUE(write_all(connection.get(), request, "sending a query").ok());
  return connection;
}

fs::path fresh_folder(std::string_view name) {
  auto folder = fs::path(testing::TempDir()) / fmt::format("weir_{}_{}", name, ::getpid());
  for (const auto* suffix : {"", ".sock", ".log", ".second.log", ".password"}) {
    fs::remove_all(folder.string() + suffix);
  }
  return folder;
}

bool library_is_there() { return fs::exists(Chdb::default_library()); }

}  // namespace weir::warehouse
