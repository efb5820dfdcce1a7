#include "flow/pump.hpp"

#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <set>

#include "flow/growing_source.hpp"

namespace weir::flow {
namespace {

using data::Kind;

data::SchemaPtr one_column() {
  return std::make_shared<data::Schema>(data::Schema{{{"n", data::type_of(Kind::Int64), data::Nullable::No}}});
}

// Counts from `first` in batches; fails or announces a stop at a chosen batch.
class CountingReader final : public Reader {
 public:
  CountingReader(std::int64_t first, int batches, int fail_at, bool resumable)
      : next_(first), left_(batches), fail_at_(fail_at), resumable_(resumable) {}
  const data::SchemaPtr& schema() const override { return schema_; }
  Result<std::optional<Delivery>> next(std::stop_token stop) override {
    if (stop.stop_requested()) return Error::cancelled();
    if (fail_at_ >= 0 && fail_at_-- == 0) return Error::external(Code::Unavailable, "the source went away");
    if (left_-- == 0) return std::optional<Delivery>{};
    data::ColumnBuilder builder{data::type_of(Kind::Int64)};
    for (int i = 0; i < 100; ++i) builder.append(next_++);
    std::vector<data::Column> columns;
    columns.push_back(builder.finish());
    std::optional<Checkpoint> after;
    if (resumable_) after = Checkpoint{std::to_string(next_)};
    return std::optional<Delivery>{Delivery{data::Batch{schema_, std::move(columns), 100}, std::move(after)}};
  }
  Result<void> confirm(const Checkpoint& checkpoint) override {
    confirmed_ = checkpoint.text;
    return {};
  }
  std::uint64_t bytes_read() const override { return 0; }
  static inline std::string confirmed_;

 private:
  data::SchemaPtr schema_ = one_column();
  std::int64_t next_;
  int left_;
  int fail_at_;
  bool resumable_;
};

class CountingSource final : public Source {
 public:
  int batches = 50;
  int fail_at = -1;
  int opened = 0;
  bool resumable = true;  // whether its deliveries carry checkpoints
  std::string opened_from;
  Stream stream{"numbers", *one_column(), {}, {}};
  Result<std::vector<Stream>> discover(std::stop_token) override { return std::vector<Stream>{}; }
  Result<Stream> describe(const ReadRequest&, std::stop_token) override { return stream; }
  Result<std::vector<Partition>> partitions(const ReadRequest&, int wanted, std::stop_token) override {
    std::vector<Partition> partitions;
    for (int i = 0; i < wanted; ++i) partitions.push_back({std::to_string(i)});
    return partitions;
  }
  Result<std::unique_ptr<Reader>> open(const ReadRequest&, const Partition& partition,
                                       const std::optional<Checkpoint>& from, std::stop_token) override {
    ++opened;
    opened_from = from ? from->text : "";
    return std::make_unique<CountingReader>(std::stoll(partition.text) * 1'000'000, batches, fail_at, resumable);
  }
};

// One that turns out to be more than it was described as, after some batches.
class OutgrowingSource final : public GrowingSource {
 public:
  CountingSource numbers;
  bool is_settled = false;
  int described_early = 0;

  class OutgrownReader final : public Reader {
   public:
    explicit OutgrownReader(std::unique_ptr<Reader> numbers) : numbers_(std::move(numbers)) {}
    const data::SchemaPtr& schema() const override { return numbers_->schema(); }
    Result<std::optional<Delivery>> next(std::stop_token stop) override {
      if (left_-- == 0) return outgrown("numbers");
      return numbers_->next(std::move(stop));
    }
    std::uint64_t bytes_read() const override { return 0; }

   private:
    std::unique_ptr<Reader> numbers_;
    int left_ = 3;
  };

  Result<std::vector<Stream>> discover(std::stop_token stop) override { return numbers.discover(std::move(stop)); }
  Result<Stream> describe(const ReadRequest& request, std::stop_token stop) override {
    is_settled = true;
    return numbers.describe(request, std::move(stop));
  }
  Result<Stream> describe_early(const ReadRequest& request, std::stop_token stop) override {
    ++described_early;
    return numbers.describe(request, std::move(stop));
  }
  Result<std::vector<Partition>> partitions(const ReadRequest& request, int wanted, std::stop_token stop) override {
    return numbers.partitions(request, wanted, std::move(stop));
  }
  Result<std::unique_ptr<Reader>> open(const ReadRequest& request, const Partition& partition,
                                       const std::optional<Checkpoint>& from, std::stop_token stop) override {
    auto reader = WEIR_TRY(numbers.open(request, partition, from, std::move(stop)));
    if (is_settled) return reader;
    return std::make_unique<OutgrownReader>(std::move(reader));
  }
};

// Keeps what was committed; nothing of a load without commit.
class MemorySink final : public Sink {
 public:
  std::multiset<std::int64_t> rows;
  std::map<std::string, Receipt> receipts;
  bool fail_write = false;
  bool lose_answer = false;  // the commit takes effect, its answer does not arrive
  std::size_t columns = 0;

