#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include "base/file.hpp"
#include "connectors/http/http_source.hpp"
#include "data/text.hpp"

// A server on real sockets whose every byte a test decides, and a connection to it.
namespace weir::http::testing {

struct Got {
  std::string method;
  std::string target;  // "/items?page=2"
  std::string head;    // the lines behind the first one
  std::string body;

  bool has(std::string_view text) const { return head.find(text) != std::string::npos; }
  std::string parameter(std::string_view name) const {
    const auto at = target.find(fmt::format("{}=", name));
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 1;
    return target.substr(begin, std::min(target.find('&', begin), target.size()) - begin);
  }
};

struct Reply {
  int status = 200;
  std::string body;
  std::string headers = {};                  // whole lines
  std::string raw = {};                      // instead of all that: what is sent, before the connection is closed
  std::function<void(int socket)> act = {};  // goes on with the socket after `raw`
};

class Server {
 public:
  using Answer = std::function<Reply(const Got&)>;

  explicit Server(Answer answer) : answer_(std::move(answer)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 64), 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept(); });
  }
  ~Server() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (auto& thread : threads_) thread.join();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }
  // "GET /items?page=2", in the order in which they came.
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void accept() {
    while (true) {
      const int fd = ::accept(listener_.get(), nullptr, nullptr);
      if (fd < 0) return;
      const std::lock_guard lock(mutex_);
      open_.push_back(fd);
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    std::string seen;
    while (auto got = receive(fd, seen)) {
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(got->method + " " + got->target);
      }
      const auto reply = answer_(*got);
      if (!reply.raw.empty() || reply.act) {
        send(fd, reply.raw);
        if (reply.act) reply.act(fd);
        break;
      }
      send(fd, fmt::format("HTTP/1.1 {} Answer\r\n{}Content-Length: {}\r\n\r\n{}", reply.status, reply.headers,
                           reply.body.size(), reply.body));
    }
    const std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    ::close(fd);
  }

  static void send(int fd, std::string_view text) {
    while (!text.empty()) {
      const auto sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  static bool read_some(int fd, std::string& seen) {
    char buffer[65536];
    const auto count = ::recv(fd, buffer, sizeof buffer, 0);
    if (count > 0) seen.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
  }

  static std::optional<Got> receive(int fd, std::string& seen) {
    while (seen.find("\r\n\r\n") == std::string::npos) {
      if (!read_some(fd, seen)) return std::nullopt;
    }
    const auto end = seen.find("\r\n\r\n");
    Got got;
    const auto line = seen.find("\r\n");
    const auto first = seen.substr(0, line);
    got.method = first.substr(0, first.find(' '));
    got.target = first.substr(got.method.size() + 1, first.rfind(' ') - got.method.size() - 1);
    got.head = seen.substr(line + 2, end - line);
    std::size_t size = 0;
    if (const auto at = got.head.find("Content-Length: "); at != std::string::npos)
      size = std::stoul(got.head.substr(at + 16));
    seen.erase(0, end + 4);
    while (seen.size() < size) {
      if (!read_some(fd, seen)) return std::nullopt;
    }
    got.body = seen.substr(0, size);
    seen.erase(0, size);
    return got;
  }

  const Answer answer_;
  Descriptor listener_;
  int port_ = 0;
  std::thread acceptor_;
  mutable std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::vector<std::string> requests_;
};

// Waits take no time; they are noted.
class FakeTimeline final : public Timeline {
 public:
  SteadyTime now() const override { return now_; }
  Instant wall_clock() const override { return wall_; }
  double random() override { return 0.5; }
  Result<void> wait_until(SteadyTime time, std::stop_token) override {
    const auto wait = time - now_;
    waits.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(wait));
    wall_ += std::chrono::duration_cast<std::chrono::microseconds>(wait);
    now_ = time;
    return {};
  }
  std::optional<SteadyTime> wake_at(SteadyTime) const override { return std::nullopt; }
  void pass(std::chrono::seconds time) { now_ += time; }

  std::vector<std::chrono::milliseconds> waits;

 private:
  SteadyTime now_ = std::chrono::steady_clock::now();
  Instant wall_ = *parse_instant("2026-03-01T00:00:00Z");
};

