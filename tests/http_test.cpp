#include <mutex>

#include "connectors/http/test_api.hpp"
#include "weir_program.hpp"

// APIs through the whole program: the real binary, a managed PostgreSQL, and a server of ours.
namespace weir {
namespace {

using http::testing::Got;
using http::testing::Reply;
using http::testing::Server;
using testing::TestProject;

constexpr auto kWeirYml = R"(name: api
connections:
  shop: {{type: postgres, managed: true}}
  api:
    type: http
    url: {}
    auth: {{type: bearer, token: planted-token}}
    retry: {{attempts: 2, delay: 1ms}}
    resources:
      launches: {{path: /launches, key: id, nested: {{times: detect}}}}
      events: {{path: /events, key: id, cursor: {{path: at, param: since}}}}
      prices: {{path: /prices.csv, format: csv}}
      nothing: {{path: /nothing}}
)";

constexpr auto kPipeline = R"(name: load
tasks:
  all: {copy: {from: "api.*", to: "shop.*", mode: merge}}
)";

class HttpProgram : public ::testing::Test {
 protected:
  HttpProgram() {
    project_.write("weir.yml", fmt::format(kWeirYml, server_.url()));
    project_.write("pipelines/load.yml", kPipeline);
  }

  Reply answer(const Got& got) {
    const std::lock_guard lock(mutex_);
    if (broken_ && got.target.starts_with("/launches")) return {.status = 500, .body = "planted-token is not welcome"};
    if (got.target == "/launches") return {.body = launches_};
    if (got.target.starts_with("/events")) return {.body = events_};
    if (got.target == "/prices.csv")
      return {.body = "id,price\n1,2.50\n2,3.75\n", .headers = "Content-Type: text/csv\r\n"};
    return {.body = "[]"};
  }

  void change(std::string launches, std::string events) {
    const std::lock_guard lock(mutex_);
    launches_ = std::move(launches);
    events_ = std::move(events);
  }

  std::mutex mutex_;
  std::string launches_ =
      R"([{"id":"a","date":"2026-03-01T10:00:00+02:00","cores":[{"flight":1},{"flight":2}]},{"id":"b","date":null,"cores":[{"flight":9}]}])";
  std::string events_ = R"([{"id":1,"at":10},{"id":2,"at":20}])";
  std::atomic<bool> broken_ = false;
  Server server_{[this](const Got& got) { return answer(got); }};
  TestProject project_;
};

TEST_F(HttpProgram, OneTaskLoadsAWholeApi) {
  project_.edit(
      "weir.yml", "      prices: {path: /prices.csv, format: csv}\n",
      "      prices: {path: /prices.csv, format: csv, key: id, options: {types: {price: \"decimal(10,2)\"}}}\n");
  const auto first = project_.run({"run", "load", "--json"});
  ASSERT_EQ(first.exit_code, 0) << first.out << first.err;
  EXPECT_EQ(project_.query("shop", "SELECT id, date AT TIME ZONE 'UTC' FROM launches ORDER BY id"),
            "a,2026-03-01 08:00:00.000000\nb,\n");
  EXPECT_EQ(project_.query("shop", "SELECT launches_id, position, flight FROM launches__cores ORDER BY 1, 2"),
            "a,0,1\na,1,2\nb,0,9\n");
  EXPECT_EQ(project_.query("shop", "SELECT sum(price) FROM prices"), "6.25\n");
  EXPECT_EQ(project_.query("shop", "SELECT count(*), max(at) FROM events"), "2,20\n");

  // The next run goes on at the cursor, and merges the rest: lists become what they are now.
  change(R"([{"id":"a","date":null,"cores":[{"flight":3}]},{"id":"b","date":null,"cores":[]}])",
         R"([{"id":2,"at":20},{"id":3,"at":30}])");
  const auto second = project_.run({"run", "load", "--json"});
  ASSERT_EQ(second.exit_code, 0) << second.out << second.err;
  EXPECT_TRUE(
      std::ranges::any_of(server_.requests(), [](const auto& request) { return request == "GET /events?since=20"; }));
  EXPECT_EQ(project_.query("shop", "SELECT count(*), max(at) FROM events"), "3,30\n");
  EXPECT_EQ(project_.query("shop", "SELECT launches_id, position, flight FROM launches__cores"), "a,0,3\n");

  // A replay of the first run asks nobody, and leaves the cursor where it is.
  const auto asked = server_.requests().size();
  const auto run = first.event("run_finished")["run"].get<std::string>();
  const auto replayed = project_.run({"replay", run, "--json"});
  ASSERT_EQ(replayed.exit_code, 0) << replayed.out << replayed.err;
  EXPECT_NE(replayed.out.find("REPLAY: api answers from the recording"), std::string::npos) << replayed.out;
  EXPECT_EQ(server_.requests().size(), asked);
  EXPECT_EQ(project_.query("shop", "SELECT count(*), max(at) FROM events"), "3,30\n");
  // Beside a serving process, which alone may write the ledger, it is that process's to do.
  {
    auto serving = project_.start_until({"serve", "--json", "--port", "0"},
                                        [](const Json& line) { return line.value("event", "") != "serving"; });
    const auto served = project_.run({"replay", run, "--json"});
    EXPECT_EQ(served.exit_code, 0) << served.out << served.err;
    EXPECT_NE(served.out.find("REPLAY: api answers from the recording"), std::string::npos) << served.out;
    EXPECT_EQ(server_.requests().size(), asked);
    serving.process.signal(SIGTERM);
    EXPECT_EQ(serving.process.wait().code, 0);
  }
  const auto third = project_.run({"run", "load", "--json"});
  ASSERT_EQ(third.exit_code, 0) << third.out << third.err;
  EXPECT_TRUE(
      std::ranges::any_of(server_.requests(), [](const auto& request) { return request == "GET /events?since=30"; }));
}

