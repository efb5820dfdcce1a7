// The REST API of `weir serve`: how fast it lists the runs of a large ledger, and what those who watch cost those who run.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "ledger/many_runs.hpp"
#include "ledger/sqlite.hpp"
#include "net/http_client.hpp"
#include "program.hpp"
#include "scenarios/parts.hpp"
#include "scenarios/serving.hpp"
#include "scenarios/timing.hpp"

namespace weir::bench {

namespace {

constexpr double kListLimitMs = 30;
constexpr int kWatchers = 200;
constexpr int kRounds = 5;  // with one who watches and with many, in turn
constexpr int kRunsOfRound = 20;
constexpr double kToldLimitMs = 100;

Result<void> expect_status(int status, int expected, const std::string& url) {
  return status == expected ? Result<void>{} : Result<void>{Error::bug("{} answered {}", url, status)};
}

// The time that a share of them does not exceed.
double quantile(std::vector<double> times, double share) {
  std::ranges::sort(times);
  return times[static_cast<std::size_t>(static_cast<double>(times.size() - 1) * share)];
}

// The slowest but one in a hundred, of lists as a page asks for them.
Result<double> list_p99_ms(const std::string& api) {
  constexpr std::array kSearches = {"limit=50",
                                    "limit=50&pipeline=p7",
                                    "limit=50&state=failed",
                                    "limit=50&pipeline=p7&state=failed",
                                    "limit=50&trigger=manual",
                                    "limit=50&since=1970-01-02T03:30:00Z",
                                    "limit=200"};
  net::HttpClient client;
  std::vector<double> milliseconds;
  for (int round = 0; round < 50; ++round) {
    for (const auto* search : kSearches) {
      const auto url = fmt::format("{}/runs?{}", api, search);
      milliseconds.push_back(1000 * WEIR_TRY(seconds_of([&]() -> Result<void> {
                               const auto answer = WEIR_TRY(client.fetch({.url = url}, {}, {}));
                               return expect_status(answer.first.status, 200, url);
                             })));
    }
  }
  return quantile(std::move(milliseconds), 0.99);
}

// One who watches all runs, as a page does.
class Watcher {
 public:
  static Result<std::unique_ptr<Watcher>> open(const std::string& api) {
    auto watcher = std::make_unique<Watcher>();
    const auto url = api + "/events";
    watcher->exchange_ = WEIR_TRY(watcher->client_.open({.url = url}, {}));
    WEIR_TRY(expect_status(WEIR_TRY(watcher->exchange_->response({})).status, 200, url));
    return watcher;
  }

  // The run, as the event tells of it.
  Result<Json> wait_for_success() {
    for (;;) {
      const auto event = WEIR_TRY(next_event());
      if (event.find("event: run\n") == std::string::npos) continue;
      auto run = Json::parse(event.substr(event.find("data: ") + 6));
      if (run.at("state") == "succeeded") return run;
    }
  }

 private:
  Result<std::string> next_event() {
    std::array<char, 16384> bytes{};
    for (;;) {
      if (const auto end = seen_.find("\n\n"); end != std::string::npos) {
        auto event = seen_.substr(0, end + 1);
        seen_.erase(0, end + 2);
        return event;
      }
      const auto got = WEIR_TRY(exchange_->read(std::as_writable_bytes(std::span{bytes}), {}));
      if (got == 0) return Error::external(Code::Unavailable, "the event stream has ended");
      seen_.append(bytes.data(), got);
    }
  }

  net::HttpClient client_;
  std::unique_ptr<net::HttpExchange> exchange_;  // goes before its client
  std::string seen_;
};

struct Watched {
  std::vector<double> run_ms;   // from a run's being asked for to its end
  std::vector<double> told_ms;  // from a run's end until all watchers knew
};

Result<void> watch_runs(const std::string& api, int watchers, Watched& watched) {
  std::vector<std::unique_ptr<Watcher>> all;
  for (int i = 0; i < watchers; ++i) all.push_back(WEIR_TRY(Watcher::open(api)));
  net::HttpClient client;
  const auto url = api + "/pipelines/chain/runs";
  for (int i = 0; i < kRunsOfRound; ++i) {
    net::HttpRequest request{.method = "POST", .url = url};
    request.headers.add("X-Weir-Request", "1");
    request.headers.add("Content-Type", "application/json");
    const auto answer = WEIR_TRY(client.fetch(std::move(request), "{}", {}));
    WEIR_TRY(expect_status(answer.first.status, 201, url));
    Json run;
    for (auto& watcher : all) run = WEIR_TRY(watcher->wait_for_success());
    const auto now = std::chrono::system_clock::now();
    const auto instant = [&](const char* key) { return *parse_instant(run.at(key).get<std::string>()); };
    const auto milliseconds = [](auto time) { return std::chrono::duration<double, std::milli>(time).count(); };
    watched.run_ms.push_back(milliseconds(instant("finished_at") - instant("created_at")));
    watched.told_ms.push_back(milliseconds(now - instant("finished_at")));
  }
  return {};
}

}  // namespace

Result<Figures> measure_web(const Setup& setup) {
  const auto project = setup.folder / "web";
  WEIR_TRY(write_chain(project));
  WEIR_TRY(run({.arguments = {setup.weir(), "run", "chain"}, .folder = project}));
  {
    auto sqlite = WEIR_TRY(ledger::Sqlite::open(project / ".weir/ledger.sqlite3", ledger::Sqlite::Mode::Write));
    WEIR_TRY(sqlite.run_script(ledger::kManyRuns));
  }
  const auto serving = WEIR_TRY(Serving::start(setup, project));
  const auto api = serving.address() + "/api/v1";
  Figures figures{{.name = "web/list_p99",
                   .ours = WEIR_TRY(list_p99_ms(api)),
                   .reference = kListLimitMs,
                   .unit = "ms",
                   .better = Better::Lower,
                   .origin = Reference::Stated,
                   .against = "the limit, 100,000 runs in the ledger"}};
  Watched alone;
  Watched crowd;
  for (int round = 0; round < kRounds; ++round) {
    WEIR_TRY(watch_runs(api, 1, alone));
    WEIR_TRY(watch_runs(api, kWatchers, crowd));
  }
  figures.push_back({.name = "web/200_watchers",
                     .ours = quantile(crowd.run_ms, 0.5),
                     .reference = quantile(alone.run_ms, 0.5),
                     .goal = 0.9,
                     .unit = "ms",
                     .better = Better::Lower,
                     .against = "the same chain of 10 while one watches, medians"});
  figures.push_back({.name = "web/200_watchers_told",
                     .ours = quantile(crowd.told_ms, 0.99),
                     .reference = kToldLimitMs,
                     .unit = "ms",
                     .better = Better::Lower,
                     .origin = Reference::Stated,
                     .against = "the limit, from a run's end until the last knows, p99"});
  return figures;
}

}  // namespace weir::bench
