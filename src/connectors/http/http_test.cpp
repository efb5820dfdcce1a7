#include "connectors/http/test_api.hpp"
#include "flow/pump.hpp"

namespace weir::http::testing {
namespace {

Json api(const Server& server, Json resource, Json more = Json::object()) {
  Json settings = {{"url", server.url()}, {"resources", {{"items", std::move(resource)}}}};
  settings.update(more);
  return settings;
}

// An API of 25 items that pages in every way, by query or by body.
constexpr int kItems = 25;
constexpr int kPage = 10;

Reply page_of(int first, const std::string& headers, const std::string& envelope) {
  const int count = std::clamp(kItems - first, 0, kPage);
  return {.body = fmt::format(R"({{"data":[{}]{}{}}})", items(first, count), envelope.empty() ? "" : ",", envelope),
          .headers = headers};
}

int number(const std::string& text, int otherwise) { return text.empty() ? otherwise : std::stoi(text); }

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

class Incremental : public HttpTest {
 protected:
  // (id, at) pairs of the API.
  std::vector<std::pair<int, std::string>> data_;
  std::vector<std::string> asked_;

  Server::Answer answer() {
    return [this](const Got& got) -> Reply {
      asked_.push_back(got.parameter("since"));
      std::string body;
      for (const auto& [id, at] : data_)
        body += fmt::format("{}{{\"id\":{},\"at\":{}}}", body.empty() ? "" : ",", id, at);
      return {.body = "[" + body + "]"};
    };
  }
  static Json cursor(Json more = Json::object()) {
    Json rule = {{"path", "at"}, {"param", "since"}};
    rule.update(more);
    return {{"path", "/items"}, {"key", {"id"}}, {"cursor", rule}};
  }
};

TEST_F(Incremental, TheNextRunBeginsWhereTheLastOneEnded) {
  const Server server{answer()};
  const auto settings = api(server, cursor({{"start", 5}}));
  data_ = {{1, "4"}, {2, "5"}, {3, "9"}, {4, "9"}};
  const auto first = read(settings, "items", {}, "run1");
  EXPECT_EQ(first.text, "2|5\n3|9\n4|9\n");
  ASSERT_TRUE(first.checkpoint);
  // 9 was not over yet: one more of it has come, and 3 and 4 are known.
  data_.insert(data_.end(), {{5, "9"}, {6, "12"}});
  const auto second = read(settings, "items", first.checkpoint, "run2");
  EXPECT_EQ(second.text, "5|9\n6|12\n");
  EXPECT_EQ(asked_, (std::vector<std::string>{"5", "9"}));
  const auto third = read(settings, "items", second.checkpoint, "run3");
  EXPECT_EQ(third.text, "");
  EXPECT_FALSE(third.checkpoint);
}

TEST_F(Incremental, TimesCompareAsTimesAndLagGoesBack) {
  const Server server{answer()};
  const auto settings = api(server, cursor({{"lag", "2d"}, {"start", "2026-01-01"}}));
  data_ = {{1, "\"2026-01-10T01:00:00+02:00\""}, {2, "\"2026-01-09T23:30:00Z\""}, {3, "\"2025-12-31T23:59:59Z\""}};
  const auto first = read(settings, "items", {}, "run1");
  EXPECT_EQ(first.count, 2U);
  data_.emplace_back(4, "\"2026-01-08T00:00:00Z\"");  // late
  data_.emplace_back(5, "\"2026-01-07T00:00:00Z\"");  // too late
  const auto second = read(settings, "items", first.checkpoint, "run2");
  EXPECT_EQ(second.text, "1|2026-01-10T01:00:00+02:00\n4|2026-01-08T00:00:00Z\n");  // 1 again: within the lag
  EXPECT_EQ(asked_[1], "2026-01-07T23%3A30%3A00Z");
}

TEST_F(Incremental, AnEndIsExclusive) {
  const Server server{answer()};
  data_ = {{1, "1"}, {2, "2"}, {3, "3"}};
  EXPECT_EQ(read(api(server, cursor({{"end", 3}})), "items").text, "1|1\n2|2\n");
}

TEST_F(Incremental, MissingValuesGoByThePolicy) {
  const Server server{answer()};
  data_ = {{1, "1"}, {2, "null"}};
  const auto failed = read(api(server, cursor()), "items", {}, "a");
  ASSERT_TRUE(failed.error);
  EXPECT_EQ(failed.error->code(), Code::InvalidData);
  EXPECT_EQ(failed.error->retry(), Retry::Never);
  EXPECT_EQ(read(api(server, cursor({{"missing", "skip"}})), "items", {}, "b").text, "1|1\n");
  EXPECT_EQ(read(api(server, cursor({{"missing", "load"}})), "items", {}, "c").text, "1|1\n2|-\n");
}

TEST_F(Incremental, DescendingPagesStopWhereTheLastRunBegan) {
  const Server server{[](const Got& got) -> Reply {
    const int page = number(got.parameter("page"), 1);
    return {.body = fmt::format(R"([{{"id":{},"at":{}}},{{"id":{},"at":{}}}])", 100 - 2 * page, 100 - 2 * page,
                                99 - 2 * page, 99 - 2 * page)};
  }};
  auto resource = cursor({{"start", 93}, {"order", "descending"}});
  resource["pagination"] = {{"type", "page"}};
  EXPECT_EQ(read(api(server, resource), "items").text, "98|98\n97|97\n96|96\n95|95\n94|94\n93|93\n");
  EXPECT_EQ(server.requests().size(), 4U);
}

TEST_F(Incremental, ShapesAreKeptSoThatLaterRunsHaveTheSameColumns) {
  std::atomic<int> run = 0;
  const Server server{[&](const Got&) -> Reply {
    return {.body =
                run == 0 ? R"([{"id":1,"at":1,"a":{"b":2.5},"l":[1]}])" : R"([{"id":2,"at":2,"a":{"b":3},"c":"x"}])"};
  }};
  const auto settings = api(server, cursor());
  const auto first = read(settings, "items", {}, "run1");
  run = 1;
  const auto second = read(settings, "items", first.checkpoint, "run2");
  EXPECT_EQ(first.schema, "id int64 not null, at int64, a_b float64");
  EXPECT_EQ(second.schema, "id int64 not null, at int64, a_b float64, c string");
  EXPECT_EQ(second.text, "2|2|3|x\n");
  // The list's stream is there, with its columns and no rows.
  const auto list = read(settings, "items.l", first.checkpoint, "run2");
  EXPECT_FALSE(list.error);
  EXPECT_EQ(list.count, 0U);
}

// A destination and a ledger in memory; the commit's answer may get lost with the process that waits for it.
class MemoryTable final : public flow::Sink {
 public:
  class MemoryLoad final : public flow::Load, public flow::Writer {
   public:
    explicit MemoryLoad(MemoryTable& table) : table_(table) {}
    Result<std::unique_ptr<flow::Writer>> writer(std::stop_token) override {
      return std::make_unique<MemoryLoad>(table_);
    }
    Result<void> write(const data::Batch& batch, std::stop_token) override {
      for (std::size_t row = 0; row < batch.rows(); ++row)
        table_.staged.push_back(data::value_text(batch.column(0), row));
      return {};
    }
    Result<void> finish(std::stop_token) override { return {}; }
    Result<flow::Receipt> commit(const CommitId& commit, std::stop_token) override {
      table_.rows.insert(table_.rows.end(), table_.staged.begin(), table_.staged.end());
      table_.receipts[commit.text()] = {commit, table_.staged.size()};
      table_.staged.clear();
      if (std::exchange(table_.loses_answer, false)) return Error::external(Code::Unavailable, "killed");
      return table_.receipts[commit.text()];
    }