TEST_F(HttpProgram, AFailedRunGoesOnWhereItStoppedAndTellsNoSecret) {
  project_.edit("weir.yml", "      prices: {path: /prices.csv, format: csv}\n", "");
  project_.edit("pipelines/load.yml", "  all: {copy: {from: \"api.*\", to: \"shop.*\", mode: merge}}",
                "  events: {copy: {from: api.events, to: shop.events, mode: append}}\n"
                "  launches: {needs: [events], copy: {from: api.launches, to: shop.launches, mode: replace}}\n"
                "  cores: {needs: [launches], copy: {from: api.launches.cores, to: shop.cores, mode: replace}}");
  broken_ = true;
  const auto failed = project_.run({"run", "load", "--json"});
  EXPECT_NE(failed.exit_code, 0) << failed.out;
  EXPECT_EQ((failed.out + failed.err).find("planted"), std::string::npos);
  broken_ = false;
  const auto again = project_.run({"retry", "--json"});
  ASSERT_EQ(again.exit_code, 0) << again.out << again.err;
  EXPECT_EQ(project_.query("shop", "SELECT count(*) FROM events"), "2\n");
  EXPECT_EQ(project_.query("shop", "SELECT count(*) FROM cores"), "3\n");
  EXPECT_EQ(std::ranges::count(server_.requests(), "GET /events"), 1);
  // Two tries of the broken page, then one fetch for both tables.
  EXPECT_EQ(std::ranges::count(server_.requests(), "GET /launches"), 3);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(project_.folder() / ".weir" / "logs")) {
    if (!entry.is_regular_file()) continue;
    EXPECT_EQ(read_file(entry.path()).value().find("planted"), std::string::npos) << entry.path();
  }
}