  class MemoryLoad final : public Load {
   public:
    explicit MemoryLoad(MemorySink& sink) : sink_(sink) {}
    class MemoryWriter final : public Writer {
     public:
      explicit MemoryWriter(MemoryLoad& load) : load_(load) {}
      Result<void> write(const data::Batch& batch, std::stop_token) override {
        if (load_.sink_.fail_write) return Error::system(Code::ResourceExhausted, "disk full");
        const std::lock_guard lock(load_.mutex_);
        load_.sink_.columns = batch.columns().size();
        for (std::size_t i = 0; i < batch.rows(); ++i) load_.staged_.insert(batch.column(0).values<std::int64_t>()[i]);
        return {};
      }
      Result<void> finish(std::stop_token) override { return {}; }

     private:
      MemoryLoad& load_;
    };
    Result<std::unique_ptr<Writer>> writer(std::stop_token) override { return std::make_unique<MemoryWriter>(*this); }
    Result<Receipt> commit(const CommitId& commit, std::stop_token) override {
      sink_.rows.merge(staged_);
      const Receipt receipt{commit, sink_.rows.size()};
      sink_.receipts[commit.text()] = receipt;
      if (sink_.lose_answer) return Error::external(Code::Unavailable, "connection lost").retry(Retry::Reconnect);
      return receipt;
    }

