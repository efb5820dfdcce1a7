#include "flow/pump.hpp"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include "data/text.hpp"
#include "flow/growing_source.hpp"
#include "flow/queue.hpp"

namespace weir::flow {
namespace {

// The first error wins; it stops every other thread of the pump.
class FirstError {
 public:
  explicit FirstError(std::stop_source stop) : stop_(std::move(stop)) {}

  void report(Error error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
    stop_.request_stop();
  }
  std::optional<Error> take() {
    const std::lock_guard lock(mutex_);
    return std::move(error_);
  }

 private:
  std::mutex mutex_;
  std::optional<Error> error_;
  std::stop_source stop_;
};

// Adds constant columns. A column of the same value is built once per batch size and shared.
class ColumnAdder {
 public:
  ColumnAdder(data::SchemaPtr schema, const std::vector<ConstantColumn>& added)
      : schema_(std::move(schema)), added_(added) {}

  Result<data::Batch> add(data::Batch batch) {
    if (added_.empty()) return batch;
    auto columns = batch.columns();
    for (std::size_t i = 0; i < added_.size(); ++i) columns.push_back(WEIR_TRY(constant(i, batch.rows())));
    data::Batch widened{schema_, std::move(columns), batch.rows()};
    if (batch.changes()) return std::move(widened).with_changes(*batch.changes());
    return widened;
  }

 private:
  Result<data::Column> constant(std::size_t index, std::size_t rows) {
    cached_.resize(added_.size());
    auto& column = cached_[index];
    if (column.rows() == rows && rows != 0) return column;
    data::ColumnBuilder builder{added_[index].field.type};
    builder.reserve(rows, rows * added_[index].text.size());
    for (std::size_t row = 0; row < rows; ++row) WEIR_TRY(data::append_parsed(builder, added_[index].text));
    column = builder.finish();
    return column;
  }

  data::SchemaPtr schema_;
  const std::vector<ConstantColumn>& added_;
  std::vector<data::Column> cached_;
};

data::SchemaPtr widen(const data::Schema& schema, const std::vector<ConstantColumn>& added) {
  auto widened = std::make_shared<data::Schema>(schema);
  for (const auto& column : added) widened->fields.push_back(column.field);
  return widened;
}

// One partition's way through the pump: a reader, a queue and a writer.
class Lane {
 public:
  Lane(std::unique_ptr<Reader> reader, std::unique_ptr<Writer> writer, ColumnAdder adder, std::uint64_t memory_bytes,
       PumpProgress& progress)
      : reader_(std::move(reader)),
        writer_(std::move(writer)),
        adder_(std::move(adder)),
        queue_(memory_bytes),
        progress_(progress) {}

  Result<void> read_all(std::stop_token stop) {
    std::uint64_t bytes_seen = 0;
    for (;;) {
      auto delivery = WEIR_TRY(reader_->next(stop));
      progress_.bytes_read += reader_->bytes_read() - std::exchange(bytes_seen, reader_->bytes_read());
      if (!delivery) {
        if (auto end = reader_->end()) checkpoint_ = std::move(end);
        break;
      }
      progress_.rows_read += delivery->batch.rows_left();
      if (delivery->checkpoint) checkpoint_ = std::move(delivery->checkpoint);
      if (!queue_.push(WEIR_TRY(adder_.add(std::move(delivery->batch))), stop)) return Error::cancelled();
    }
    return {};
  }

  Result<void> write_all(std::stop_token stop) {
    while (auto batch = queue_.pop(stop)) {
      WEIR_TRY(writer_->write(*batch, stop));
      progress_.rows_written += batch->rows_left();
    }
    if (stop.stop_requested()) return Error::cancelled();
    return writer_->finish(stop);
  }

  void close() { queue_.close(); }
  Reader& reader() { return *reader_; }
  const std::optional<Checkpoint>& checkpoint() const { return checkpoint_; }