// Files by URL in every format and compression: one table, the same rows.
TEST(FilesByUrl, AreReadAsTheFilesOfAProject) {
  const TestProject project;
  project.write("weir.yml", "name: api\nconnections:\n  warehouse: {type: clickhouse, managed: true}\n");
  project.write("prices.csv", "id,name,price\n1,a,2.50\n2,\"b,c\",3.75\n");
  project.write("pipelines/make.yml",
                "name: make\ntasks:\n  make: {copy: {from: {object: prices.csv, options: {types: {id: int64, price: "
                "\"decimal(10,2)\"}}}, to: prices.parquet, mode: replace}}\n");
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  const auto made = project.run({"run", "make", "--json"});
  ASSERT_EQ(made.exit_code, 0) << made.out << made.err;

  const auto in_folder = [&](const std::string& command) {
    return http::testing::output_of(fmt::format("cd {} && {}", project.folder().string(), command));
  };
  const std::map<std::string, std::string> files{
      {"/prices.csv", read_file(project.folder() / "prices.csv").value()},
      {"/prices.tsv", "id\tname\tprice\n1\ta\t2.50\n2\tb,c\t3.75\n"},
      {"/prices.csv.gz", in_folder("gzip -c prices.csv")},
      {"/prices.csv.zst", in_folder("zstd -qc prices.csv")},
      {"/prices.parquet", read_file(project.folder() / "prices.parquet").value()}};
  const Server server{[&](const Got& got) -> Reply {
    const auto found = files.find(got.target);
    if (found == files.end()) return {.status = 404};
    return {.body = found->second, .headers = "Content-Type: application/octet-stream\r\n"};
  }};
  const std::string typed = "options: {types: {id: int64, price: \"decimal(10,2)\"}}";
  project.write("weir.yml", fmt::format(R"(name: api
connections:
  warehouse: {{type: clickhouse, managed: true}}
  api:
    type: http
    url: {}
    resources:
      csv: {{path: /prices.csv, format: csv, {}}}
      tsv: {{path: /prices.tsv, format: tsv, {}}}
      gzip: {{path: /prices.csv.gz, format: csv, {}}}
      zstd: {{path: /prices.csv.zst, format: csv, {}}}
      parquet: {{path: /prices.parquet, format: parquet}}
)",
                                        server.url(), typed, typed, typed, typed));
  std::string tasks;
  for (const auto* format : {"csv", "tsv", "gzip", "zstd", "parquet"})
    tasks += fmt::format("  {0}: {{copy: {{from: api.{0}, to: warehouse.{0}, mode: replace}}}}\n", format);
  project.write("pipelines/load.yml", "name: load\ntasks:\n" + tasks);
  project.write("pipelines/all.yml",
                "name: all\ntasks:\n  all: {copy: {from: \"api.*\", to: \"warehouse.all_*\", mode: replace}}\n");
  for (const auto* pipeline : {"load", "all"}) {
    const auto run = project.run({"run", pipeline, "--json"});
    ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  }
  for (const auto* format : {"csv", "tsv", "gzip", "zstd", "parquet"}) {
    for (const auto* prefix : {"", "all_"}) {
      EXPECT_EQ(project.query("warehouse", fmt::format("SELECT id, name, price * 100, toTypeName(price) LIKE "
                                                       "'%Decimal%' FROM {}{} ORDER BY id",
                                                       prefix, format)),
                "1,a,250.00,1\n2,\"b,c\",375.00,1\n")
          << prefix << format;
    }
  }
}

