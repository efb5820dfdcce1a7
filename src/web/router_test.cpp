#include "web/router.hpp"

#include <gtest/gtest.h>

#include "web/reply.hpp"

namespace weir::web {
namespace {

Route route(std::string method, std::string path) {
  Route made;
  made.method = std::move(method);
  made.path = std::move(path);
  return made;
}

class TextBody final : public net::ByteSource {
 public:
  explicit TextBody(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto size = std::min(buffer.size(), text_.size());
    std::memcpy(buffer.data(), text_.data(), size);
    text_.erase(0, size);
    return size;
  }

 private:
  std::string text_;
};

struct TestRequest {
  TextBody body;
  net::IncomingRequest request;
  explicit TestRequest(std::vector<std::pair<std::string, std::string>> query = {}, std::string text = "")
      : body(std::move(text)),
        request{.method = "GET",
                .target = {},
                .path = {},
                .query = std::move(query),
                .headers = {},
                .body = body,
                .peer = {},
                .gone = {}} {}
};

TEST(Router, FindsRoutesByMethodAndTemplate) {
  const Router router{{route("GET", "/runs"), route("GET", "/runs/{run}"), route("POST", "/runs/{run}/cancel"),
                       route("GET", "/query/{query}"), route("GET", "/query/history")}};
  EXPECT_EQ(router.find("GET", "/runs").route->path, "/runs");
  EXPECT_EQ(router.find("HEAD", "/runs").route->path, "/runs");
  const auto one = router.find("GET", "/runs/20260301-a");
  EXPECT_EQ(one.route->path, "/runs/{run}");
  EXPECT_EQ(one.path.at("run"), "20260301-a");
  // What is written out wins over a name.
  EXPECT_EQ(router.find("GET", "/query/history").route->path, "/query/history");
  const auto wrong = router.find("GET", "/runs/a/cancel");
  EXPECT_EQ(wrong.route, nullptr);
  EXPECT_EQ(wrong.other_methods, std::vector<std::string>{"POST"});
  EXPECT_TRUE(router.find("GET", "/walks").other_methods.empty());
}

TEST(Router, TakesSlashesInsideNames) {
  const Router router{{route("GET", "/runs/{run}/tasks/{task}/logs")}};
  EXPECT_EQ(router.find("GET", "/runs/a/tasks/clean%2Fclean_sales/logs").path.at("task"), "clean/clean_sales");
  EXPECT_EQ(router.find("GET", "/runs/a/tasks/clean/clean_sales/logs").route, nullptr);
}

TEST(Router, ReadsParametersByTheirTypes) {
  Route made = route("GET", "/x");
  made.query = {
      {"limit", integer(), Need::Optional}, {"all", flag(), Need::Optional}, {"name", text(), Need::Optional}};
  TestRequest good{{{"limit", "7"}, {"all", ""}, {"name", ""}}};
  EXPECT_EQ(to_text(*read_query(made, good.request)), R"({"limit":7,"all":true})");
  TestRequest bad{{{"limit", "seven"}}};
  EXPECT_EQ(read_query(made, bad.request).error().message(), "parameter limit: not an integer: seven");
  TestRequest unknown{{{"limits", "7"}}};
  EXPECT_EQ(read_query(made, unknown.request).error().code(), Code::InvalidArgument);
}

TEST(Router, ChecksBodies) {
  Route made = route("POST", "/x");
  made.body = {{"name", text()}, {"rows", integer(), Need::Optional}};
  TestRequest good{{}, R"({"name": "a"})"};
  EXPECT_EQ((*read_body(made, good.request))["name"], "a");
  TestRequest missing{{}, ""};
  EXPECT_EQ(read_body(made, missing.request).error().message(), "the request's body: name: missing");
  TestRequest wrong{{}, R"({"name": "a", "rows": "many"})"};
  EXPECT_EQ(read_body(made, wrong.request).error().message(), "the request's body: rows: not an integer");
  TestRequest text{{}, "name=a"};
  EXPECT_EQ(read_body(made, text.request).error().code(), Code::InvalidArgument);
  TestRequest large{{}, std::string(3 << 20, ' ')};
  EXPECT_EQ(read_body(made, large.request).error().code(), Code::InvalidArgument);
}

TEST(Router, PagesByCursors) {
  TestRequest request;
  Call call{.http = request.request, .path = {}};
  EXPECT_EQ(page_of(call)->limit, 50);
  call.query = {{"limit", 1000}, {"cursor", "17"}};
  EXPECT_EQ(page_of(call)->limit, 200);
  EXPECT_EQ(page_of(call)->before, 17);
  call.query = {{"cursor", "17; DROP TABLE"}};
  EXPECT_EQ(page_of(call).error().code(), Code::InvalidArgument);
}

TEST(Reply, CompressesForThoseWhoTakeIt) {
  const auto takes = [](const char* accepted) {
    net::Headers headers;
    headers.add("Accept-Encoding", accepted);
    return takes_gzip(headers);
  };
  EXPECT_TRUE(takes("gzip"));
  EXPECT_TRUE(takes("br, GZIP;q=0.5"));
  EXPECT_FALSE(takes("br"));
  EXPECT_FALSE(takes("gzip;q=0"));
  EXPECT_FALSE(takes_gzip({}));
  const std::string text(100'000, 'a');
  const auto bytes = gzip(text);
  EXPECT_LT(bytes.size(), 1000U);
  EXPECT_EQ(*gunzip(bytes), text);
  EXPECT_EQ(gunzip("not gzip").error().code(), Code::InvalidData);
}

}  // namespace
}  // namespace weir::web
