#include <netdb.h>
#include <poll.h>
#include <sys/wait.h>

#include <array>
#include <condition_variable>
#include <csignal>

#include "connectors/http/test_api.hpp"
#include "net/http_server.hpp"

// What carries the requests: TLS, HTTP/2, proxies, encodings, redirects, many at once. On real sockets; nothing sleeps.
namespace weir::http::testing {
namespace {

using namespace std::chrono_literals;

Json api(const std::string& url, const Json& more = Json::object()) {
  Json settings = {{"url", url}, {"retry", {{"attempts", 1}}}, {"resources", {{"items", {{"path", "/items.json"}}}}}};
  settings.update(more);
  return settings;
}

int connect_to(const std::string& host, int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

// Carries bytes both ways until one side ends. `seen` gets what the client sends.
void tunnel(int client, int target, std::string& seen) {
  std::array<pollfd, 2> sides{{{client, POLLIN, 0}, {target, POLLIN, 0}}};
  while (::poll(sides.data(), sides.size(), -1) > 0) {
    for (std::size_t from = 0; from < sides.size(); ++from) {
      if (sides[from].revents == 0) continue;
      char buffer[65536];
      const auto count = ::recv(sides[from].fd, buffer, sizeof buffer, 0);
      if (count <= 0) {
        ::close(target);
        return;
      }
      if (from == 0) seen.append(buffer, static_cast<std::size_t>(count));
      ::send(sides[1 - from].fd, buffer, static_cast<std::size_t>(count), MSG_NOSIGNAL);
    }
  }
}

// A proxy that carries CONNECT tunnels and answers for plain URLs itself.
class Proxy {
 public:
  std::string url() const { return server_.url(); }
  std::string with_user() const { return "http://me:planted-word@" + url().substr(7); }
  std::vector<std::string> requests() const { return server_.requests(); }
  std::string heads;  // of its own requests
  std::string seen;   // what went through the tunnel

 private:
  Reply answer(const Got& got) {
    heads += got.head;
    if (got.method != "CONNECT") return {.body = "[" + items(7, 1) + "]"};
    const auto colon = got.target.rfind(':');
    const int target = connect_to(got.target.substr(0, colon), std::stoi(got.target.substr(colon + 1)));
    if (target < 0) return {.status = 502};
    return {.raw = "HTTP/1.1 200 Connected\r\n\r\n",
            .act = [this, target](int client) { tunnel(client, target, seen); }};
  }

  Server server_{[this](const Got& got) { return answer(got); }};
};

class Transport : public HttpTest {
 protected:
  // A certificate authority of our own, and a server's certificate of it for 127.0.0.1.
  void make_certificates() {
    const auto script = fmt::format(
        "cd '{}' && exec 2>&1 && new='openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes' &&"
        " $new -x509 -days 2 -subj /CN=authority -keyout ca.key -out ca.pem &&"
        " $new -subj /CN=server -keyout server.key -out server.csr &&"
        " printf 'subjectAltName=IP:127.0.0.1' > names &&"
        " openssl x509 -req -days 2 -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile names -out "
        "server.pem",
        folder_.string());
    const auto output = output_of(script);
    ASSERT_TRUE(std::filesystem::exists(folder_ / "server.pem")) << output;
  }

  // HTTP/1.1 over TLS.
  std::unique_ptr<net::HttpServer> tls_server(net::HttpHandler handler) {
    net::HttpServerOptions options;
    options.port = 0;
    options.tls = net::TlsFiles{folder_ / "server.pem", folder_ / "server.key"};
    auto server = net::HttpServer::start(options, std::move(handler));
    EXPECT_TRUE(server.ok()) << server.error().text();
    return std::move(server).value();
  }
  static std::string url_of(const net::HttpServer& server) {
    return fmt::format("https://127.0.0.1:{}", server.port());
  }
  static void send_items(net::IncomingRequest&, net::ResponseWriter& response) {
    (void)response.send(200, {}, "[" + items(1, 2) + "]");
  }
};

TEST_F(Transport, ACertificateIsTrustedByItsAuthorityAlone) {
  make_certificates();
  const auto server = tls_server(send_items);
  const auto stranger = read(api(url_of(*server)), "items");
  ASSERT_TRUE(stranger.error);
  EXPECT_EQ(stranger.error->retry(), Retry::Never);
  EXPECT_NE(stranger.error->explain().find("is not trusted"), std::string::npos) << stranger.error->explain();
  EXPECT_NE(stranger.error->explain().find("ca_file"), std::string::npos) << stranger.error->explain();
  // Seen from the project's folder.
  const auto known = read(api(url_of(*server), {{"ca_file", "ca.pem"}}), "items");
  ASSERT_FALSE(known.error) << known.error->explain();
  EXPECT_EQ(known.text, ids(1, 2));
  // The certificate is another host's.
  auto other = url_of(*server);
  other.replace(other.find("127.0.0.1"), 9, "localhost");
  const auto misnamed = read(api(other, {{"ca_file", "ca.pem"}}), "items", {}, "run2");
  ASSERT_TRUE(misnamed.error);
  EXPECT_NE(misnamed.error->explain().find("is not trusted"), std::string::npos) << misnamed.error->explain();
}

// nghttpd speaks nothing but HTTP/2, which is agreed upon within TLS (RFC 9113, section 3.2).
TEST_F(Transport, Http2IsAgreedUponOverTls) {
  if (output_of("command -v nghttpd").empty()) GTEST_SKIP() << "needs nghttpd (Debian's nghttp2-server)";
  make_certificates();
  ASSERT_TRUE(make_folder(folder_ / "htdocs").ok());
  ASSERT_TRUE(write_file(folder_ / "htdocs" / "items.json", "[" + items(1, 3) + "]").ok());
  int port = 0;
  {
    const Server taken{[](const Got&) -> Reply { return {}; }};
    port = std::stoi(taken.url().substr(taken.url().rfind(':') + 1));
  }
  const auto path = [&](const char* name) { return (folder_ / name).string(); };
  const auto htdocs = path("htdocs");
  const auto key = path("server.key");
  const auto certificate = path("server.pem");
  const auto port_text = std::to_string(port);
  const auto pid = ::fork();
  if (pid == 0) {
    ::execlp("nghttpd", "nghttpd", "--address=127.0.0.1", "-d", htdocs.c_str(), port_text.c_str(), key.c_str(),
             certificate.c_str(), nullptr);
    ::_exit(127);
  }
  const Json patient = {{"ca_file", "ca.pem"},
                        {"retry", {{"attempts", 200}, {"delay", "20ms"}, {"max_delay", "20ms"}}}};  // until it listens
  const auto source = open(api("https://127.0.0.1:" + port_text, patient), "run1", &real_timeline());
  const auto rows = read(**source, "items");
  const auto old =
      read(api("https://127.0.0.1:" + port_text, {{"ca_file", "ca.pem"}, {"http", "1.1"}}), "items", {}, "run2");
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  ASSERT_FALSE(rows.error) << rows.error->explain();
  EXPECT_EQ(rows.text, ids(1, 3));
  EXPECT_TRUE(old.error);
}

TEST_F(Transport, AProxyAnswersForPlainUrls) {
  const Server server{[](const Got&) -> Reply { return {.body = "[]"}; }};
  const Proxy proxy;
  const auto rows = read(api(server.url(), {{"proxy", proxy.with_user()}}), "items");
  ASSERT_FALSE(rows.error) << rows.error->explain();
  EXPECT_EQ(rows.text, ids(7, 1));
  EXPECT_EQ(proxy.requests(), std::vector{"GET " + server.url() + "/items.json"});
  // "me:planted-word" (RFC 7617)
  EXPECT_NE(proxy.heads.find("Proxy-Authorization: Basic bWU6cGxhbnRlZC13b3Jk"), std::string::npos) << proxy.heads;
  EXPECT_TRUE(server.requests().empty());
  EXPECT_EQ((kept() + log_.text()).find("planted"), std::string::npos);
}

TEST_F(Transport, AProxyCarriesTlsAndSeesNothing) {
  make_certificates();
  std::string authorization;
  const auto server = tls_server([&](net::IncomingRequest& request, net::ResponseWriter& response) {
    authorization = request.headers.find("authorization").value_or("");
    send_items(request, response);
  });
  {
    const Proxy proxy;
    const auto rows = read(api(url_of(*server), {{"proxy", proxy.url()},
                                                 {"ca_file", "ca.pem"},
                                                 {"auth", {{"type", "bearer"}, {"token", "planted-token"}}}}),
                           "items");
    ASSERT_FALSE(rows.error) << rows.error->explain();
    EXPECT_EQ(rows.text, ids(1, 2));
    EXPECT_EQ(authorization, "Bearer planted-token");
    ASSERT_EQ(proxy.requests(), std::vector{fmt::format("CONNECT 127.0.0.1:{}", server->port())});
    EXPECT_EQ(proxy.heads.find("planted"), std::string::npos) << proxy.heads;
    EXPECT_EQ(proxy.seen.find("planted"), std::string::npos);
    EXPECT_FALSE(proxy.seen.empty());
  }
}

TEST_F(Transport, AProxyThatIsNotThereOrRefusesIsNamed) {
  const Server refusing{[](const Got&) -> Reply { return {.status = 407, .body = "who are you?"}; }};
  const auto refused = read(api("http://127.0.0.1:1", {{"proxy", refusing.url()}}), "items");
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code(), Code::AccessDenied) << refused.error->explain();
  const auto missing =
      read(api("http://127.0.0.1:2", {{"proxy", "http://me:planted-word@127.0.0.1:1"}}), "items", {}, "run2");
  ASSERT_TRUE(missing.error);
  EXPECT_EQ(missing.error->code(), Code::Unavailable) << missing.error->explain();
  EXPECT_EQ(missing.error->explain().find("planted"), std::string::npos) << missing.error->explain();
}

TEST_F(Transport, EveryEncodingIsRead) {
  const std::vector<std::pair<std::string, std::string>> packers{
      {"gzip", "gzip -9"}, {"br", "brotli -c"}, {"zstd", "zstd -c -q"}, {"identity", "cat"}};
  for (const auto& [encoding, packer] : packers) {
    const auto packed = output_of("printf '[{\"id\":1},{\"id\":2}]' | " + packer);
    ASSERT_FALSE(packed.empty()) << packer;
    const Server server{[&](const Got&) -> Reply {
      return {.body = packed, .headers = fmt::format("Content-Encoding: {}\r\n", encoding)};
    }};
    const auto rows = read(api(server.url()), "items", {}, encoding);
    ASSERT_FALSE(rows.error) << encoding << ": " << rows.error->explain();
    EXPECT_EQ(rows.text, ids(1, 2)) << encoding;
  }
}

TEST_F(Transport, BrokenAndUnknownEncodingsAreErrors) {
  const auto whole = output_of("printf '[{\"id\":1},{\"id\":2}]' | gzip -9");
  const std::vector<std::pair<std::string, std::string>> answers{
      {"gzip", "[{\"id\":1}]"}, {"gzip", whole.substr(0, whole.size() / 2)}, {"br", whole}, {"compress", whole}};
  for (const auto& [encoding, body] : answers) {
    const Server server{[&](const Got&) -> Reply {
      return {.body = body, .headers = fmt::format("Content-Encoding: {}\r\n", encoding)};
    }};
    const auto rows = read(api(server.url()), "items", {}, encoding + std::to_string(body.size()));
    EXPECT_TRUE(rows.error) << encoding << " gave " << rows.text;
  }
}

TEST_F(Transport, BombsOfEveryEncodingEndAtTheLimit) {
  for (const auto& [encoding, packer] : {std::pair{"br", "brotli -c"}, std::pair{"zstd", "zstd -c -q"}}) {
    const auto bomb = output_of(fmt::format("head -c 50000000 /dev/zero | tr '\\0' ' ' | {}", packer));
    ASSERT_LT(bomb.size(), 100'000U);
    const Server server{[&](const Got&) -> Reply {
      return {.body = bomb, .headers = fmt::format("Content-Encoding: {}\r\n", encoding)};
    }};
    const auto rows = read(api(server.url(), {{"response_bytes_max", "4MiB"}}), "items", {}, encoding);
    ASSERT_TRUE(rows.error) << encoding;
    EXPECT_EQ(rows.error->code(), Code::ResourceExhausted) << rows.error->explain();
    EXPECT_EQ(server.requests().size(), 1U);
  }
}

TEST_F(Transport, RedirectsFollowThePolicy) {
  const Server server{[](const Got& got) -> Reply {
    if (got.target == "/items.json") return {.status = 301, .body = "", .headers = "Location: moved\r\n"};
    return {.body = "[" + items(4, 1) + "]"};
  }};
  EXPECT_EQ(read(api(server.url()), "items").text, ids(4, 1));
  const auto refused = read(api(server.url(), {{"redirects", "none"}}), "items", {}, "run2");
  ASSERT_TRUE(refused.error);
  EXPECT_NE(refused.error->text().find("answered 301"), std::string::npos) << refused.error->text();
  EXPECT_EQ(server.requests().back(), "GET /items.json");
}

TEST_F(Transport, NoRedirectLeavesTls) {
  make_certificates();
  const Server plain{[](const Got&) -> Reply { return {.body = "[" + items(1, 1) + "]"}; }};
  const auto server = tls_server([&](net::IncomingRequest&, net::ResponseWriter& response) {
    net::Headers headers;
    headers.add("Location", plain.url() + "/items.json");
    (void)response.send(302, headers, "");
  });
  const auto rows = read(api(url_of(*server), {{"ca_file", "ca.pem"}, {"redirects", "any"}}), "items");
  ASSERT_TRUE(rows.error);
  EXPECT_NE(rows.error->text().find("without TLS"), std::string::npos) << rows.error->text();
  EXPECT_TRUE(plain.requests().empty());
}

// RFC 9110, section 15.4: 303 is asked for by GET, 307 and 308 repeat the request.
TEST_F(Transport, RedirectedBodiesGoWhereTheyShould) {
  std::string methods;
  const Server server{[&](const Got& got) -> Reply {
    methods += fmt::format("{} {} {};", got.method, got.target, got.body);
    if (got.target == "/items.json") return {.status = 308, .body = "", .headers = "Location: /second\r\n"};
    if (got.target == "/second") return {.status = 303, .body = "", .headers = "Location: /third\r\n"};
    return {.body = "[" + items(1, 1) + "]"};
  }};
  const Json post = {
      {"resources", {{"items", {{"path", "/items.json"}, {"method", "POST"}, {"body", {{"query", Json::object()}}}}}}}};
  EXPECT_EQ(read(api(server.url(), post), "items").text, ids(1, 1));
  EXPECT_EQ(methods, R"(POST /items.json {"query":{}};POST /second {"query":{}};GET /third ;)");
}

TEST_F(Transport, OnlyWhatMayPassIsAskedForAgain) {
  for (const int status : {408, 425, 429, 500, 502, 503, 504}) {
    std::atomic<int> count = 0;
    const Server server{[&](const Got&) -> Reply {
      if (count++ == 0) return {.status = status, .body = "no"};
      return {.body = "[" + items(1, 1) + "]"};
    }};
    const auto rows = read(api(server.url(), {{"retry", {{"attempts", 2}}}}), "items", {}, std::to_string(status));
    EXPECT_EQ(rows.text, ids(1, 1)) << status;
  }
  for (const int status : {400, 403, 404, 409, 410, 422, 501, 505}) {
    const Server server{[&](const Got&) -> Reply { return {.status = status, .body = "no"}; }};
    const auto rows = read(api(server.url(), {{"retry", {{"attempts", 2}}}}), "items", {}, std::to_string(status));
    ASSERT_TRUE(rows.error) << status;
    EXPECT_NE(rows.error->text().find(std::to_string(status)), std::string::npos) << rows.error->text();
    EXPECT_EQ(server.requests().size(), 1U) << status;
  }
}

// Every request waits until there are three, and there are never more.
TEST_F(Transport, AsManyRequestsAreUnderWayAsMayBe) {
  constexpr int kAtOnce = 3;
  std::mutex mutex;
  std::condition_variable changed;
  int under_way = 0;
  int most = 0;
  int rounds = 0;
  const Server server{[&](const Got& got) -> Reply {
    if (got.target == "/parents") return {.body = "[" + items(1, 4 * kAtOnce) + "]"};
    std::unique_lock lock(mutex);
    most = std::max(most, ++under_way);
    if (under_way == kAtOnce) {
      ++rounds;
      under_way = 0;
      changed.notify_all();
    } else {
      changed.wait(lock, [&, round = rounds] { return rounds != round; });
    }
    return {.body = fmt::format("[{{\"of\":\"{}\"}}]", got.target)};
  }};
  const auto rows =
      read(api(server.url(), {{"concurrency", kAtOnce},
                              {"resources",
                               {{"parents", {{"path", "/parents"}}},
                                {"items", {{"path", "/{parent.id}"}, {"parent", {{"resource", "parents"}}}}}}}}),
           "items");
  ASSERT_FALSE(rows.error) << rows.error->explain();
  EXPECT_EQ(rows.count, 4U * kAtOnce);
  EXPECT_EQ(most, kAtOnce);
  EXPECT_EQ(rounds, 4);
}

}  // namespace
}  // namespace weir::http::testing
