#include "connectors/http/test_api.hpp"
#include "flow/pump.hpp"

namespace weir::http::testing {
namespace {

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
  static Json cursor(const Json& more = Json::object()) {
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

}  // namespace
}  // namespace weir::http::testing
