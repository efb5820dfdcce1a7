#include "net/http_client.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <future>
#include <thread>

#include "base/file.hpp"

namespace weir::net {
namespace {

using namespace std::chrono_literals;

// One accepted connection of the scripted server: reads and writes raw bytes.
class Peer {
 public:
  explicit Peer(int fd) : socket_(fd) {}

  std::string read_until(std::string_view end) {
    while (seen_.find(end) == std::string::npos) {
      if (!read_some()) break;
    }
    const auto at = seen_.find(end);
    const auto size = at == std::string::npos ? seen_.size() : at + end.size();
    auto text = seen_.substr(0, size);
    seen_.erase(0, size);
    return text;
  }
  std::string read_head() { return read_until("\r\n\r\n"); }
  void send(std::string_view text) { (void)write_all(socket_.get(), text, "answering"); }
  // Bytes that the socket takes without waiting.
  std::size_t send_without_waiting(std::string_view text) {
    const auto sent = ::send(socket_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
  }
  // Returns when the client has closed its end.
  void await_close() {
    while (read_some()) {
    }
  }

 private:
  bool read_some() {
    char buffer[65536];
    const auto count = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (count > 0) seen_.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
  }

  Descriptor socket_;
  std::string seen_;
};

// Plays a script a connection, in order, then stops accepting.
class ScriptedServer {
 public:
  using Script = std::function<void(Peer&)>;

  explicit ScriptedServer(std::vector<Script> scripts) : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, scripts = std::move(scripts)] { run(scripts); });
  }
  explicit ScriptedServer(const std::string& unix_path, std::vector<Script> scripts)
      : listener_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    unix_path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    thread_ = std::thread([this, scripts = std::move(scripts)] { run(scripts); });
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

  HttpRequest request(HttpRequest::Body body = HttpRequest::Body::None) const {
    HttpRequest request;
    request.method = body == HttpRequest::Body::None ? "GET" : "POST";
    request.url = "http://127.0.0.1:" + std::to_string(port_) + "/path?x=1";
    request.body = body;
    return request;
  }

 private:
  void run(const std::vector<Script>& scripts) {
    for (const auto& script : scripts) {
      const int fd = ::accept(listener_.get(), nullptr, nullptr);
      if (fd < 0) return;
      Peer peer(fd);
      script(peer);
    }
  }

  Descriptor listener_;
  int port_ = 0;
  std::thread thread_;
};

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span{text}); }

Result<std::string> read_all(HttpExchange& exchange) {
  std::string all;
  std::vector<std::byte> buffer(1000);
  while (const auto count = WEIR_TRY(exchange.read(buffer, {}))) {
    all.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
  return all;
}

TEST(HttpClient, FetchesHeadersAndBody) {
  std::string head;
  ScriptedServer server({[&](Peer& peer) {
    head = peer.read_head();
    peer.send("HTTP/1.1 404 Not Found\r\nX-Answer:  forty two \r\nContent-Length: 5\r\n\r\nhello");
    peer.await_close();
  }});
  {
    HttpClient client;
    auto request = server.request();
    request.headers.add("X-Question", "why");
    const auto answer = client.fetch(request, "", {});
    ASSERT_TRUE(answer.ok()) << answer.error().text();
    EXPECT_EQ(answer->first.status, 404);
    EXPECT_EQ(answer->first.headers.find("x-answer"), "forty two");
    EXPECT_EQ(answer->first.headers.find("x-missing"), std::nullopt);
    EXPECT_EQ(answer->second, "hello");
  }
  EXPECT_TRUE(head.starts_with("GET /path?x=1 HTTP/1.1\r\n")) << head;
  EXPECT_NE(head.find("X-Question: why\r\n"), std::string::npos) << head;
}

TEST(HttpClient, KeepsTheConnectionForTheNextExchange) {
  ScriptedServer server({[](Peer& peer) {
    for (int i = 0; i < 3; ++i) {
      peer.read_until("\r\n\r\nbody");
      peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + std::to_string(i));
    }
    peer.await_close();
  }});
  HttpClient client;
  for (int i = 0; i < 3; ++i) {
    const auto answer = client.fetch(
        [&] {
          auto request = server.request();
          request.method = "POST";
          return request;
        }(),
        "body", {});
    ASSERT_TRUE(answer.ok()) << answer.error().text();
    EXPECT_EQ(answer->second, std::to_string(i));
  }
}