 private:
  std::unique_ptr<Reader> reader_;
  std::unique_ptr<Writer> writer_;
  ColumnAdder adder_;
  BatchQueue queue_;
  PumpProgress& progress_;
  std::optional<Checkpoint> checkpoint_;
};

Result<void> run_lanes(std::vector<std::unique_ptr<Lane>>& lanes, std::stop_token outer) {
  std::stop_source stop;
  const std::stop_callback forward(outer, [&] { stop.request_stop(); });
  FirstError first_error{stop};
  {
    std::vector<std::jthread> threads;
    for (auto& lane : lanes) {
      threads.emplace_back([&, lane = lane.get()] {
        if (auto read = lane->read_all(stop.get_token()); !read.ok()) first_error.report(std::move(read).error());
        lane->close();
      });
      threads.emplace_back([&, lane = lane.get()] {
        if (auto written = lane->write_all(stop.get_token()); !written.ok())
          first_error.report(std::move(written).error());
        lane->close();
      });
    }
  }
  if (outer.stop_requested()) return Error::cancelled();
  if (auto error = first_error.take()) return std::move(*error);
  return {};
}

// What an earlier attempt announced and had brought to the destination.
struct Settled {
  Receipt receipt;
  std::optional<Checkpoint> until;
};

Result<std::optional<Settled>> settle_pending(Sink& sink, const WriteRequest& write, Journal& journal,
                                              std::stop_token stop) {
  const auto intent = WEIR_TRY(journal.pending());
  if (!intent) return std::optional<Settled>{};
  const auto receipt = WEIR_TRY(sink.find(write, intent->commit, stop));
  if (!receipt) return std::optional<Settled>{};
  WEIR_TRY(journal.save(*receipt, intent->until));
  if (intent->redo) return std::optional<Settled>{};
  return std::optional{Settled{*receipt, intent->until}};
}

// What is to be taken away when the rows are appended once more.
Result<std::optional<Superseded>> find_superseded(const PumpPlan& plan, Journal& journal) {
  if (plan.write.mode != WriteMode::Append) return std::optional<Superseded>{};
  const auto receipt = WEIR_TRY(journal.superseded());
  if (!receipt || receipt->rows == 0) return std::optional<Superseded>{};
  Superseded superseded{receipt->commit, receipt->rows, {}};
  for (const auto& column : plan.added) {
    if (!plan.run.empty() && column.text.find(plan.run) != std::string::npos)
      superseded.marks.emplace_back(column.field.name, column.text);
  }
  if (!superseded.marks.empty()) return std::optional{std::move(superseded)};
  return Error::user(
             Code::Unsupported,
             "this run has appended {} rows to {}, and no column says which they are: appending again would double "
             "them",
             receipt->rows, plan.write.table)
      .hint("start a new run; a column such as add: {run_id: \"{{ run.id }}\"} lets the next one be done again");
}

// Rows that a destination has, uncommitted, and what they came through.
struct Moved {
  std::unique_ptr<Load> load;
  std::vector<std::unique_ptr<Lane>> lanes;
};

// A table that is made anew gets the key that its rows have, where the user says nothing else.
void take_key(WriteRequest& write, const Stream& stream) {
  if (write.mode != WriteMode::Replace || !write.key.empty() || !stream.key_is_unique) return;
  const auto is_written = [&](const std::string& column) { return write.schema->find(column).has_value(); };
  if (!std::ranges::all_of(stream.key, is_written)) return;
  write.key = stream.key;
  write.key_yields = true;
}

Result<Moved> move_rows(Source& source, Sink& sink, const PumpPlan& plan, const Stream& stream, ReadRequest read,
                        WriteRequest write, PumpProgress& progress, std::stop_token stop) {
  if (stream.schema.fields.empty()) {
    return Error::user(Code::NotFound, "nothing is known of the columns of {}", read.stream)
        .hint("there are no rows yet; state the columns and their types, where the source takes that");
  }
  write.schema = widen(stream.schema, plan.added);
  // A stream that names its rows need not be told how.
  if (write.mode == WriteMode::Merge && write.key.empty()) write.key = stream.key;
  if (write.mode == WriteMode::Merge && write.key == stream.key) write.origin = stream.origin;
  if (write.mode == WriteMode::Merge && stream.continuity == Stream::Continuity::StartsOver) {
    write.mode = WriteMode::Replace;
    read.deliver = ReadRequest::Deliver::Rows;
  }
  take_key(write, stream);
  const auto partitions = WEIR_TRY(source.partitions(read, plan.partitions, stop));
  Moved moved;
  moved.load = WEIR_TRY(sink.open(write, stop));
  for (const auto& partition : partitions) {
    auto reader = WEIR_TRY(source.open(read, partition, read.from, stop));
    auto writer = WEIR_TRY(moved.load->writer(stop));
    moved.lanes.push_back(std::make_unique<Lane>(std::move(reader), std::move(writer),
                                                 ColumnAdder{write.schema, plan.added},
                                                 plan.memory_bytes / partitions.size(), progress));
  }
  WEIR_TRY(run_lanes(moved.lanes, stop));
  return moved;
}

}  // namespace

Result<PumpReport> pump(Source& source, Sink& sink, const PumpPlan& plan, Journal& journal, PumpProgress& progress,
                        std::stop_token stop) {
  // A commit without a checkpoint is the whole stream. One with a checkpoint is followed by what has come since.
  const auto settled = WEIR_TRY(settle_pending(sink, plan.write, journal, stop));
  if (settled && !settled->until) {
    return PumpReport{.rows_read = 0, .receipt = settled->receipt, .outcome = PumpReport::Outcome::FoundCommitted};
  }

  auto read = plan.read;
  auto write = plan.write;
  write.superseded = WEIR_TRY(find_superseded(plan, journal));
  // What replaces a table is all of it.
  if (plan.write.mode != WriteMode::Replace) read.from = WEIR_TRY(journal.checkpoint());
  if (plan.write.mode == WriteMode::Merge) read.deliver = ReadRequest::Deliver::Changes;
  const auto rows_read = progress.rows_read.load();
  const auto rows_written = progress.rows_written.load();
  auto moved = move_rows(source, sink, plan, WEIR_TRY(describe_early(source, read, stop)), read, write, progress, stop);
  if (!moved.ok() && is_outgrown(moved.error())) {
    progress.rows_read = rows_read;
    progress.rows_written = rows_written;
    moved = move_rows(source, sink, plan, WEIR_TRY(source.describe(read, stop)), read, write, progress, stop);
  }
  const auto [load, lanes] = WEIR_TRY(std::move(moved));

  // A source that resumes has one partition, so its last checkpoint covers everything that was read.
  const auto until = lanes.size() == 1 ? lanes.front()->checkpoint() : std::nullopt;
  const Intent intent{WEIR_TRY(journal.next_commit()), until};
  WEIR_TRY(journal.intend(intent));
  const auto receipt = WEIR_TRY(load->commit(intent.commit, stop));
  WEIR_TRY(journal.save(receipt, until));
  if (until) WEIR_TRY(lanes.front()->reader().confirm(*until));
  return PumpReport{.rows_read = progress.rows_read, .receipt = receipt, .outcome = PumpReport::Outcome::Committed};
}

}  // namespace weir::flow
