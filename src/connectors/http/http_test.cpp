#include "connectors/http/test_api.hpp"

namespace weir::http::testing {
namespace {

// An API of 25 items that pages in every way, by query or by body.
constexpr int kItems = 25;
constexpr int kPage = 10;

Reply page_of(int first, const std::string& headers, const std::string& envelope) {
  const int count = std::clamp(kItems - first, 0, kPage);
  return {.body = fmt::format(R"({{"data":[{}]{}{}}})", items(first, count), envelope.empty() ? "" : ",", envelope),
          .headers = headers};
}

// The value of "name": in a JSON body.
std::string member(const Got& got, const std::string& path) {
  const auto body = parse_json(got.body.empty() ? "{}" : got.body);
  const auto* value = documents::find(*body, *documents::parse_json_path(path));
  return value == nullptr ? std::string{} : value->is_string() ? value->get<std::string>() : to_text(*value);
}

class Paging : public HttpTest {
 protected:
  void expect_all(const Server::Answer& answer, Json resource, const std::vector<std::string>& requests) {
    const Server server{answer};
    resource["path"] = "/items";
    resource["select"] = "data";
    const auto rows = read(api(server, resource), "items");
    ASSERT_FALSE(rows.error) << rows.error->explain();
    EXPECT_EQ(rows.text, ids(0, kItems));
    EXPECT_EQ(server.requests(), requests);
  }
};

TEST_F(Paging, ALinkInTheBody) {
  const auto answer = [](const Got& got) {
    const int first = number(got.parameter("from"), 0);
    return page_of(first, "",
                   first + kPage < kItems ? fmt::format(R"("links":{{"next":"?from={}"}})", first + kPage)
                                          : R"("links":{"next":null})");
  };
  const std::vector<std::string> requests{"GET /items", "GET /items?from=10", "GET /items?from=20"};
  expect_all(answer, {{"pagination", {{"type", "next_link"}, {"next", "$.links.next"}}}}, requests);
}

TEST_F(Paging, ALinkInTheBodyIsFoundOut) {
  expect_all(
      [](const Got& got) {
        const int first = number(got.parameter("from"), 0);
        return page_of(
            first, "",
            first + kPage < kItems ? fmt::format(R"("next":"/items?from={}")", first + kPage) : R"("next":null)");
      },
      Json::object(), {"GET /items", "GET /items?from=10", "GET /items?from=20"});
}

TEST_F(Paging, TheLinkHeaderIsFoundOut) {
  expect_all(
      [](const Got& got) {
        const int first = number(got.parameter("from"), 0);
        return page_of(
            first, first + kPage < kItems ? fmt::format("Link: </items?from={}>; rel=\"next\"\r\n", first + kPage) : "",
            "");
      },
      Json::object(), {"GET /items", "GET /items?from=10", "GET /items?from=20"});
}

TEST_F(Paging, ACursorInAHeader) {
  expect_all(
      [](const Got& got) {
        const int first = number(got.parameter("after"), 0);
        return page_of(first, first + kPage < kItems ? fmt::format("X-Next: {}\r\n", first + kPage) : "", "");
      },
      {{"pagination", {{"type", "header_cursor"}, {"header", "x-next"}, {"param", "after"}}}},
      {"GET /items", "GET /items?after=10", "GET /items?after=20"});
}

TEST_F(Paging, ACursorInTheBody) {
  expect_all(
      [](const Got& got) {
        const int first = number(got.parameter("after"), 0);
        return page_of(
            first, "",
            first + kPage < kItems ? fmt::format(R"("meta":{{"end":{}}})", first + kPage) : R"("meta":{"end":""})");
      },
      {{"pagination", {{"type", "cursor"}, {"next", "meta.end"}, {"param", "after"}}}},
      {"GET /items", "GET /items?after=10", "GET /items?after=20"});
}

TEST_F(Paging, AnOffsetUntilAnEmptyPage) {
  expect_all([](const Got& got) { return page_of(number(got.parameter("offset"), 0), "", ""); },
             {{"pagination", {{"type", "offset"}, {"limit", kPage}, {"limit_param", "limit"}}}},
             {"GET /items?offset=0&limit=10", "GET /items?limit=10&offset=10", "GET /items?limit=10&offset=20",
              "GET /items?limit=10&offset=30"});
}

TEST_F(Paging, AnOffsetUntilTheTotal) {
  expect_all([](const Got& got) { return page_of(number(got.parameter("offset"), 0), "", R"("total":25)"); },
             {{"pagination", {{"type", "offset"}, {"limit", kPage}, {"limit_param", "limit"}, {"total", "total"}}}},
             {"GET /items?offset=0&limit=10", "GET /items?limit=10&offset=10", "GET /items?limit=10&offset=20"});
}

TEST_F(Paging, PageNumbersWhileThereIsMore) {
  expect_all(
      [](const Got& got) {
        const int page = number(got.parameter("p"), 1);
        return page_of((page - 1) * kPage, "", fmt::format(R"("more":{})", page < 3));
      },
      {{"pagination", {{"type", "page"}, {"param", "p"}, {"has_more", "more"}}}},
      {"GET /items?p=1", "GET /items?p=2", "GET /items?p=3"});
}

// As SpaceX's /query endpoints page.
TEST_F(Paging, PostPagesAreFoundOut) {
  std::vector<std::string> bodies;
  expect_all(
      [&](const Got& got) {
        bodies.push_back(got.body);
        const int page = number(member(got, "options.page"), 1);
        return page_of((page - 1) * kPage, "",
                       page < 3 ? fmt::format(R"("page":{},"hasNextPage":true,"nextPage":{})", page, page + 1)
                                : std::string{R"("page":3,"hasNextPage":false,"nextPage":null)"});
      },
      {{"body", {{"query", Json::object()}, {"options", {{"limit", 10}}}}}},
      {"POST /items", "POST /items", "POST /items"});
  EXPECT_EQ(bodies, (std::vector<std::string>{R"({"query":{},"options":{"limit":10}})",
                                              R"({"query":{},"options":{"limit":10,"page":2}})",
                                              R"({"query":{},"options":{"limit":10,"page":3}})"}));
}

// Every other kind of paging by POST: the body goes along to wherever a link leads, and takes the parameter.
class PostPaging : public Paging {
 protected:
  // The bodies that the pages were asked for with. `answer` gets the number of the page, from 1.
  std::vector<std::string> expect_posts(const std::function<Reply(int page)>& answer,
                                        const std::function<std::string(const Got&)>& page_asked,
                                        const Json& pagination, const std::vector<std::string>& requests) {
    std::vector<std::string> bodies;
    Json resource{{"body", {{"query", {{"upcoming", false}}}}}};
    if (!pagination.is_null()) resource["pagination"] = pagination;
    expect_all(
        [&](const Got& got) {
          EXPECT_TRUE(got.has("Content-Type: application/json\r\n")) << got.head;
          bodies.push_back(got.body);
          return answer(number(page_asked(got), 1));
        },
        resource, requests);
    return bodies;
  }
  static std::string in_query(const Got& got) { return got.parameter("page"); }
  static std::string in_body(const Got& got) { return member(got, "options.from"); }
  static std::string next_link(int page) {
    return page < 3 ? fmt::format(R"("next":"/items?page={}")", page + 1) : std::string{R"("next":null)"};
  }