class KeptLog final : public Log {
 public:
  void write(LogLine line) override {
    const std::lock_guard lock(mutex_);
    text_ += fmt::format("{} {}\n", name(line.level), line.message);
  }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  int count(std::string_view part) const {
    const auto all = text();
    int count = 0;
    for (auto at = all.find(part); at != std::string::npos; at = all.find(part, at + 1)) ++count;
    return count;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

// What a read of a stream gave.
struct Rows {
  std::optional<Error> error;
  std::string schema;
  std::string text;  // a row a line, values joined by "|", null as "-"
  std::size_t count = 0;
  std::optional<flow::Checkpoint> checkpoint;
  std::vector<std::string> key;
};

class HttpTest : public ::testing::Test {
 protected:
  HttpTest() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() / fmt::format("weir-http-test-{}-{}", info->name(), ::getpid());
    std::filesystem::remove_all(folder_);
    EXPECT_TRUE(make_folder(folder_).ok());
  }
  ~HttpTest() override { std::filesystem::remove_all(folder_); }

  Result<std::unique_ptr<HttpSource>> open(const Json& settings, const std::string& run = "run1",
                                           Timeline* timeline = nullptr) {
    flow::OpenContext context{.connection = {.name = "api", .type = "http", .settings = Settings{settings}},
                              .project_folder = folder_,
                              .log = &log_};
    if (!run.empty()) context.run_folder = folder_ / "files" / run;
    return HttpSource::open(context, {}, timeline == nullptr ? timeline_ : *timeline);
  }

  static Rows read(HttpSource& source, const std::string& stream, const std::optional<flow::Checkpoint>& from = {},
                   std::stop_token stop = {}) {
    Rows rows;
    flow::ReadRequest request;
    request.stream = stream;
    request.from = from;
    request.limits.batch_rows = 7;
    const auto described = source.describe(request, stop);
    if (!described.ok()) {
      rows.error = described.error();
      return rows;
    }
    rows.schema = described->schema.text();
    rows.key = described->key;
    const auto reader = source.open(request, {"all"}, from, stop);
    if (!reader.ok()) {
      rows.error = reader.error();
      return rows;
    }
    while (true) {
      const auto delivery = (*reader)->next(stop);
      if (!delivery.ok()) {
        rows.error = delivery.error();
        return rows;
      }
      if (!*delivery) return rows;
      const auto& batch = (*delivery)->batch;
      for (std::size_t row = 0; row < batch.rows(); ++row) {
        for (std::size_t column = 0; column < batch.columns().size(); ++column) {
          if (column != 0) rows.text += '|';
          rows.text += batch.column(column).is_null(row) ? "-" : data::value_text(batch.column(column), row);
        }
        rows.text += '\n';
      }
      rows.count += batch.rows();
      rows.checkpoint = (*delivery)->checkpoint;
    }
  }
  Rows read(const Json& settings, const std::string& stream, const std::optional<flow::Checkpoint>& from = {},
            const std::string& run = "run1") {
    const auto source = open(settings, run);
    if (!source.ok()) return {.error = source.error()};
    return read(**source, stream, from);
  }

  // All that the runs have kept, in one text.
  std::string kept() const {
    std::string all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      if (entry.is_regular_file()) all += entry.path().string() + "\n" + read_file(entry.path()).value() + "\n";
    }
    return all;
  }

  std::filesystem::path folder_;
  FakeTimeline timeline_;
  KeptLog log_;
};

// What a shell command prints.
inline std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  char buffer[65536];
  while (const auto count = std::fread(buffer, 1, sizeof buffer, pipe)) text.append(buffer, count);
  ::pclose(pipe);
  return text;
}

// {"id":first},…
inline std::string items(int first, int count) {
  std::string text;
  for (int i = first; i < first + count; ++i) text += fmt::format("{}{{\"id\":{}}}", text.empty() ? "" : ",", i);
  return text;
}
// "first\n…"
inline std::string ids(int first, int count) {
  std::string text;
  for (int i = first; i < first + count; ++i) text += fmt::format("{}\n", i);
  return text;
}

// A connection to the server with one resource, "items".
inline Json api(const Server& server, Json resource, const Json& more = Json::object()) {
  Json settings = {{"url", server.url()}, {"resources", {{"items", std::move(resource)}}}};
  settings.update(more);
  return settings;
}

inline int number(const std::string& text, int otherwise) { return text.empty() ? otherwise : std::stoi(text); }

}  // namespace weir::http::testing