TEST(HttpClient, SpeaksThroughAUnixSocket) {
  const auto path = std::filesystem::temp_directory_path() / ("weir_http_" + std::to_string(::getpid()) + ".sock");
  std::filesystem::remove(path);
  {
    ScriptedServer server(path.string(), {[](Peer& peer) {
                            peer.read_head();
                            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                          }});
    HttpClient client;
    HttpRequest request;
    request.url = "http://localhost/";
    request.unix_socket = path.string();
    const auto answer = client.fetch(request, "", {});
    ASSERT_TRUE(answer.ok()) << answer.error().text();
    EXPECT_EQ(answer->second, "ok");
  }
  std::filesystem::remove(path);
}

TEST(HttpClient, StreamsALargeBodyInChunks) {
  const std::string megabyte(1 << 20, 'x');
  std::string received;
  ScriptedServer server({[&](Peer& peer) {
    peer.read_head();
    received = peer.read_until("\r\n0\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  }});
  HttpClient client;
  auto exchange = client.open(server.request(HttpRequest::Body::Streamed), {});
  ASSERT_TRUE(exchange.ok());
  for (int i = 0; i < 8; ++i) ASSERT_TRUE((*exchange)->write(bytes_of(megabyte), {}).ok());
  ASSERT_TRUE((*exchange)->finish_body({}).ok());
  const auto head = (*exchange)->response({});
  ASSERT_TRUE(head.ok()) << head.error().text();
  EXPECT_EQ(head->status, 200);
  EXPECT_EQ(std::count(received.begin(), received.end(), 'x'), 8 << 20);
}

TEST(HttpClient, SendsAnEmptyStreamedBody) {
  ScriptedServer server({[&](Peer& peer) {
    peer.read_head();
    peer.read_until("0\r\n\r\n");
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  }});
  HttpClient client;
  auto exchange = client.open(server.request(HttpRequest::Body::Streamed), {});
  ASSERT_TRUE(exchange.ok());
  ASSERT_TRUE((*exchange)->finish_body({}).ok());
  EXPECT_EQ((*exchange)->response({})->status, 200);
}

TEST(HttpClient, ReadsAChunkedBodyInSmallPieces) {
  std::string body;
  for (int i = 0; i < 200'000; ++i) body += std::to_string(i) + ",";
  ScriptedServer server({[&](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (std::size_t at = 0; at < body.size(); at += 77'777) {
      const auto piece = body.substr(at, 77'777);
      peer.send(fmt::format("{:x}\r\n{}\r\n", piece.size(), piece));
    }
    peer.send("0\r\n\r\n");
  }});
  HttpClient client;
  auto exchange = client.open(server.request(), {});
  ASSERT_TRUE(exchange.ok());
  const auto all = read_all(**exchange);
  ASSERT_TRUE(all.ok()) << all.error().text();
  EXPECT_EQ(*all, body);
}

TEST(HttpClient, KeepsWhatComesWhileAnotherExchangeIsDriven) {
  const std::string rest(10'000, 'r');
  std::promise<void> head_is_read;
  std::promise<void> first_is_read;
  std::promise<void> rest_is_sent;
  ScriptedServer server({[&](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10005\r\n\r\n");
    head_is_read.get_future().wait();
    peer.send("first");
    first_is_read.get_future().wait();
    peer.send(rest);
    rest_is_sent.set_value();
    peer.await_close();
  }});
  ScriptedServer other({[&](Peer& peer) {
    peer.read_head();
    rest_is_sent.get_future().wait();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    peer.await_close();
  }});
  HttpClient client;
  auto exchange = client.open(server.request(), {});
  ASSERT_TRUE(exchange.ok());
  ASSERT_TRUE((*exchange)->response({}).ok());
  head_is_read.set_value();
  std::vector<std::byte> buffer(100);
  EXPECT_EQ((*exchange)->read(buffer, {}).value(), 5U);
  first_is_read.set_value();
  EXPECT_EQ(client.fetch(other.request(), "", {}).value().second, "ok");
  EXPECT_EQ(read_all(**exchange).value(), rest);
}

TEST(HttpClient, ShortBodyIsAnErrorAndNeverAnEnd) {
  ScriptedServer server({[](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
  }});
  HttpClient client;
  auto exchange = client.open(server.request(), {});
  const auto all = read_all(**exchange);
  ASSERT_FALSE(all.ok());
  EXPECT_EQ(all.error().code(), Code::Unavailable);
  EXPECT_EQ(all.error().retry(), Retry::Reconnect);
}

TEST(HttpClient, AbortedChunkIsAnErrorAndNeverAnEnd) {
  ScriptedServer server({[](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
  }});
  HttpClient client;
  auto exchange = client.open(server.request(), {});
  std::vector<std::byte> buffer(100);
  ASSERT_EQ(*(*exchange)->read(buffer, {}), 5U);
  const auto end = (*exchange)->read(buffer, {});
  ASSERT_FALSE(end.ok());
  EXPECT_EQ(end.error().code(), Code::Unavailable);
}

TEST(HttpClient, ServerThatHangsUpIsUnavailable) {
  ScriptedServer server({[](Peer& peer) { peer.read_head(); }});
  HttpClient client;
  const auto answer = client.fetch(server.request(), "", {});
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), Code::Unavailable);
  EXPECT_EQ(answer.error().retry(), Retry::Reconnect);
}

TEST(HttpClient, EarlyAnswerStopsTheUploadAndCanBeRead) {
  ScriptedServer server({[](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 6\r\n\r\nno way");
    peer.await_close();
  }});
  HttpClient client;
  auto exchange = client.open(server.request(HttpRequest::Body::Streamed), {});
  const std::string megabyte(1 << 20, 'x');
  Result<void> written;
  for (int i = 0; i < 10'000 && written.ok(); ++i) written = (*exchange)->write(bytes_of(megabyte), {});
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code(), Code::Unavailable);
  const auto head = (*exchange)->response({});
  ASSERT_TRUE(head.ok()) << head.error().text();
  EXPECT_EQ(head->status, 400);
  EXPECT_EQ(*read_all(**exchange), "no way");
  exchange->reset();
}

TEST(HttpClient, SilenceTimesOut) {
  ScriptedServer server({[](Peer& peer) {
    peer.read_head();
    peer.await_close();
  }});
  {
    HttpClient client;
    auto request = server.request();
    request.timeouts.silence = 50ms;
    const auto answer = client.fetch(request, "", {});
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code(), Code::TimedOut);
    EXPECT_EQ(answer.error().retry(), Retry::Reconnect);
  }
}

TEST(HttpClient, StopWakesAWaitingReader) {
  std::promise<void> asked;
  ScriptedServer server({[&](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    asked.set_value();
    peer.await_close();
  }});
  HttpClient client;
  auto exchange = client.open(server.request(), {});
  std::stop_source source;
  std::thread stopper([&] {
    asked.get_future().wait();
    source.request_stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::byte> buffer(100);
  const auto read = (*exchange)->read(buffer, source.get_token());
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code(), Code::Cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  stopper.join();
  exchange->reset();
  client = HttpClient{};
}

TEST(HttpClient, StopWakesABlockedWriter) {
  std::promise<void> asked;
  std::promise<void> given_up;
  ScriptedServer server({[&](Peer& peer) {
    peer.read_head();
    asked.set_value();
    given_up.get_future().wait();  // never reads the body
  }});
  HttpClient client;
  auto exchange = client.open(server.request(HttpRequest::Body::Streamed), {});
  std::stop_source source;
  std::thread stopper([&] {
    asked.get_future().wait();
    source.request_stop();
  });
  const std::string megabyte(1 << 20, 'x');
  Result<void> written;
  while (written.ok()) written = (*exchange)->write(bytes_of(megabyte), source.get_token());
  EXPECT_EQ(written.error().code(), Code::Cancelled);
  stopper.join();
  given_up.set_value();
}

TEST(HttpClient, SlowReaderSlowsTheServer) {
  std::promise<std::size_t> accepted;
  ScriptedServer server({[&](Peer& peer) {
    peer.read_head();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    const std::string megabyte(1 << 20, 'x');
    std::size_t total = 0;
    for (int refused = 0; refused < 20;) {
      const auto sent = peer.send_without_waiting(megabyte);
      total += sent;
      if (sent == 0) {
        ++refused;
        ::poll(nullptr, 0, 5);
      }
    }
    accepted.set_value(total);
    peer.await_close();
  }});
  HttpClient client;
  auto exchange = client.open(server.request(), {});
  std::vector<std::byte> buffer(1000);
  ASSERT_NE(*(*exchange)->read(buffer, {}), 0U);
  EXPECT_LT(accepted.get_future().get(), std::size_t{32} << 20);
  exchange->reset();
  client = HttpClient{};
}

TEST(HttpClient, NobodyListensIsUnavailable) {
  HttpRequest request;
  request.url = "http://secret:word@127.0.0.1:1/?password=hidden";
  HttpClient client;
  const auto answer = client.fetch(request, "", {});
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), Code::Unavailable);
  EXPECT_EQ(answer.error().text().find("word"), std::string::npos) << answer.error().text();
  EXPECT_EQ(answer.error().text().find("hidden"), std::string::npos) << answer.error().text();
}

TEST(HttpClient, RefusesHeadersWithLineBreaks) {
  HttpRequest request;
  request.url = "http://127.0.0.1:1/";
  request.headers.add("X-User", "a\r\nX-Admin: yes");
  HttpClient client;
  const auto answer = client.fetch(request, "", {});
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), Code::InvalidArgument);
}

}  // namespace
}  // namespace weir::net