  static constexpr auto kBody = R"({"query":{"upcoming":false}})";
  const std::vector<std::string> same_bodies_{kBody, kBody, kBody};
  const std::vector<std::string> links_{"POST /items", "POST /items?page=2", "POST /items?page=3"};
  const std::vector<std::string> cursor_bodies_{kBody, R"({"query":{"upcoming":false},"options":{"from":2}})",
                                                R"({"query":{"upcoming":false},"options":{"from":3}})"};
  const std::vector<std::string> posts_{"POST /items", "POST /items", "POST /items"};
};

TEST_F(PostPaging, ALinkInTheAnswer) {
  const auto answer = [](int page) { return page_of((page - 1) * kPage, "", next_link(page)); };
  EXPECT_EQ(expect_posts(answer, in_query, {{"type", "next_link"}, {"next", "next"}}, links_), same_bodies_);
}

TEST_F(PostPaging, ALinkInTheAnswerIsFoundOut) {
  const auto answer = [](int page) { return page_of((page - 1) * kPage, "", next_link(page)); };
  EXPECT_EQ(expect_posts(answer, in_query, nullptr, links_), same_bodies_);
}

TEST_F(PostPaging, TheLinkHeader) {
  const auto answer = [](int page) {
    return page_of((page - 1) * kPage,
                   page < 3 ? fmt::format("Link: </items?page={}>; rel=\"next\"\r\n", page + 1) : std::string{}, "");
  };
  EXPECT_EQ(expect_posts(answer, in_query, {{"type", "link_header"}}, links_), same_bodies_);
}

TEST_F(PostPaging, TheLinkHeaderIsFoundOut) {
  const auto answer = [](int page) {
    return page_of((page - 1) * kPage,
                   page < 3 ? fmt::format("Link: </items?page={}>; rel=\"next\"\r\n", page + 1) : std::string{}, "");
  };
  EXPECT_EQ(expect_posts(answer, in_query, nullptr, links_), same_bodies_);
}

TEST_F(PostPaging, ACursorInTheAnswer) {
  const auto answer = [](int page) {
    return page_of(
        (page - 1) * kPage, "",
        page < 3 ? fmt::format(R"("meta":{{"after":{}}})", page + 1) : std::string{R"("meta":{"after":null})"});
  };
  const Json pagination{{"type", "cursor"}, {"in", "body"}, {"param", "options.from"}, {"next", "meta.after"}};
  EXPECT_EQ(expect_posts(answer, in_body, pagination, posts_), cursor_bodies_);
}

TEST_F(PostPaging, ACursorInTheAnswerIsFoundOut) {
  const auto answer = [](int page) {
    return page_of((page - 1) * kPage, "",
                   page < 3 ? fmt::format(R"("next_cursor":"{}")", page + 1) : std::string{R"("next_cursor":"")"});
  };
  const std::vector<std::string> bodies{kBody, R"({"query":{"upcoming":false},"cursor":"2"})",
                                        R"({"query":{"upcoming":false},"cursor":"3"})"};
  EXPECT_EQ(expect_posts(
                answer, [](const Got& got) { return member(got, "cursor"); }, nullptr, posts_),
            bodies);
}

TEST_F(PostPaging, ACursorInAHeader) {
  const auto answer = [](int page) {
    return page_of((page - 1) * kPage, page < 3 ? fmt::format("X-Next: {}\r\n", page + 1) : std::string{}, "");
  };
  const Json pagination{{"type", "header_cursor"}, {"in", "body"}, {"param", "options.from"}, {"header", "X-Next"}};
  const std::vector<std::string> bodies{kBody, R"({"query":{"upcoming":false},"options":{"from":"2"}})",
                                        R"({"query":{"upcoming":false},"options":{"from":"3"}})"};
  EXPECT_EQ(expect_posts(answer, in_body, pagination, posts_), bodies);
}

TEST_F(PostPaging, ACursorMayGoIntoTheQueryAllTheSame) {
  const auto answer = [](int page) {
    return page_of((page - 1) * kPage, "", page < 3 ? fmt::format(R"("after":{})", page + 1) : std::string{});
  };
  EXPECT_EQ(expect_posts(answer, in_query, {{"type", "cursor"}, {"param", "page"}, {"next", "after"}}, links_),
            same_bodies_);
}

TEST_F(Paging, OffsetsGoIntoBodies) {
  expect_all([](const Got& got) { return page_of(number(member(got, "page.offset"), 0), "", R"("total":25)"); },
             {{"method", "POST"},
              {"pagination",
               {{"type", "offset"},
                {"in", "body"},
                {"param", "page.offset"},
                {"limit_param", "page.size"},
                {"limit", kPage},
                {"total", "total"}}}},
             {"POST /items", "POST /items", "POST /items"});
}

TEST_F(Paging, ASinglePageStaysOne) {
  const Server server{[](const Got&) -> Reply { return {.body = R"({"data":[{"id":1}],"next":"/items?page=2"})"}; }};
  EXPECT_EQ(
      read(api(server, {{"path", "/items"}, {"select", "data"}, {"pagination", {{"type", "single"}}}}), "items").text,
      "1\n");
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(Paging, TooManyPagesAreAMistake) {
  const Server server{
      [](const Got& got) -> Reply { return {.body = "[" + items(number(got.parameter("page"), 1), 1) + "]"}; }};
  const auto rows =
      read(api(server, {{"path", "/items"}, {"pagination", {{"type", "page"}, {"pages_max", 5}}}}), "items");
  ASSERT_TRUE(rows.error);
  EXPECT_EQ(rows.error->code(), Code::ResourceExhausted);
  EXPECT_EQ(server.requests().size(), 5U);
}

class Http : public HttpTest {};

TEST_F(Http, AuthenticatesInEveryWay) {
  std::string head;
  const Server server{[&](const Got& got) -> Reply {
    head = got.target + "\n" + got.head;
    return {.body = "[" + items(1, 1) + "]"};
  }};
  const auto seen = [&](const Json& auth, const std::string& run) {
    EXPECT_FALSE(read(api(server, {{"path", "/items"}}, {{"auth", auth}}), "items", {}, run).error);
    return head;
  };
  EXPECT_NE(seen({{"type", "bearer"}, {"token", "abc"}}, "a").find("Authorization: Bearer abc\r\n"), std::string::npos);
  EXPECT_NE(seen({{"type", "api_key"}, {"token", "abc"}, {"name", "X-Key"}}, "b").find("X-Key: abc\r\n"),
            std::string::npos);
  EXPECT_NE(seen({{"type", "api_key"}, {"token", "a/c"}, {"name", "k"}, {"in", "query"}}, "c").find("/items?k=a%2Fc\n"),
            std::string::npos);
  // RFC 7617's own example.
  EXPECT_NE(seen({{"type", "basic"}, {"user", "Aladdin"}, {"password", "open sesame"}}, "d")
                .find("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"),
            std::string::npos);
}

TEST_F(Http, SendsParametersHeadersAndBodies) {
  Got last;
  const Server server{[&](const Got& got) -> Reply {
    last = got;
    return {.body = "[" + items(1, 1) + "]"};
  }};
  EXPECT_FALSE(read(api(server,
                        {{"path", "items"},
                         {"query", {{"q", "a b"}, {"n", 5}}},
                         {"headers", {{"X-A", "1"}}},
                         {"body", {{"x", {1, 2}}}}},
                        {{"headers", {{"X-B", "2"}}}, {"query", {{"all", true}}}}),
                    "items")
                   .error);
  EXPECT_EQ(last.method + " " + last.target, "POST /items?all=true&q=a%20b&n=5");
  EXPECT_EQ(last.body, R"({"x":[1,2]})");
  for (const auto* line : {"X-A: 1\r\n", "X-B: 2\r\n", "Content-Type: application/json\r\n",
                           "Accept: application/json\r\n", "User-Agent: weir\r\n"}) {
    EXPECT_TRUE(last.has(line)) << last.head;
  }
}

TEST_F(Http, ListsInsideItemsAreStreamsOfTheSameFetch) {
  const Server server{[](const Got&) -> Reply {
    return {
        .body =
            R"([{"id":"a","name":"x","cores":[{"flight":1},{"flight":2}],"tags":["t"]},{"id":"b","name":"y","cores":[]}])"};
  }};
  const auto source = *open(api(server, {{"path", "/items"}, {"key", {"id"}}}));
  EXPECT_EQ(source->discover({})->size(), 1U);
  const auto rows = read(*source, "items");
  EXPECT_EQ(rows.schema, "id string not null, name string");
  EXPECT_EQ(rows.text, "a|x\nb|y\n");
  EXPECT_EQ(rows.key, std::vector<std::string>{"id"});
  const auto cores = read(*source, "items.cores");
  EXPECT_EQ(cores.text, "a|0|1\na|1|2\n");
  EXPECT_EQ(cores.key, (std::vector<std::string>{"items_id", "position"}));
  EXPECT_EQ(read(*source, "items.tags").text, "a|0|t\n");
  std::vector<std::string> names;
  const auto streams = source->discover({});
  for (const auto& stream : *streams) names.push_back(stream.name);
  EXPECT_EQ(names, (std::vector<std::string>{"items", "items.cores", "items.tags"}));
  EXPECT_EQ(server.requests().size(), 1U);
  const auto none = read(*source, "items.nothing");
  ASSERT_TRUE(none.error);
  EXPECT_EQ(none.error->code(), Code::NotFound);
}

TEST_F(Http, ChildrenAreAskedForOncePerParent) {
  const Server server{[](const Got& got) -> Reply {
    if (got.target.starts_with("/teams?"))
      return {.body = got.parameter("page") == "1" ? "[" + items(0, 20) + "]" : "[]"};
    const auto id = got.target.substr(7, got.target.find('/', 7) - 7);
    if (id == "13") return {.status = 404, .body = "no such team"};
    return {.body = fmt::format(R"([{{"name":"m{}"}},{{"name":"n{}"}}])", id, id)};
  }};
  const Json settings = {{"url", server.url()},
                         {"concurrency", 4},
                         {"resources",
                          {{"teams", {{"path", "/teams"}, {"key", {"id"}}, {"pagination", {{"type", "page"}}}}},
                           {"members",
                            {{"path", "/teams/{parent.id}/members"},
                             {"parent", {{"resource", "teams"}, {"include", {{"team_id", "id"}}}}},
                             {"empty_statuses", {404}}}}}}};
  const auto source = *open(settings);
  const auto rows = read(*source, "members");
  ASSERT_FALSE(rows.error) << rows.error->explain();
  EXPECT_EQ(rows.count, 38U);
  EXPECT_NE(rows.schema.find("team_id int64"), std::string::npos);
  EXPECT_NE(rows.text.find("m7"), std::string::npos);
  EXPECT_EQ(rows.text.find("m13"), std::string::npos);
  EXPECT_EQ(server.requests().size(), 22U);
  EXPECT_EQ(read(*source, "teams").count, 20U);
  EXPECT_EQ(server.requests().size(), 22U);
  // A later attempt of the run asks for nothing.
  EXPECT_EQ(read(settings, "members").count, 38U);
  EXPECT_EQ(server.requests().size(), 22U);
}

TEST_F(Http, JsonLinesAreRead) {
  std::string lines = "\xEF\xBB\xBF{\"id\":0}\r\n\n";
  for (int i = 1; i < 50'000; ++i) lines += fmt::format("{{\"id\":{}}}\n", i);
  lines += R"({"id":50000})";
  const Server server{[&](const Got&) -> Reply { return {.body = lines}; }};
  const auto rows = read(api(server, {{"path", "/items"}, {"format", "jsonl"}}), "items");
  ASSERT_FALSE(rows.error) << rows.error->explain();
  EXPECT_EQ(rows.count, 50'001U);
  EXPECT_TRUE(rows.text.starts_with("0\n1\n"));
  EXPECT_TRUE(rows.text.ends_with("\n50000\n"));
}

TEST_F(Http, TheRateLimitSpacesRequests) {
  const Server server{[](const Got& got) -> Reply {
    return {.body =
                number(got.parameter("page"), 1) > 3 ? "[]" : "[" + items(number(got.parameter("page"), 1), 1) + "]"};
  }};
  EXPECT_EQ(
      read(api(server, {{"path", "/items"}, {"pagination", {{"type", "page"}}}}, {{"rate_limit", "2/s"}}), "items")
          .count,
      3U);
  EXPECT_EQ(timeline_.waits.size(), 3U);
  for (const auto wait : timeline_.waits) EXPECT_EQ(wait.count(), 500);
}

TEST_F(Http, UnchangedAnswersComeFromTheRunBefore) {
  std::atomic<int> sent = 0;
  const Server server{[&](const Got& got) -> Reply {
    if (got.has("If-None-Match: \"v1\"")) return {.status = 304, .body = ""};
    ++sent;
    return {.body = "[" + items(1, 3) + "]", .headers = "ETag: \"v1\"\r\nContent-Type: application/json\r\n"};
  }};
  const auto settings = api(server, {{"path", "/items"}}, {{"conditional", true}});
  EXPECT_EQ(read(settings, "items", {}, "run1").text, ids(1, 3));
  EXPECT_EQ(read(settings, "items", {}, "run2").text, ids(1, 3));
  EXPECT_EQ(sent, 1);
  EXPECT_EQ(server.requests().size(), 2U);
  EXPECT_EQ(log_.count("has not changed since"), 1);
  // The second run's recording is whole.
  auto replayed = settings;
  replayed["replay"] = "files/run2/recordings/api";
  EXPECT_EQ(read(replayed, "items", {}, "run3").text, ids(1, 3));
}

TEST_F(Http, AReplayAsksNobodyAndSaysSo) {
  Json settings;
  {
    const Server server{[](const Got& got) -> Reply {
      return {.body = "[" + items(number(got.parameter("page"), 1), 1) + "]",
              .headers = number(got.parameter("page"), 1) < 3
                             ? fmt::format("Link: <?page={}>; rel=next\r\n", number(got.parameter("page"), 1) + 1)
                             : ""};
    }};
    settings = api(server, {{"path", "/items"}});
    EXPECT_EQ(read(settings, "items").text, ids(1, 3));
  }
  settings["replay"] = "files/run1/recordings/api";
  EXPECT_EQ(read(settings, "items", {}, "run2").text, ids(1, 3));
  EXPECT_EQ(log_.count("REPLAY: api answers from the recording"), 1) << log_.text();
  settings["resources"]["items"]["path"] = "/others";
  const auto rows = read(settings, "items", {}, "run3");
  ASSERT_TRUE(rows.error);
  EXPECT_EQ(rows.error->code(), Code::NotFound);
  settings["replay"] = "files/nothing";
  EXPECT_EQ(read(settings, "items", {}, "run4").error->code(), Code::NotFound);
}

TEST_F(Http, RecordingsMayBeWrittenByHand) {
  ASSERT_TRUE(make_folder(folder_ / "recordings").ok());
  ASSERT_TRUE(write_file(folder_ / "recordings" / "exchanges.jsonl",
                         R"({"url": "https://api.example.com/v1/items?page=1", "file": "one.json"}
{"method": "POST", "url": "https://api.example.com/v1/found", "body": "{\"q\":1}", "file": "two.json"}
)")
                  .ok());
  ASSERT_TRUE(write_file(folder_ / "recordings" / "one.json", "[" + items(1, 2) + "]").ok());
  ASSERT_TRUE(write_file(folder_ / "recordings" / "two.json", "[" + items(7, 1) + "]").ok());
  const Json settings = {
      {"url", "https://api.example.com/v1"},
      {"replay", "recordings"},
      {"resources", {{"items", {{"path", "items?page=1"}}}, {"found", {{"path", "found"}, {"body", {{"q", 1}}}}}}}};
  EXPECT_EQ(read(settings, "items").text, ids(1, 2));
  EXPECT_EQ(read(settings, "found").text, ids(7, 1));
}

TEST_F(Http, RejectedItemsAreKeptWithTheirReason) {
  const Server server{[](const Got&) -> Reply { return {.body = R"([{"id":1,"n":1},{"id":2,"n":"two"},{"id":3}])"}; }};
  const auto settings = api(
      server,
      {{"path", "/items"}, {"key", {"id"}}, {"columns", {{"n", "int32"}}}, {"contract", {{"types", "discard_row"}}}});
  const auto source = *open(settings);
  EXPECT_EQ(read(*source, "items").text, "1|1\n-|3\n");  // n is stated, so it stands first
  EXPECT_EQ(read(*source, "items._rejects").text, "n: int32 does not hold \"two\"|{\"id\":2,\"n\":\"two\"}\n");
  EXPECT_EQ(source->discover({})->size(), 2U);
}

TEST_F(Http, MistakesInTheDescriptionAreNamed) {
  const auto mistake = [&](const Json& settings) {
    const auto opened = open(settings);
    return opened.ok() ? std::string{} : opened.error().text();
  };
  const auto one = [](Json resource) { return Json{{"url", "http://h"}, {"resources", {{"r", std::move(resource)}}}}; };
  EXPECT_EQ(mistake(one({{"path", "/a"}})), "");
  EXPECT_NE(mistake(one({{"path", "/a/{parent.id}"}})).find("a placeholder of a parent"), std::string::npos);
  EXPECT_NE(mistake(one({{"path", "/a"}, {"parent", {{"resource", "x"}}}})).find("no such resource: x"),
            std::string::npos);
  EXPECT_NE(mistake(one({{"path", "/a"}, {"parent", {{"resource", "r"}}}})).find("each other's parents"),
            std::string::npos);
  EXPECT_NE(mistake(one({{"path", "/a"}, {"select", "a[0"}})).find("not a path into JSON"), std::string::npos);
  EXPECT_NE(mistake(one({{"path", "/a"}, {"columns", {{"x", "int33"}}}})).find("no such type: int33"),
            std::string::npos);
  EXPECT_NE(mistake(one({{"path", "/a"}, {"pagination", {{"type", "cursor"}}}})).find("lacks the key next"),
            std::string::npos);
  EXPECT_NE(mistake({{"url", "h"}, {"resources", Json::object()}}).find("url begins with"), std::string::npos);
  EXPECT_NE(mistake({{"url", "http://h"}, {"rate_limit", "fast"}, {"resources", Json::object()}}).find("not a rate"),
            std::string::npos);
}

TEST_F(Http, AWrongSelectorIsAMistakeAndNotAnEmptyTable) {
  const Server server{[](const Got&) -> Reply { return {.body = R"({"data":[{"id":1}]})"}; }};
  const auto rows = read(api(server, {{"path", "/items"}, {"select", "items"}}), "items");
  ASSERT_TRUE(rows.error);
  EXPECT_NE(rows.error->text().find("nothing at the path that select names"), std::string::npos);
  EXPECT_EQ(server.requests().size(), 1U);
}

}  // namespace
}  // namespace weir::http::testing
