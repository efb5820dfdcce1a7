#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <future>

#include "connectors/mongodb/bson_reader.hpp"
#include "connectors/mongodb/spool.hpp"
#include "connectors/mongodb/table_reader.hpp"
#include "data/text.hpp"
#include "flow/growing_source.hpp"

namespace weir::mongodb {
namespace {

// A collection of one part whose documents come when the test says so.
class ArrivalTest : public ::testing::Test {
 protected:
  ArrivalTest() : seen_(rules()) {
    fetched_->parts = {path_};
    fetched_->arrival = std::make_shared<Arrival>(1, documents::Shape{rules()});
    writer_ = SpoolWriter::create(path_).value();
  }
  ~ArrivalTest() override { std::filesystem::remove(path_); }

  static documents::Rules rules() {
    documents::Rules rules;
    rules.name = "t";
    rules.key = {"_id"};
    return rules;
  }
  // A document as large as a block, so that it is on disk at once.
  void bring(int id, const std::string& name, Arrival::Part state = Arrival::Part::GoesOn) {
    Document document;
    document.add("_id", id).add(name, std::string(600'000, 'x'));
    auto root = BsonValue::root(document.bytes());
    ASSERT_TRUE(seen_.observe(root).ok());
    ASSERT_TRUE(writer_->add({SpoolEntry::Kind::Document, document.bytes(), {}}).ok());
    if (state == Arrival::Part::Complete) {
      ASSERT_TRUE(writer_->finish().ok());
    }
    fetched_->arrival->learn(seen_);
    fetched_->arrival->advance(0, writer_->bytes_written(), 1, state);
  }
  std::unique_ptr<flow::Reader> open(std::size_t batch_rows) {
    flow::ReadRequest request{.stream = "t"};
    request.limits.batch_rows = batch_rows;
    auto shape = fetched_->arrival->shape_after(1, {}).value();
    return open_table(fetched_, std::move(shape), "", {}, request).value();
  }
  Arrival::Outcome outcome() const { return {.shape = seen_.clone(), .until = {}, .documents = 2}; }

  const std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / fmt::format("weir-arrival-{}", ::getpid());
  std::shared_ptr<Fetched> fetched_ = std::make_shared<Fetched>();
  std::unique_ptr<SpoolWriter> writer_;
  documents::Shape seen_;
};

TEST_F(ArrivalTest, RowsFlowWhileDocumentsCome) {
  bring(1, "a");
  const auto reader = open(1);
  EXPECT_EQ(reader->next({}).value()->batch.rows(), 1U);
  auto next = std::async(std::launch::async, [&] { return reader->next({}); });
  bring(2, "a", Arrival::Part::Complete);
  EXPECT_EQ(data::value_text(next.get().value()->batch.column(0), 0), "2");
  auto last = std::async(std::launch::async, [&] { return reader->next({}); });
  fetched_->arrival->end(outcome());
  EXPECT_FALSE(last.get().value().has_value());
}

TEST_F(ArrivalTest, ADocumentThatNeedsAnotherColumnIsNotReadWithoutIt) {
  bring(1, "a");
  const auto reader = open(1);
  ASSERT_TRUE(reader->next({}).value());
  bring(2, "b", Arrival::Part::Complete);
  const auto failed = reader->next({});
  ASSERT_FALSE(failed.ok());
  EXPECT_TRUE(flow::is_outgrown(failed.error()));
  fetched_->arrival->end(outcome());
  const auto again = open(10);
  EXPECT_EQ(again->schema()->text(), "_id int64 not null, a string, b string");
  EXPECT_EQ(again->next({}).value()->batch.rows(), 2U);
}

TEST_F(ArrivalTest, NothingCountsWhenTheEndIsAnError) {
  bring(1, "a");
  const auto reader = open(10);
  auto read = std::async(std::launch::async, [&] { return reader->next({}); });
  fetched_->arrival->end(Error::external(Code::Conflict, "dropped"));
  EXPECT_EQ(read.get().error().message(), "dropped");
  EXPECT_EQ(fetched_->arrival->outcome({}).error().message(), "dropped");
  EXPECT_EQ(fetched_->arrival->outcome_so_far(), nullptr);
}

TEST_F(ArrivalTest, AStopEndsEveryWait) {
  std::stop_source stop;
  auto read = std::async(std::launch::async, [&] { return fetched_->arrival->wait_for(0, 0, stop.get_token()); });
  stop.request_stop();
  EXPECT_EQ(read.get().error().code(), Code::Cancelled);
}

}  // namespace
}  // namespace weir::mongodb
