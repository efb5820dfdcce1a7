#include "engine/success_record.hpp"

#include <gtest/gtest.h>

#include "ledger/history.hpp"
#include "ledger/schedule_book.hpp"

namespace weir::engine {
namespace {

class SuccessRecord : public ::testing::Test {
 protected:
  SuccessRecord() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weir-success-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    ledger_ = ledger::Ledger::open(folder_, ledger::Ledger::Mode::Write).value();
    history_ = ledger::History::open(folder_).value();
    project::Connection shop;
    shop.name = "shop";
    project_.connections.push_back(shop);
  }
  ~SuccessRecord() override { std::filesystem::remove_all(folder_); }

  // The sources of the events that a run like this makes when its task and then it itself succeed.
  std::vector<std::string> succeed(ledger::Run run) {
    run.pipeline = "load";
    EXPECT_TRUE(ledger_->create_run(run).ok());
    Step step;
    step.name = "copy";
    step.writes = {"shop.orders", "shop.lines", "files/orders.csv"};
    const ledger::Attempt attempt{.run = run.id,
                                  .task = "copy",
                                  .number = 2,
                                  .rows_written = 7,
                                  .output = {{"rows_by_table", {{"shop.lines", 5}}}}};
    auto sources = record_success(*ledger_, project_, run, step, attempt).value();
    const auto own = record_success(*ledger_, run).value();
    sources.insert(sources.end(), own.begin(), own.end());
    EXPECT_EQ(ledger_->schedules().events_by(run.id).value().size(), sources.size());
    return sources;
  }

  std::filesystem::path folder_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<ledger::History> history_;
  project::Project project_;
};

TEST_F(SuccessRecord, TablesAreWrittenByWhoeverWritesThem) {
  using Sources = std::vector<std::string>;
  const Sources all{"shop.orders", "shop.lines", "load"};
  EXPECT_EQ(succeed({.id = RunId{"plain"}}), all);
  EXPECT_EQ(succeed({.id = RunId{"replay"}, .trigger = "replay"}), Sources{});
  EXPECT_EQ(succeed({.id = RunId{"backfill"}, .selection = {{"downstream", false}}, .backfill = "bf"}), Sources{});
  EXPECT_EQ(succeed({.id = RunId{"onward"}, .selection = {{"downstream", true}}, .backfill = "bf"}), all);
  const auto orders = history_->writes("", "shop.orders", 10).value();
  ASSERT_EQ(orders.size(), 4U);
  EXPECT_EQ(orders[0].rows, 7U);
  EXPECT_EQ(orders[0].attempt, 2);
  EXPECT_EQ(history_->writes("", "shop.lines", 10).value().at(0).rows, 5U);
  EXPECT_EQ(history_->writes("", "files/orders.csv", 10).value().size(), 0U);
}

}  // namespace
}  // namespace weir::engine
