#include <sys/wait.h>

#include <csignal>

#include "connectors/http/test_api.hpp"

// Servers that misbehave, on real sockets. Waits are injected: nothing sleeps.
namespace weir::http::testing {
namespace {

using namespace std::chrono_literals;

class Hostile : public HttpTest {};

TEST_F(Hostile, BothFormsOfRetryAfterAreHonoured) {
  std::atomic<int> count = 0;
  const Server server{[&](const Got&) -> Reply {
    switch (count++) {
      case 0: return {.status = 429, .body = "slow down", .headers = "Retry-After: 3\r\n"};
      case 1: return {.status = 503, .body = "", .headers = "Retry-After: Sun, 01 Mar 2026 00:00:10 GMT\r\n"};
      default: return {.body = "[" + items(1, 2) + "]"};
    }
  }};
  const auto rows = read(api(server, {{"path", "/items"}}), "items");
  ASSERT_FALSE(rows.error) << rows.error->explain();
  EXPECT_EQ(rows.text, ids(1, 2));
  EXPECT_EQ(timeline_.waits, (std::vector{3'000ms, 7'000ms}));
  EXPECT_EQ(log_.count("as it asks before try"), 2) << log_.text();
  EXPECT_EQ(log_.count("answered 429; waiting 3.0 s"), 1) << log_.text();
}

TEST_F(Hostile, AWaitThatIsTooLongFailsTheAttempt) {
  const Server server{
      [](const Got&) -> Reply { return {.status = 429, .body = "", .headers = "Retry-After: 86400\r\n"}; }};
  const auto rows = read(api(server, {{"path", "/items"}}), "items");
  ASSERT_TRUE(rows.error);
  EXPECT_EQ(rows.error->code(), Code::ResourceExhausted);
  EXPECT_EQ(rows.error->retry(), Retry::Later);
  EXPECT_TRUE(timeline_.waits.empty());
}

TEST_F(Hostile, FailuresBackOffAndThenSucceed) {
  std::atomic<int> count = 0;
  const Server server{[&](const Got&) -> Reply {
    if (count++ < 3) return {.status = 500, .body = "oops"};
    return {.body = "[" + items(1, 1) + "]"};
  }};
  EXPECT_EQ(read(api(server, {{"path", "/items"}}), "items").text, ids(1, 1));
  EXPECT_EQ(timeline_.waits, (std::vector{1'000ms, 2'000ms, 4'000ms}));
  EXPECT_EQ(log_.count("answered 500; waiting"), 3) << log_.text();
}

TEST_F(Hostile, AServerThatNeverRecoversFailsAfterAllTries) {
  const Server server{[](const Got&) -> Reply { return {.status = 502, .body = ""}; }};
  const auto rows = read(api(server, {{"path", "/items"}}, {{"retry", {{"attempts", 3}}}}), "items");
  ASSERT_TRUE(rows.error);
  EXPECT_EQ(rows.error->code(), Code::Unavailable);
  EXPECT_EQ(rows.error->fault(), Fault::External);
  EXPECT_EQ(server.requests().size(), 3U);
}

TEST_F(Hostile, TruncatedBodiesAreAskedForAgain) {
  std::atomic<int> count = 0;
  const Server server{[&](const Got&) -> Reply {
    const auto body = "[" + items(1, 3) + "]";
    switch (count++) {
      case 0:
        return {
            .raw = fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.size() + 10, body)};  // too long
      case 1:
        return {
            .raw = fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.size() - 4, body)};  // too short
      case 2: return {.raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[{\"id"};           // mid-chunk
      case 3: return {.raw = "HTTP/1.1 200 OK\r\n\r\n" + body.substr(0, 9)};  // its end is the connection's
      case 4: return {.raw = "HTTP/1.1 20"};
      default: return {.body = body};
    }
  }};
  const auto rows = read(api(server, {{"path", "/items"}}), "items");
  ASSERT_FALSE(rows.error) << rows.error->explain();
  EXPECT_EQ(rows.text, ids(1, 3));
  EXPECT_EQ(server.requests().size(), 6U);
  EXPECT_EQ(timeline_.waits.size(), 5U);
}

TEST_F(Hostile, AnEndlessBodyEndsAtTheLimit) {
  const Server server{[](const Got&) -> Reply {
    return {.raw = "HTTP/1.1 200 OK\r\n\r\n[", .act = [](int socket) {
              const std::string spaces(65536, ' ');
              while (::send(socket, spaces.data(), spaces.size(), MSG_NOSIGNAL) > 0) {
              }
            }};
  }};
  const auto rows = read(api(server, {{"path", "/items"}}, {{"response_bytes_max", "1MiB"}}), "items");
  ASSERT_TRUE(rows.error);
  EXPECT_EQ(rows.error->code(), Code::ResourceExhausted);
  EXPECT_EQ(rows.error->retry(), Retry::Never);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Hostile, AGzipBombEndsAtTheLimit) {
  const auto bomb = output_of("head -c 100000000 /dev/zero | tr '\\0' ' ' | gzip -9");
  ASSERT_LT(bomb.size(), 200'000U);
  const Server server{[&](const Got&) -> Reply { return {.body = bomb, .headers = "Content-Encoding: gzip\r\n"}; }};
  const auto rows = read(api(server, {{"path", "/items"}}, {{"response_bytes_max", "4MiB"}}), "items");
  ASSERT_TRUE(rows.error);
  EXPECT_EQ(rows.error->code(), Code::ResourceExhausted);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
    if (!entry.is_regular_file()) continue;
    EXPECT_LT(entry.file_size(), 8U << 20) << entry.path();
  }
}

TEST_F(Hostile, CompressedAnswersAreRead) {
  const auto packed = output_of("printf '[{\"id\":1},{\"id\":2}]' | gzip -9");
  std::string accepts;
  const Server server{[&](const Got& got) -> Reply {
    accepts = got.head;
    return {.body = packed, .headers = "Content-Encoding: gzip\r\n"};
  }};
  EXPECT_EQ(read(api(server, {{"path", "/items"}}), "items").text, ids(1, 2));
  for (const auto* coding : {"gzip", "br", "zstd"}) EXPECT_NE(accepts.find(coding), std::string::npos) << accepts;
}

TEST_F(Hostile, SlowServersRunIntoTheTimeouts) {
  const auto hold = [](int socket) {
    char byte = 0;
    while (::recv(socket, &byte, 1, 0) > 0) {
    }
  };
  const Server mute{[&](const Got&) -> Reply { return {.act = hold}; }};
  const Server slow{[&](const Got&) -> Reply { return {.raw = "HTTP/1.1 200 OK\r\n\r\n[1,", .act = hold}; }};
  const Json limits = {{"timeouts", {{"first_byte", "50ms"}, {"whole", "150ms"}}}, {"retry", {{"attempts", 2}}}};
  for (const auto* server : {&mute, &slow}) {
    const auto rows = read(api(*server, {{"path", "/items"}}, limits), "items");
    ASSERT_TRUE(rows.error);
    EXPECT_EQ(rows.error->code(), Code::TimedOut) << rows.error->explain();
    EXPECT_EQ(server->requests().size(), 2U);
  }
}

TEST_F(Hostile, ARedirectLoopEnds) {
  const Server server{[](const Got& got) -> Reply {
    return {.status = 302, .body = "", .headers = fmt::format("Location: /items?n={}x\r\n", got.parameter("n"))};
  }};
  const auto rows = read(api(server, {{"path", "/items"}}), "items");
  ASSERT_TRUE(rows.error);
  EXPECT_NE(rows.error->text().find("more than 10 redirects"), std::string::npos) << rows.error->text();
  EXPECT_EQ(server.requests().size(), 11U);
}

TEST_F(Hostile, CredentialsDoNotFollowARedirectToAnotherHost) {
  std::string head;
  const Server other{[&](const Got& got) -> Reply {
    head = got.head + got.target;
    return {.body = "[" + items(5, 1) + "]"};
  }};
  const Server server{[&](const Got&) -> Reply {
    return {.status = 307, .body = "", .headers = "Location: " + other.url() + "/moved\r\n"};
  }};
  const Json auth = {{"auth", {{"type", "bearer"}, {"token", "planted-secret-1"}}}};
  const auto refused = read(api(server, {{"path", "/items"}}, auth), "items");
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code(), Code::AccessDenied);
  EXPECT_TRUE(other.requests().empty());
  auto any = auth;
  any["redirects"] = "any";
  EXPECT_EQ(read(api(server, {{"path", "/items"}}, any), "items").text, ids(5, 1));
  EXPECT_EQ(head.find("planted"), std::string::npos) << head;
}

// Page 7 of 9 is broken at first; the second attempt of the same run goes on there.
TEST_F(Hostile, AFailedPageResumesAtThatPage) {
  std::atomic<bool> broken = true;
  const Server server{[&](const Got& got) -> Reply {
    const int page = std::stoi(got.parameter("page"));
    if (page == 7 && broken) return {.body = R"({"data":[{"id":61},{"id":62,}],"last":9})"};
    return {.body = fmt::format(R"({{"data":[{}],"last":9}})", items(page * 10, 3))};
  }};
  const auto settings =
      api(server, {{"path", "/items"}, {"select", "data"}, {"pagination", {{"type", "page"}, {"total", "last"}}}},
          {{"retry", {{"attempts", 2}}}});
  const auto failed = read(settings, "items");
  ASSERT_TRUE(failed.error);
  EXPECT_EQ(failed.error->code(), Code::InvalidData);
  EXPECT_EQ(failed.error->retry(), Retry::Later);
  EXPECT_NE(failed.error->text().find("page 7 of items"), std::string::npos) << failed.error->text();
  const auto before = server.requests().size();
  EXPECT_EQ(before, 8U);  // the seventh twice

  broken = false;
  const auto rows = read(settings, "items");
  ASSERT_FALSE(rows.error) << rows.error->explain();
  EXPECT_EQ(server.requests().size() - before, 3U);
  EXPECT_EQ(server.requests()[before], "GET /items?page=7");
  std::string expected;
  for (int page = 1; page <= 9; ++page) expected += ids(page * 10, 3);
  EXPECT_EQ(rows.text, expected);
  // A third reader of the run asks for nothing.
  EXPECT_EQ(read(settings, "items").text, expected);
  EXPECT_EQ(server.requests().size() - before, 3U);
}

// An item is inserted at the front after the first page: the list moves by one.
TEST_F(Hostile, AListThatMovesWhileItIsPagedLoadsNothingTwice) {
  const Server server{[](const Got& got) -> Reply {
    const auto offset = std::stoi(got.parameter("offset"));
    if (offset == 0) return {.body = "[" + items(1, 3) + "]"};
    if (offset == 3) return {.body = "[" + items(3, 3) + "]"};
    return {.body = "[" + (offset == 6 ? items(6, 1) : std::string{}) + "]"};
  }};
  const auto rows = read(api(server, {{"path", "/items"},
                                      {"key", {"id"}},
                                      {"pagination", {{"type", "offset"}, {"limit", 3}, {"limit_param", "limit"}}}}),
                         "items");
  ASSERT_FALSE(rows.error) << rows.error->explain();
  EXPECT_EQ(rows.text, ids(1, 6));
  EXPECT_EQ(log_.count("came twice"), 1) << log_.text();
}

TEST_F(Hostile, ATokenThatExpiresMidRunIsRenewed) {
  std::atomic<int> tokens = 0;
  const Server server{[&](const Got& got) -> Reply {
    if (got.target == "/token") {
      EXPECT_NE(got.body.find("grant_type=client_credentials"), std::string::npos);
      EXPECT_NE(got.body.find("client_secret=planted%2Fsecret"), std::string::npos) << got.body;
      return {.body = fmt::format(R"({{"access_token":"planted-token-{}","expires_in":3600}})", ++tokens)};
    }
    const int page = std::stoi(got.parameter("page"));
    // The first token is revoked before the third page, long before it said it would be.
    const auto valid = fmt::format("Bearer planted-token-{}\r\n", page < 3 ? 1 : 2);
    if (!got.has(valid)) return {.status = 401, .body = "expired"};
    return {.body = page > 4 ? "[]" : "[" + items(page, 1) + "]"};
  }};
  const auto rows = read(api(server, {{"path", "/items"}, {"pagination", {{"type", "page"}}}},
                             {{"auth",
                               {{"type", "oauth2_client_credentials"},
                                {"token_url", "/token"},
                                {"client_id", "me"},
                                {"client_secret", "planted/secret"}}}}),
                         "items");
  ASSERT_FALSE(rows.error) << rows.error->explain();
  EXPECT_EQ(rows.text, ids(1, 4));
  EXPECT_EQ(tokens, 2);
  EXPECT_EQ(log_.count("asking for another token"), 1) << log_.text();
  EXPECT_EQ((kept() + log_.text()).find("planted"), std::string::npos);
}

TEST_F(Hostile, ATokenIsRenewedBeforeItExpires) {
  std::atomic<int> tokens = 0;
  const Server server{[&](const Got& got) -> Reply {
    if (got.target == "/token") {
      EXPECT_NE(got.body.find(fmt::format("refresh_token=refresh-{}", tokens.load())), std::string::npos) << got.body;
      ++tokens;
      return {.body = fmt::format(R"({{"access_token":"access-{}","refresh_token":"refresh-{}","expires_in":60}})",
                                  tokens.load(), tokens.load())};
    }
    const int page = std::stoi(got.parameter("page"));
    EXPECT_TRUE(got.has(fmt::format("Bearer access-{}\r\n", tokens.load())));
    if (page == 2 && tokens == 1) return {.status = 503, .body = "", .headers = "Retry-After: 100\r\n"};
    return {.body = page > 2 ? "[]" : "[" + items(page, 1) + "]"};
  }};
  const auto rows =
      read(api(server, {{"path", "/items"}, {"pagination", {{"type", "page"}}}},
               {{"auth", {{"type", "oauth2_refresh_token"}, {"token_url", "/token"}, {"refresh_token", "refresh-0"}}}}),
           "items");
  ASSERT_FALSE(rows.error) << rows.error->explain();
  EXPECT_EQ(rows.text, ids(1, 2));
  EXPECT_EQ(tokens, 2);
}

TEST_F(Hostile, CookiesAreSentBackAndNotRecorded) {
  const Server server{[](const Got& got) -> Reply {
    if (got.parameter("page") == "2")
      return got.has("session=planted-cookie") ? Reply{.body = "[]"} : Reply{.status = 400, .body = "no cookie"};
    return {.body = "[" + items(1, 1) + "]",
            .headers = "Set-Cookie: session=planted-cookie; Path=/\r\nLink: </items?page=2>; rel=next\r\n"};
  }};
  const auto rows = read(api(server, {{"path", "/items"}}), "items");
  ASSERT_FALSE(rows.error) << rows.error->explain();
  EXPECT_EQ(rows.text, ids(1, 1));
  EXPECT_EQ(kept().find("planted"), std::string::npos);
}

// A server that repeats credentials wherever it can.
TEST_F(Hostile, SecretsStayOutOfEverythingThatIsKept) {
  std::atomic<bool> fails = false;
  const Server server{[&](const Got& got) -> Reply {
    const auto echo = got.target + " " + got.head;
    if (fails) return {.status = 403, .body = echo};
    std::string quoted;
    data::append_json_text(quoted, echo);
    // Across the piece in which a body is read, too.
    return {.body = fmt::format(R"([{{"id":1,"pad":"{}","echo":{}}}])", std::string(300'000, 'x'), quoted),
            .headers = "X-Echo: planted-query-key\r\nLink: <" + got.target + ">; rel=\"self\"\r\n"};
  }};
  const Json secrets = {
      {"auth", {{"type", "api_key"}, {"in", "query"}, {"name", "key"}, {"token", "planted-query-key"}}},
      {"secret_headers", {{"X-Other", "planted \"header\" key"}}}};
  const auto rows = read(api(server, {{"path", "/items"}}, secrets), "items");
  ASSERT_FALSE(rows.error) << rows.error->explain();
  EXPECT_NE(server.requests()[0].find("key=planted-query-key"), std::string::npos);
  EXPECT_NE(rows.text.find("***"), std::string::npos);
  const auto seen = rows.text + kept() + log_.text();
  EXPECT_EQ(seen.find("planted"), std::string::npos) << seen.substr(seen.find("planted") - 200, 300);

  fails = true;
  const auto refused = read(api(server, {{"path", "/other"}}, secrets), "items");
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code(), Code::AccessDenied);
  EXPECT_EQ((refused.error->explain() + kept() + log_.text()).find("planted"), std::string::npos)
      << refused.error->explain();
}

TEST_F(Hostile, PagesThatLeadBackAreReadOnce) {
  const Server loop{[](const Got& got) -> Reply {
    return {.body = "[" + items(got.parameter("p").empty() ? 1 : 2, 1) + "]",
            .headers = fmt::format("Link: </items{}>; rel=next\r\n", got.parameter("p").empty() ? "?p=2" : "")};
  }};
  EXPECT_EQ(read(api(loop, {{"path", "/items"}}), "items").text, ids(1, 2));
  EXPECT_EQ(log_.count("read before"), 1) << log_.text();
  // A server that ignores the page's number gives the same page for ever.
  const Server same{[](const Got&) -> Reply { return {.body = "[" + items(1, 2) + "]"}; }};
  EXPECT_EQ(read(api(same, {{"path", "/items"}, {"pagination", {{"type", "page"}}}}), "items", {}, "run2").text,
            ids(1, 2));
  EXPECT_EQ(same.requests().size(), 2U);
}

TEST_F(Hostile, AStopEndsAWaitAtOnce) {
  std::stop_source stop;
  const Server server{[&](const Got&) -> Reply {
    stop.request_stop();
    return {.status = 429, .body = "", .headers = "Retry-After: 600\r\n"};
  }};
  const auto source = open(api(server, {{"path", "/items"}}), "run1", &real_timeline());
  const auto begin = std::chrono::steady_clock::now();
  const auto rows = read(**source, "items", {}, stop.get_token());
  ASSERT_TRUE(rows.error);
  EXPECT_EQ(rows.error->code(), Code::Cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}

// nghttp2's own server speaks HTTP/2 without TLS, by prior knowledge.
TEST_F(Hostile, Http2IsSpoken) {
  if (output_of("command -v nghttpd").empty()) GTEST_SKIP() << "needs nghttpd (Debian's nghttp2-server)";
  ASSERT_TRUE(make_folder(folder_ / "htdocs").ok());
  ASSERT_TRUE(write_file(folder_ / "htdocs" / "items.json", "[" + items(1, 3) + "]").ok());
  int port = 0;
  {
    const Server taken{[](const Got&) -> Reply { return {}; }};
    port = std::stoi(taken.url().substr(taken.url().rfind(':') + 1));
  }
  const auto folder = (folder_ / "htdocs").string();
  const auto port_text = std::to_string(port);
  const auto pid = ::fork();
  if (pid == 0) {
    ::execlp("nghttpd", "nghttpd", "--no-tls", "--address=127.0.0.1", "-d", folder.c_str(), port_text.c_str(), nullptr);
    ::_exit(127);
  }
  const Json settings = {{"url", "http://127.0.0.1:" + port_text},
                         {"http", "2"},
                         {"retry", {{"attempts", 200}, {"delay", "20ms"}, {"max_delay", "20ms"}}},  // until it listens
                         {"resources", {{"items", {{"path", "/items.json"}}}}}};
  const auto source = open(settings, "run1", &real_timeline());
  const auto rows = read(**source, "items");
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  ASSERT_FALSE(rows.error) << rows.error->explain();
  EXPECT_EQ(rows.text, ids(1, 3));
}

}  // namespace
}  // namespace weir::http::testing