   private:
    MemorySink& sink_;
    std::mutex mutex_;
    std::multiset<std::int64_t> staged_;
  };
  std::optional<Superseded> superseded;
  std::vector<std::string> key;
  bool key_yields = false;
  Result<std::unique_ptr<Load>> open(const WriteRequest& request, std::stop_token) override {
    superseded = request.superseded;
    key = request.key;
    key_yields = request.key_yields;
    return std::make_unique<MemoryLoad>(*this);
  }
  Result<std::optional<Receipt>> find(const WriteRequest&, const CommitId& commit, std::stop_token) override {
    const auto found = receipts.find(commit.text());
    if (found == receipts.end()) return std::optional<Receipt>{};
    return std::optional{found->second};
  }
};

class MemoryJournal final : public Journal {
 public:
  std::optional<Intent> open_intent;
  std::optional<Checkpoint> saved;
  int saves = 0;
  std::optional<Receipt> to_redo;
  Result<std::optional<Intent>> pending() override { return open_intent; }
  Result<std::optional<Receipt>> superseded() override { return to_redo; }
  Result<std::optional<Checkpoint>> checkpoint() override { return saved; }
  Result<CommitId> next_commit() override { return CommitId{"run/task/stream/" + std::to_string(saves + 1)}; }
  Result<void> intend(const Intent& intent) override {
    open_intent = intent;
    return {};
  }
  Result<void> save(const Receipt&, const std::optional<Checkpoint>& checkpoint) override {
    open_intent.reset();
    saved = checkpoint;
    ++saves;
    return {};
  }
};

class Pump : public testing::Test {
 protected:
  CountingSource source;
  MemorySink sink;
  MemoryJournal journal;
  PumpProgress progress;
  PumpPlan plan;
  Result<PumpReport> run(std::stop_token stop = {}) { return pump(source, sink, plan, journal, progress, stop); }
};

TEST_F(Pump, AppendsAgainInThePlaceOfRowsThatNameTheirRun) {
  journal.to_redo = Receipt{CommitId{"r1/task/stream/1"}, 7};
  plan.run = "r1";
  const auto refused = run();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::Unsupported);
  EXPECT_TRUE(sink.rows.empty());
  plan.added = {{{"day", data::type_of(Kind::String), data::Nullable::No}, "2026-03-03"},
                {{"brought_by", data::type_of(Kind::String), data::Nullable::No}, "run r1"}};
  ASSERT_TRUE(run().ok());
  ASSERT_TRUE(sink.superseded.has_value());
  EXPECT_EQ(sink.superseded->rows, 7U);
  EXPECT_EQ(sink.superseded->marks, (std::vector<std::pair<std::string, std::string>>{{"brought_by", "run r1"}}));
  // What replaces a table takes nothing away first.
  plan.write.mode = WriteMode::Replace;
  ASSERT_TRUE(run().ok());
  EXPECT_FALSE(sink.superseded.has_value());
}

TEST_F(Pump, AReplacedTableHasTheKeyOfRowsThatCannotRepeat) {
  source.stream.key = {"n"};
  plan.write.mode = WriteMode::Replace;
  ASSERT_TRUE(run().ok());
  EXPECT_TRUE(sink.key.empty()) << "rows that may repeat";
  source.stream.key_is_unique = true;
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(sink.key, source.stream.key);
  EXPECT_TRUE(sink.key_yields);
  // A document that has changed may be appended again.
  plan.write.mode = WriteMode::Append;
  ASSERT_TRUE(run().ok());
  EXPECT_TRUE(sink.key.empty());
  plan.write.mode = WriteMode::Replace;
  source.stream.key = {"n", "left out"};
  ASSERT_TRUE(run().ok());
  EXPECT_TRUE(sink.key.empty()) << "a column that is not copied";
  plan.write.key = {"n"};
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(sink.key, plan.write.key);
  EXPECT_FALSE(sink.key_yields) << "the user's word";
}

TEST_F(Pump, MovesEveryRowOfEveryPartitionOnce) {
  plan.partitions = 3;
  const auto report = run();
  ASSERT_TRUE(report.ok()) << report.error().text();
  EXPECT_EQ(report->receipt.rows, 15'000U);
  EXPECT_EQ(sink.rows.size(), 15'000U);
  EXPECT_EQ(std::set<std::int64_t>(sink.rows.begin(), sink.rows.end()).size(), 15'000U);
  EXPECT_EQ(progress.rows_read, 15'000U);
  EXPECT_EQ(progress.rows_written, 15'000U);
}

TEST_F(Pump, BudgetSmallerThanABatchStillMovesAll) {
  plan.memory_bytes = 1;
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(sink.rows.size(), 5'000U);
}

TEST_F(Pump, SavesAndConfirmsTheLastCheckpoint) {
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(journal.saved->text, "5000");
  EXPECT_EQ(CountingReader::confirmed_, "5000");
  EXPECT_FALSE(journal.open_intent.has_value());
}

TEST_F(Pump, WhatItsColumnsDoNotHoldIsReadAgainWithOthersAndNothingTwice) {
  OutgrowingSource growing;
  plan.partitions = 2;
  const auto report = pump(growing, sink, plan, journal, progress, {});
  ASSERT_TRUE(report.ok()) << report.error().text();
  EXPECT_EQ(growing.described_early, 1);
  EXPECT_EQ(sink.rows.size(), 10'000U);
  EXPECT_EQ(std::set<std::int64_t>(sink.rows.begin(), sink.rows.end()).size(), 10'000U);
  EXPECT_EQ(report->rows_read, 10'000U);
  EXPECT_EQ(progress.rows_written, 10'000U);
  EXPECT_EQ(journal.saves, 1);
}

TEST_F(Pump, AddsConstantColumns) {
  plan.added.push_back({{"import_date", data::type_of(Kind::String), data::Nullable::No}, "2026-03-01"});
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(sink.columns, 2U);
}

TEST_F(Pump, ASourceThatFailsCommitsNothing) {
  source.fail_at = 30;
  const auto report = run();
  EXPECT_EQ(report.error().message(), "the source went away");
  EXPECT_TRUE(sink.rows.empty());
  EXPECT_EQ(journal.saves, 0);
  EXPECT_FALSE(journal.open_intent.has_value());
}

TEST_F(Pump, AWriterThatFailsStopsTheReaders) {
  source.batches = 1'000'000;
  sink.fail_write = true;
  plan.partitions = 2;
  EXPECT_EQ(run().error().message(), "disk full");
  EXPECT_TRUE(sink.rows.empty());
}

TEST_F(Pump, ACommitWhoseAnswerWasLostIsNotRepeated) {
  source.resumable = false;
  sink.lose_answer = true;
  EXPECT_EQ(run().error().code(), Code::Unavailable);
  sink.lose_answer = false;
  const auto again = run();
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->outcome, PumpReport::Outcome::FoundCommitted);
  EXPECT_EQ(sink.rows.size(), 5'000U);
  EXPECT_EQ(source.opened, 1);
  EXPECT_EQ(journal.saves, 1);
}

TEST_F(Pump, AfterALostAnswerAResumableSourceGoesOnFromItsCheckpoint) {
  sink.lose_answer = true;
  EXPECT_EQ(run().error().code(), Code::Unavailable);
  sink.lose_answer = false;
  const auto again = run();
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->outcome, PumpReport::Outcome::Committed);
  EXPECT_EQ(source.opened_from, "5000");
  EXPECT_EQ(journal.saves, 2);
}

TEST_F(Pump, AnIntentThatNeverReachedTheDestinationIsDoneAgain) {
  journal.open_intent = Intent{CommitId{"run/task/stream/1"}, {}};
  const auto report = run();
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->outcome, PumpReport::Outcome::Committed);
  EXPECT_EQ(sink.receipts.size(), 1U);
  EXPECT_EQ(sink.rows.size(), 5'000U);
}

TEST_F(Pump, AStopRequestCancelsAndCommitsNothing) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(run(stop.get_token()).error().code(), Code::Cancelled);
  EXPECT_TRUE(sink.rows.empty());
}

}  // namespace
}  // namespace weir::flow