// A download that is kept as it is: by every byte, whatever it is called, as one commit.
TEST(FilesByUrl, AreKeptAsTheyAre) {
  const TestProject project;
  std::string content;
  for (int i = 0; i < 3'000'000; ++i) content += static_cast<char>(i * 31 + i / 256);
  std::atomic<int> broken = 1;  // answers that break off in their middle
  const Server server{[&](const Got& got) -> Reply {
    if (got.target == "/large.bin") return {.body = content + "and more"};
    if (got.target == "/mirror.bin") return {.body = "begin planted-token end"};
    if (got.target != "/manual.csv.gz") return {.status = 404};
    if (broken-- > 0)
      return {.raw = fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.size()) +
                     content.substr(0, 1'500'000)};
    return {.body = content, .headers = "Content-Type: text/csv\r\n"};
  }};
  project.write("weir.yml", fmt::format(R"(name: api
connections:
  api:
    type: http
    url: {}
    response_bytes_max: {}
    retry: {{attempts: 2, delay: 1ms}}
    resources:
      manual: {{path: /manual.csv.gz, format: bytes}}
      large: {{path: /large.bin, format: bytes}}
  closed:
    type: http
    url: {}
    auth: {{type: bearer, token: planted-token}}
    resources:
      mirror: {{path: /mirror.bin, format: bytes}}
)",
                                        server.url(), content.size(), server.url()));
  const auto pipeline = [&](const std::string& name, const std::string& from) {
    project.write(
        fmt::format("pipelines/{}.yml", name),
        fmt::format("name: {0}\ntasks:\n  keep: {{copy: {{from: {1}, to: \"files/{{{{ run.id }}}}/{0}.csv.gz\", "
                    "mode: replace}}}}\n",
                    name, from));
  };
  pipeline("manual", "api.manual");
  pipeline("large", "api.large");
  pipeline("mirror", "closed.mirror");

  const auto kept = project.run({"run", "manual", "--json"});
  ASSERT_EQ(kept.exit_code, 0) << kept.out << kept.err;
  EXPECT_NE(kept.out.find("before try 2 of 2"), std::string::npos) << kept.out;
  const auto folder = project.folder() / "files" / kept.event("run_finished")["run"].get<std::string>();
  EXPECT_TRUE(read_file(folder / "manual.csv.gz").value() == content);
  EXPECT_EQ(std::ranges::count(server.requests(), "GET /manual.csv.gz"), 2);
  // A replay keeps the same bytes and asks nobody.
  const auto replayed = project.run({"replay", kept.event("run_finished")["run"].get<std::string>(), "--json"});
  ASSERT_EQ(replayed.exit_code, 0) << replayed.out << replayed.err;
  const auto again = project.folder() / "files" / replayed.event("run_finished")["run"].get<std::string>();
  EXPECT_TRUE(read_file(again / "manual.csv.gz").value() == content);
  EXPECT_EQ(server.requests().size(), 2U);

  // More than response_bytes_max, or with a secret inside: nothing lies there, not even a part.
  for (const auto& [name, message] : std::map<std::string, std::string>{
           {"large", fmt::format("is larger than {} bytes", content.size())},
           {"mirror", "mirror holds a secret of the connection, which nothing may keep"}}) {
    const auto failed = project.run({"run", name, "--json"});
    EXPECT_EQ(failed.exit_code, 1) << failed.out << failed.err;
    EXPECT_NE(failed.out.find(message), std::string::npos) << failed.out;
    EXPECT_EQ(failed.out.find("planted-token"), std::string::npos) << failed.out;
    const auto run = failed.event("run_finished")["run"].get<std::string>();
    for (const auto& entry : std::filesystem::directory_iterator(project.folder() / "files" / run))
      EXPECT_EQ(entry.path().filename().string(), "recordings");
  }
}

