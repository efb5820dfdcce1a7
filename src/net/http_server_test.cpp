#include "net/http_server.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/file.hpp"
#include "net/query_string.hpp"
#include "net/test_certificate.hpp"

namespace weir::net {
namespace {

using namespace std::chrono_literals;

// A client made of nothing but a socket, so that the server is not tested with its own ideas of HTTP.
class Client {
 public:
  explicit Client(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  explicit Client(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }

  void send(std::string_view text) { EXPECT_TRUE(write_all(socket_.get(), text, "sending").ok()); }
  // Up to and including `end`, or everything until the server closes when it is empty.
  std::string read_until(std::string_view end) {
    std::size_t searched = 0;
    while (end.empty() || buffer_.find(end, searched) == std::string::npos) {
      searched = buffer_.size() - std::min(buffer_.size(), end.size());
      char bytes[65536];
      const auto got = ::recv(socket_.get(), bytes, sizeof bytes, 0);
      if (got <= 0) break;
      buffer_.append(bytes, static_cast<std::size_t>(got));
    }
    const auto found = end.empty() ? std::string::npos : buffer_.find(end);
    const auto size = found == std::string::npos ? buffer_.size() : found + end.size();
    auto text = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return text;
  }
  void close() { socket_.reset(); }

 private:
  Descriptor socket_;
  std::string buffer_;
};

std::unique_ptr<HttpServer> start(HttpHandler handler, HttpServerOptions options = {}) {
  if (!options.port && options.unix_socket.empty()) options.port = 0;
  auto server = HttpServer::start(options, std::move(handler));
  EXPECT_TRUE(server.ok()) << server.error().text();
  return std::move(server).value();
}

std::string read_body(IncomingRequest& request) {
  std::string text;
  std::byte buffer[512];
  for (;;) {
    const auto got = request.body.read(buffer);
    if (!got.ok()) return "error: " + got.error().text();
    if (*got == 0) return text;
    text.append(as_text(std::span(buffer, *got)));
  }
}

void echo(IncomingRequest& request, ResponseWriter& response) {
  Headers headers;
  headers.add("X-Path", request.path);
  for (const auto& [name, value] : request.query) headers.add("X-Query-" + name, value);
  (void)response.send(200, headers, request.method + ":" + read_body(request));
}

TEST(HttpServer, AnswersAndKeepsTheConnection) {
  const auto server = start(echo);
  Client client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.send("POST /a%20b+c?x=1%2B1+1&empty HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    const auto answer = client.read_until("POST:hello");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
    EXPECT_NE(answer.find("X-Path: /a b+c\r\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find("X-Query-x: 1+1 1\r\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find("Content-Length: 10\r\n"), std::string::npos) << answer;
  }
}

TEST(HttpServer, ServesPipelinedRequestsInOrder) {
  const auto server = start(echo);
  Client client(server->port());
  client.send("POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n1POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n2");
  client.read_until("POST:1");
  EXPECT_NE(client.read_until("POST:2").find("200 OK"), std::string::npos);
}

TEST(HttpServer, ReadsChunkedBodiesAndAsksForThem) {
  const auto server = start(echo);
  Client client(server->port());
  client.send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("3\r\nabc\r\n");
  client.send("2\r\nde\r\n0\r\n\r\n");
  EXPECT_NE(client.read_until("POST:abcde").find("200 OK"), std::string::npos);
}

TEST(HttpServer, StreamsChunksAndBreaksOffWhatIsIncomplete) {
  const auto server = start([](IncomingRequest& request, ResponseWriter& response) {
    ASSERT_TRUE(response.start(200, {}).ok());
    ASSERT_TRUE(response.write(as_bytes("one")).ok());
    ASSERT_TRUE(response.write(as_bytes("four")).ok());
    if (request.path == "/good") {
      ASSERT_TRUE(response.finish().ok());
    } else {
      response.abort();
    }
  });
  Client good(server->port());
  good.send("GET /good HTTP/1.1\r\n\r\n");
  const auto answer = good.read_until("0\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("\r\n\r\n3\r\none\r\n4\r\nfour\r\n0\r\n\r\n")) << answer;
  Client bad(server->port());
  bad.send("GET /bad HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(bad.read_until("").ends_with("4\r\nfour\r\n"));
}

TEST(HttpServer, AnswersHttp10WithoutChunks) {
  const auto server = start([](IncomingRequest&, ResponseWriter& response) {
    ASSERT_TRUE(response.start(200, {}).ok());
    ASSERT_TRUE(response.write(as_bytes("body")).ok());
    ASSERT_TRUE(response.finish().ok());
  });
  Client client(server->port());
  client.send("GET / HTTP/1.0\r\n\r\n");
  const auto answer = client.read_until("");
  EXPECT_TRUE(answer.ends_with("\r\n\r\nbody")) << answer;
  EXPECT_EQ(answer.find("chunked"), std::string::npos) << answer;
}

TEST(HttpServer, HoldsASlowReaderBackInsteadOfBuffering) {
  std::atomic<std::size_t> written = 0;
  const auto server = start([&](IncomingRequest&, ResponseWriter& response) {
    const std::vector<std::byte> block(1 << 20);
    if (!response.start(200, {}).ok()) return;
    for (int i = 0; i < 64; ++i) {
      if (!response.write(block).ok()) return;
      written += block.size();
    }
    (void)response.finish();
  });
  Client client(server->port());
  client.send("GET / HTTP/1.1\r\n\r\n");
  client.read_until("\r\n\r\n");
  // Nobody reads, so the writer gets stuck at the kernel's buffers; where that is depends on the machine, not on us.
  for (std::size_t before = written; std::this_thread::sleep_for(100ms), before != written;) before = written;
  EXPECT_LT(written, std::size_t{32} << 20);
  client.read_until("\r\n0\r\n\r\n");
  EXPECT_EQ(written, std::size_t{64} << 20);
}

TEST(HttpServer, TellsTheHandlerThatItsClientHasLeft) {
  std::mutex mutex;
  std::condition_variable changed;
  bool working = false;
  bool noticed = false;
  const auto server = start([&](IncomingRequest& request, ResponseWriter&) {
    std::unique_lock lock(mutex);
    working = true;
    changed.notify_all();
    const std::stop_callback wake(request.gone, [&] {
      const std::lock_guard guard(mutex);
      noticed = true;
      changed.notify_all();
    });
    changed.wait_for(lock, 10s, [&] { return noticed; });
    working = false;
    changed.notify_all();
  });
  Client client(server->port());
  client.send("GET / HTTP/1.1\r\n\r\n");
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, 10s, [&] { return working; }));
  EXPECT_FALSE(noticed);
  client.close();
  ASSERT_TRUE(changed.wait_for(lock, 10s, [&] { return !working; }));
  EXPECT_TRUE(noticed);
}

TEST(HttpServer, WritingToAClientThatHasLeftIsAnErrorHoweverOften) {
  std::mutex mutex;
  std::condition_variable changed;
  int errors = 0;
  const auto server = start([&](IncomingRequest&, ResponseWriter& response) {
    const std::vector<std::byte> block(1 << 20);
    auto written = response.start(200, {});
    while (written.ok()) written = response.write(block);
    const int count = 1 + !response.write(block).ok() + !response.finish().ok();
    response.abort();
    const std::lock_guard lock(mutex);
    errors = count;
    changed.notify_all();
  });
  Client client(server->port());
  client.send("GET / HTTP/1.1\r\n\r\n");
  client.read_until("\r\n\r\n");
  client.close();
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, 10s, [&] { return errors != 0; }));
  EXPECT_EQ(errors, 3);
}

TEST(HttpServer, AnswersAClientThatStillSends) {
  const auto server = start([](IncomingRequest&, ResponseWriter& response) { (void)response.send(400, {}, "no"); });
  Client client(server->port());
  client.send("POST / HTTP/1.1\r\nContent-Length: 8000000\r\n\r\n");
  client.send(std::string(8'000'000, 'x'));
  const auto answer = client.read_until("");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400")) << answer;
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << answer;
}

TEST(HttpServer, RefusesWhatIsNotHttpAndHeadsWithoutEnd) {
  HttpServerOptions options;
  options.head_bytes_max = 4096;
  const auto server = start(echo, options);
  Client garbage(server->port());
  garbage.send("garbage\r\n\r\n");
  EXPECT_TRUE(garbage.read_until("").starts_with("HTTP/1.1 400 "));
  Client endless(server->port());
  endless.send("GET / HTTP/1.1\r\nX: " + std::string(8192, 'x') + "\r\n\r\n");
  EXPECT_TRUE(endless.read_until("").starts_with("HTTP/1.1 431 "));
}

TEST(HttpServer, AHandlerWithoutAnAnswerIsAnError) {
  const auto server = start([](IncomingRequest&, ResponseWriter&) {});
  Client client(server->port());
  client.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 500 "));
}

TEST(HttpServer, RefusesMoreConnectionsThanItMayHave) {
  HttpServerOptions options;
  options.connections_max = 1;
  const auto server = start(echo, options);
  Client first(server->port());
  first.send("GET / HTTP/1.1\r\n\r\n");
  first.read_until("GET:");
  Client second(server->port());
  EXPECT_TRUE(second.read_until("").starts_with("HTTP/1.1 503 "));
}

TEST(HttpServer, ListensOnAUnixSocketForItsOwnerOnly) {
  HttpServerOptions options;
  options.unix_socket = testing::TempDir() + "weir_http_server_test.sock";
  {
    const auto server = start(echo, options);
    struct stat status {};
    ASSERT_EQ(::stat(options.unix_socket.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    Client client(options.unix_socket);
    client.send("GET / HTTP/1.1\r\n\r\n");
    EXPECT_NE(client.read_until("GET:").find("200 OK"), std::string::npos);
  }
  EXPECT_FALSE(std::filesystem::exists(options.unix_socket));
}

TEST(HttpServer, StopsIdleConnectionsAtOnceAndBusyOnesAfterItsPatience) {
  std::mutex mutex;
  std::condition_variable changed;
  bool working = false;
  auto server = start([&](IncomingRequest& request, ResponseWriter& response) {
    if (request.path == "/idle") {
      (void)response.send(200, {}, "idle");
      return;
    }
    std::unique_lock lock(mutex);
    working = true;
    changed.notify_all();
    bool asked = false;
    const std::stop_callback wake(request.gone, [&] {
      const std::lock_guard guard(mutex);
      asked = true;
      changed.notify_all();
    });
    EXPECT_TRUE(changed.wait_for(lock, 10s, [&] { return asked; }));
  });
  Client idle(server->port());
  idle.send("GET /idle HTTP/1.1\r\n\r\n");
  idle.read_until("idle");
  Client busy(server->port());
  busy.send("GET /busy HTTP/1.1\r\n\r\n");
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, 10s, [&] { return working; }));
  }
  const auto begin = std::chrono::steady_clock::now();
  server->stop(50ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_EQ(idle.read_until(""), "");
}

TEST(HttpServer, SpeaksTlsWithItsCertificate) {
  HttpServerOptions options;
  options.tls = make_certificate(testing::TempDir(), "http_server_tls");
  const auto server = start(echo, options);
  HttpClient client;
  HttpRequest request;
  request.method = "POST";
  request.url = fmt::format("https://127.0.0.1:{}/secure", server->port());
  request.ca_file = options.tls->certificate.string();
  // Larger than one TLS record, and twice, so that the connection is kept alive with bytes pending.
  const std::string body(200'000, 'x');
  for (int i = 0; i < 2; ++i) {
    const auto answer = client.fetch(request, body, {});
    ASSERT_TRUE(answer.ok()) << answer.error().text();
    EXPECT_EQ(answer->first.status, 200);
    EXPECT_EQ(answer->first.headers.find("X-Path"), "/secure");
    EXPECT_EQ(answer->second, "POST:" + body);
  }
}

TEST(HttpServer, GivesPlainClientsOfATlsPortNothing) {
  HttpServerOptions options;
  options.tls = make_certificate(testing::TempDir(), "http_server_plain");
  const auto server = start(echo, options);
  Client client(server->port());
  client.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(client.read_until("").find("HTTP/1.1 200"), std::string::npos);
}

TEST(HttpServer, NamesTheTlsFileThatItCannotUse) {
  HttpServerOptions options;
  options.port = 0;
  options.tls = make_certificate(testing::TempDir(), "http_server_mixed");
  options.tls->key = make_certificate(testing::TempDir(), "http_server_other").key;
  const auto mixed = HttpServer::start(options, echo);
  ASSERT_FALSE(mixed.ok());
  EXPECT_EQ(mixed.error().code(), Code::InvalidArgument);
  EXPECT_NE(mixed.error().message().find("http_server_other.key"), std::string::npos);
  options.tls->certificate = "/nowhere/certificate.pem";
  EXPECT_NE(HttpServer::start(options, echo).error().message().find("/nowhere/certificate.pem"), std::string::npos);
}

TEST(ParseQuery, DecodesAsBrowsersEncode) {
  const auto pairs = parse_query("a=1&b=x%3Dy+z&&c&d=%zz%4");
  ASSERT_EQ(pairs.size(), 4u);
  EXPECT_EQ(pairs[1], (std::pair<std::string, std::string>("b", "x=y z")));
  EXPECT_EQ(pairs[2], (std::pair<std::string, std::string>("c", "")));
  EXPECT_EQ(pairs[3], (std::pair<std::string, std::string>("d", "%zz%4")));
}

}  // namespace
}  // namespace weir::net
