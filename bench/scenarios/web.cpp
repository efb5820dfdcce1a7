// The REST API of `weir serve`: how fast it lists the runs of a large ledger, and what those who watch cost those who run.

#include <fmt/format.h>

#include <algorithm>
#include <array>

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
constexpr int kWatchedRuns = 30;  // they are short: the best of few would be luck

Result<void> expect_status(int status, int expected, const std::string& url) {
  return status == expected ? Result<void>{} : Result<void>{Error::bug("{} answered {}", url, status)};
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
  std::ranges::sort(milliseconds);
  return milliseconds[milliseconds.size() * 99 / 100];
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

  Result<void> wait_for_success() {
    for (;;) {
      const auto event = WEIR_TRY(next_event());
      if (event.find("event: run\n") != std::string::npos && event.find(R"("state":"succeeded")") != std::string::npos)
        return {};
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

// From the request for a run until every watcher has been told of its success.
Result<double> watched_run_ms(const std::string& api, int watchers) {
  std::vector<std::unique_ptr<Watcher>> all;
  for (int i = 0; i < watchers; ++i) all.push_back(WEIR_TRY(Watcher::open(api)));
  net::HttpClient client;
  const auto url = api + "/pipelines/chain/runs";
  const auto once = [&]() -> Result<void> {
    net::HttpRequest request{.method = "POST", .url = url};
    request.headers.add("X-Weir-Request", "1");
    request.headers.add("Content-Type", "application/json");
    const auto answer = WEIR_TRY(client.fetch(std::move(request), "{}", {}));
    WEIR_TRY(expect_status(answer.first.status, 201, url));
    for (auto& watcher : all) WEIR_TRY(watcher->wait_for_success());
    return {};
  };
  return 1000 * WEIR_TRY(best_of(kWatchedRuns, [&] { return seconds_of(once); }));
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
  const auto alone = WEIR_TRY(watched_run_ms(api, 1));
  figures.push_back({.name = "web/200_watchers",
                     .ours = WEIR_TRY(watched_run_ms(api, kWatchers)),
                     .reference = alone,
                     .goal = 0.9,
                     .unit = "ms",
                     .better = Better::Lower,
                     .against = "a chain of 10 until one watcher knows its end; ours until 200 know"});
  return figures;
}

}  // namespace weir::bench