// JSON lines that were compressed before they were sent, for the way, or not at all: the same rows.
TEST(FilesByUrl, JsonLinesMayBeCompressed) {
  const TestProject project;
  std::string lines;
  std::int64_t sum = 0;
  for (int i = 1; i <= 20'000; ++i) {
    lines += fmt::format("{{\"id\":{},\"name\":\"name {}\",\"tags\":[{{\"tag\":{}}}]}}\n", i, i, i * 3);
    sum += i * 3;
  }
  project.write("lines.jsonl", lines);
  const auto in_folder = [&](const std::string& command) {
    return http::testing::output_of(fmt::format("cd {} && {}", project.folder().string(), command));
  };
  const auto gzip = in_folder("gzip -c lines.jsonl");
  const auto zstd = in_folder("zstd -qc lines.jsonl");
  const auto items = in_folder("(printf '['; paste -sd, lines.jsonl; printf ']') | gzip -c");
  const Server server{[&](const Got& got) -> Reply {
    if (got.target == "/plain.jsonl") return {.body = lines};
    if (got.target == "/a.jsonl.gz") return {.body = gzip, .headers = "Content-Type: application/gzip\r\n"};
    if (got.target == "/a.jsonl.zst") return {.body = zstd};
    if (got.target == "/coded.jsonl") return {.body = gzip, .headers = "Content-Encoding: gzip\r\n"};
    if (got.target == "/items.json.gz") return {.body = items};
    if (got.target == "/cut.jsonl.gz") return {.body = gzip.substr(0, gzip.size() / 2)};
    if (got.target == "/cut.csv.gz") return {.body = gzip.substr(0, gzip.size() / 2)};
    return {.status = 404};
  }};
  project.write("weir.yml", fmt::format(R"(name: api
connections:
  shop: {{type: postgres, managed: true}}
  api:
    type: http
    url: {}
    retry: {{attempts: 2, delay: 1ms}}
    resources:
      plain: {{path: /plain.jsonl, format: jsonl, key: id}}
      gzip: {{path: /a.jsonl.gz, format: jsonl, key: id}}
      zstd: {{path: /a.jsonl.zst, format: jsonl, key: id}}
      coded: {{path: /coded.jsonl, format: jsonl, key: id}}
      items: {{path: /items.json.gz, key: id}}
  cut:
    type: http
    url: {}
    retry: {{attempts: 2, delay: 1ms}}
    resources:
      lines: {{path: /cut.jsonl.gz, format: jsonl}}
      csv: {{path: /cut.csv.gz, format: csv}}
)",
                                        server.url(), server.url()));
  project.write("pipelines/load.yml",
                "name: load\ntasks:\n  all: {copy: {from: \"api.*\", to: \"shop.*\", mode: replace}}\n");
  const auto run = project.run({"run", "load", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  for (const auto* table : {"plain", "gzip", "zstd", "coded", "items"}) {
    EXPECT_EQ(project.query("shop", fmt::format("SELECT count(*), sum(id), min(name) FROM {}", table)),
              "20000,200010000,name 1\n")
        << table;
    EXPECT_EQ(project.query("shop", fmt::format("SELECT count(*), sum(tag) FROM {}__tags", table)),
              fmt::format("20000,{}\n", sum))
        << table;
  }
  for (const auto& [stream, message] : std::map<std::string, std::string>{
           {"lines", "gzip that ends in its middle (GET " + server.url() + "/cut.jsonl.gz (2 tries))"},
           {"csv", "gzip file ends in its middle"}}) {
    project.write("pipelines/cut.yml", fmt::format("name: cut\ntasks:\n  one: {{copy: {{from: cut.{}, to: shop.cut, "
                                                   "mode: replace}}}}\n",
                                                   stream));
    const auto failed = project.run({"run", "cut", "--json"});
    EXPECT_EQ(failed.exit_code, 1) << failed.out << failed.err;
    EXPECT_NE(failed.out.find(message), std::string::npos) << failed.out;
    EXPECT_EQ(project.query("shop", "SELECT count(*) FROM pg_tables WHERE tablename = 'cut'"), "0\n");
  }
}

// Two tasks, each a process, that ask one host page by page.
class OneHost : public ::testing::Test {
 protected:
  static constexpr int kPages = 8;  // of each task, the empty last one included

  Reply answer(const Got& got) {
    std::unique_lock lock(mutex_);
    arrivals_.push_back(std::chrono::steady_clock::now());
    ++under_way_;
    most_at_once_ = std::max(most_at_once_, under_way_);
    came_.notify_all();
    // An answer takes its time, or less if a request comes that should not.
    if (slow_) came_.wait_for(lock, std::chrono::milliseconds{30}, [this] { return under_way_ > 1; });
    --under_way_;
    const auto page = std::stoi(got.parameter("page"));
    return {.body = page < kPages ? fmt::format("[{{\"id\": {}}}]", page) : "[]"};
  }

  // Runs both tasks; what the log says is part of the output.
  testing::ProgramResult run(const std::string& limits) {
    project_.write("weir.yml", fmt::format(R"(name: api
connections:
  shop: {{type: postgres, managed: true}}
  api:
    type: http
    url: {}
    {}
    pagination: {{type: page}}
    resources:
      one: {{path: /one, key: id}}
      two: {{path: /two, key: id}}
)",
                                           server_.url(), limits));
    project_.write("pipelines/load.yml", R"(name: load
tasks:
  one: {copy: {from: api.one, to: shop.one, mode: replace}}
  two: {copy: {from: api.two, to: shop.two, mode: replace}}
)");
    auto result = project_.run({"run", "load", "--json"});
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    EXPECT_EQ(arrivals_.size(), 2U * kPages);
    EXPECT_EQ(project_.query("shop", "SELECT (SELECT count(*) FROM one), (SELECT count(*) FROM two)"), "7,7\n");
    return result;
  }
  std::chrono::milliseconds span() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(arrivals_.back() - arrivals_.front());
  }

  bool slow_ = false;
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<std::chrono::steady_clock::time_point> arrivals_;
  int under_way_ = 0;
  int most_at_once_ = 0;
  Server server_{[this](const Got& got) { return answer(got); }};
  TestProject project_;
};