   private:
    MemoryTable& table_;
  };

  Result<std::unique_ptr<flow::Load>> open(const flow::WriteRequest&, std::stop_token) override {
    staged.clear();
    return std::make_unique<MemoryLoad>(*this);
  }
  Result<std::optional<flow::Receipt>> find(const flow::WriteRequest&, const CommitId& commit,
                                            std::stop_token) override {
    const auto found = receipts.find(commit.text());
    if (found == receipts.end()) return std::optional<flow::Receipt>{};
    return std::optional{found->second};
  }

  std::vector<std::string> staged;
  std::vector<std::string> rows;
  std::map<std::string, flow::Receipt> receipts;
  bool loses_answer = false;
};

class MemoryJournal final : public flow::Journal {
 public:
  Result<std::optional<flow::Intent>> pending() override { return intent_; }
  Result<std::optional<flow::Receipt>> superseded() override { return std::nullopt; }
  Result<std::optional<flow::Checkpoint>> checkpoint() override { return checkpoint_; }
  Result<CommitId> next_commit() override { return CommitId{std::to_string(saved_)}; }
  Result<void> intend(const flow::Intent& intent) override {
    intent_ = intent;
    return {};
  }
  Result<void> save(const flow::Receipt&, const std::optional<flow::Checkpoint>& checkpoint) override {
    intent_.reset();
    ++saved_;
    if (checkpoint) checkpoint_ = checkpoint;
    return {};
  }

 private:
  std::optional<flow::Intent> intent_;
  std::optional<flow::Checkpoint> checkpoint_;
  int saved_ = 0;
};

// Appends, so that anything read twice would be seen.
TEST_F(Incremental, TheCheckpointMovesOnlyWithTheCommit) {
  const Server server{answer()};
  const auto settings = api(server, cursor());
  MemoryTable table;
  MemoryJournal journal;
  const auto load = [&](const std::string& run) {
    const auto source = *open(settings, run);
    flow::PumpPlan plan;
    plan.read.stream = "items";
    flow::PumpProgress progress;
    return flow::pump(*source, table, plan, journal, progress, {}).ok();
  };
  data_ = {{1, "1"}, {2, "2"}};
  EXPECT_TRUE(load("run1"));
  // The commit is in the destination, its answer is not: the next attempt finds it and goes on from there.
  data_.emplace_back(3, "3");
  table.loses_answer = true;
  EXPECT_FALSE(load("run2"));
  data_.emplace_back(4, "4");
  EXPECT_TRUE(load("run2"));
  EXPECT_EQ(table.rows, (std::vector<std::string>{"1", "2", "3", "4"}));
  EXPECT_EQ(asked_, (std::vector<std::string>{"", "2", "3"}));
  EXPECT_TRUE(load("run3"));
  EXPECT_EQ(table.rows.size(), 4U);
}

TEST_F(Incremental, ForeignCheckpointsAreRefused) {
  const Server server{answer()};
  const auto rows = read(api(server, cursor()), "items", flow::Checkpoint{"lsn 0/16B3748"});
  ASSERT_TRUE(rows.error);
  EXPECT_EQ(rows.error->code(), Code::InvalidData);
  EXPECT_TRUE(server.requests().empty());
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
  const auto mistake = [&](Json settings) {
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