TEST_F(OneHost, ItsRateHoldsForAllTasksTogether) {
  const auto result = run("rate_limit: 20/s");
  // 16 starts are 15 intervals of 50 ms; the first may arrive late. A task alone would take 350 ms.
  EXPECT_GE(span().count(), 600);
  for (const auto* task : {"one", "two"}) {
    const auto log = project_.run({"logs", "last", task}).out;
    const auto waits = fmt::format("waiting for the rate limit of {}: 20/s", server_.url());
    const auto first = log.find(waits);
    ASSERT_NE(first, std::string::npos) << log;
    EXPECT_EQ(log.find(waits, first + 1), std::string::npos) << log;
    EXPECT_NE(log.find("s in all for the rate limit of"), std::string::npos) << log;
  }
}

TEST_F(OneHost, ItsConcurrencyHoldsForAllTasksTogether) {
  slow_ = true;
  const auto result = run("concurrency: 1");
  EXPECT_EQ(most_at_once_, 1);
  EXPECT_NE(result.out.find("waiting for one of 1 requests at once to"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("in all for requests of other tasks to"), std::string::npos) << result.out;
}

// Answers what a recording answers, whatever host was asked then.
class RecordedApi {
 public:
  explicit RecordedApi(const std::filesystem::path& recording) {
    const auto text = read_file(recording / "exchanges.jsonl").value();
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
      const auto line = parse_json(std::string_view{text}.substr(at, text.find('\n', at) - at)).value();
      const auto url = line.value("url", "");
      const auto method = line.value("method", "GET");
      const auto target = url.substr(url.find('/', url.find("://") + 3));
      answers_[name(method, target, line.value("body", ""))] = read_file(recording / line.value("file", "")).value();
    }
  }
  std::string url() const { return server_.url(); }
  // Answers something else from now on.
  void change(const std::string& target, const std::function<void(Json&)>& edit) {
    const std::lock_guard lock(mutex_);
    auto& answer = answers_.at(name("GET", target, ""));
    auto json = parse_json(answer).value();
    edit(json);
    answer = to_text(json);
  }
  // Whether everything that is recorded was asked for, and nothing else, each once.
  void expect_asked_once() const {
    std::vector<std::string> recorded;
    for (const auto& [name, body] : answers_) recorded.push_back(name);
    auto asked = asked_;
    std::ranges::sort(asked);
    EXPECT_EQ(asked, recorded);
  }

 private:
  static std::string name(const std::string& method, const std::string& target, const std::string& body) {
    return fmt::format("{} {} {}", method, target, body);
  }
  Reply answer(const Got& got) {
    const std::lock_guard lock(mutex_);
    asked_.push_back(name(got.method, got.target, got.body));
    const auto found = answers_.find(asked_.back());
    if (found == answers_.end()) return {.status = 404, .body = "not recorded"};
    return {.body = found->second, .headers = "Content-Type: application/json; charset=utf-8\r\n"};
  }

  std::map<std::string, std::string> answers_;
  std::mutex mutex_;
  std::vector<std::string> asked_;
  Server server_{[this](const Got& got) { return answer(got); }};
};

// The environments `live` of the examples, with a server of ours where the API is.
void run_live(const TestProject& project, const std::string& pipeline, const std::string& recordings) {
  const RecordedApi api{project.folder() / recordings};
  project.edit("weir.yml", "{replay: null}", fmt::format("{{replay: null, url: \"{}\"}}", api.url()));
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  const auto run = project.run({"run", pipeline, "--env", "live", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_EQ(run.out.find("REPLAY"), std::string::npos);
  api.expect_asked_once();
}

TEST(LiveExamples, AstronautsAsksTheApi) {
  const TestProject project{"astronauts"};
  ASSERT_NO_FATAL_FAILURE(run_live(project, "astronauts", "recordings/after"));
  EXPECT_EQ(project.query("warehouse", "SELECT people, crafts FROM people_summary"), "10,2\n");
}

TEST(LiveExamples, SpacexAsksTheApi) {
  const TestProject project{"spacex"};
  ASSERT_NO_FATAL_FAILURE(run_live(project, "load", "recordings"));
  EXPECT_EQ(project.query("subscriber",
                          "SELECT (SELECT count(*) FROM launches), (SELECT count(*) FROM launches_cores), (SELECT "
                          "count(*) FROM starlink)"),
            "207,219,3391\n");
}

// The API has more than the recording, and some of what that has is gone or different.
TEST(LiveExamples, SpacexFollowsTheApiWhereTheDemoHasRun) {
  const TestProject project{"spacex"};
  RecordedApi api{project.folder() / "recordings"};
  project.edit("weir.yml", "{replay: null}", fmt::format("{{replay: null, url: \"{}\"}}", api.url()));
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  const auto demo = project.run({"run", "load", "--json"});
  ASSERT_EQ(demo.exit_code, 0) << demo.out << demo.err;

  std::string dropped;
  api.change("/v5/launches", [&](Json& launches) {
    dropped = launches[100]["id"];
    ASSERT_EQ(launches[100]["cores"].size(), 1U);
    ASSERT_EQ(launches[100]["payloads"].size(), 3U);
    ASSERT_EQ(launches[101]["cores"].size(), 1U);
    launches[101]["cores"] = Json::array();
    launches[102]["weather"] = {{"sky", "clear"}, {"temperature", 21.5}};
    launches[102]["links"]["webcast"] = "https://example.com/launch";
    launches[102]["links"]["flickr"]["original"] = {"https://example.com/photo"};
    launches[102]["window"] = 0.5;
    launches[102]["cores"][0]["temperature"] = 3;
    launches.erase(100);
  });
  api.change("/v4/ships", [](Json& ships) { ships[0]["speed_kn"] = 7.5; });
  const auto live = project.run({"run", "load", "--env", "live", "--json"});
  ASSERT_EQ(live.exit_code, 0) << live.out << live.err;

  const auto by_launch = [&](const std::string& table) {
    return fmt::format("(SELECT count(*) FROM {} WHERE launches_id = '{}')", table, dropped);
  };
  for (const auto* server : {"publisher", "subscriber"}) {
    EXPECT_EQ(project.query(server,
                            "SELECT weather_sky, weather_temperature, links_webcast, \"window\" FROM launches WHERE "
                            "weather_sky IS NOT NULL"),
              "clear,21.5,https://example.com/launch,0.5\n");
    EXPECT_EQ(project.query(server, fmt::format("SELECT (SELECT count(*) FROM launches), {}, {}",
                                                by_launch("launches_cores"), by_launch("launches_payloads"))),
              "207,1,3\n");
    EXPECT_EQ(project.query(server,
                            "SELECT (SELECT count(*) FROM launches_cores), (SELECT sum(temperature) FROM "
                            "launches_cores), (SELECT sum(speed_kn) FROM ships)"),
              "218,3,7.5\n");
  }
  EXPECT_EQ(
      project.query("warehouse", "SELECT weather_sky, links_webcast FROM spacex.launches WHERE weather_sky != ''"),
      "clear,https://example.com/launch\n");

  // And back: what the recording lacks stays as it was.
  const auto again = project.run({"run", "load", "--json"});
  ASSERT_EQ(again.exit_code, 0) << again.out << again.err;
  EXPECT_EQ(project.query("subscriber", "SELECT count(*), count(weather_sky) FROM launches"), "207,1\n");
  EXPECT_EQ(project.query("subscriber", "SELECT count(*) FROM launches_cores"), "219\n");
}

// RFC 2606 keeps .invalid from ever being a host.
TEST(LiveExamples, WithoutANetworkTheErrorSaysSo) {
  const TestProject project{"spacex"};
  project.edit("weir.yml", "{replay: null}",
               "{replay: null, url: \"https://no-such-host.invalid\", retry: {attempts: 2, delay: 1ms}}");
  project.edit("pipelines/load.yml", "retry: {attempts: 4, delay: 5s,", "retry: {attempts: 1, delay: 5s,");
  ASSERT_EQ(project.run({"services", "up"}).exit_code, 0);
  const auto run = project.run({"run", "load", "--env", "live", "--select", "rockets", "--json"});
  EXPECT_EQ(run.exit_code, 3) << run.out << run.err;
  const auto error = run.event("step", "rockets")["error"];
  EXPECT_EQ(error["code"], "unavailable") << error;
  const auto message = error["message"].get<std::string>();
  EXPECT_NE(message.find("cannot connect to https://no-such-host.invalid"), std::string::npos) << message;
}

}  // namespace
}  // namespace weir
