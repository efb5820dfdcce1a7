#include "engine/repair.hpp"

#include <algorithm>
#include <set>

#include "base/clock.hpp"
#include "data/cast.hpp"
#include "data/take.hpp"
#include "engine/endpoint.hpp"
#include "engine/run_notes.hpp"
#include "flow/canonical.hpp"
#include "flow/pump.hpp"

namespace weir::engine {
namespace {

// The key buckets that are repaired.
class Buckets {
 public:
  Buckets(const Reconciliation& found, std::vector<std::string> key) : found_(found), key_(std::move(key)) {}

  // The measured key of a row where it lies in one of them.
  std::optional<std::string> key_of(const data::Batch& batch, std::size_t row) const {
    std::string text;
    for (const auto& name : key_) flow::append_measured(text, batch.column(*batch.schema()->find(name)), row);
    if (!found_.buckets_differing.contains(flow::bucket_of(flow::digest_of(text), found_.buckets))) return std::nullopt;
    return text;
  }

 private:
  const Reconciliation& found_;
  std::vector<std::string> key_;
};

// One read of all partitions, one after the other.
class WholeStream {
 public:
  static Result<WholeStream> open(flow::Source& source, const flow::ReadRequest& request, std::stop_token stop) {
    WholeStream stream{source, request};
    stream.partitions_ = WEIR_TRY(source.partitions(request, 1, stop));
    WEIR_TRY(stream.open_next(stop));
    return stream;
  }

  const data::SchemaPtr& schema() const { return reader_->schema(); }
  std::uint64_t bytes_read() const { return bytes_ + reader_->bytes_read(); }

  Result<std::optional<data::Batch>> next(std::stop_token stop) {
    for (;;) {
      auto delivery = WEIR_TRY(reader_->next(stop));
      if (delivery) return std::move(delivery->batch);
      if (at_ == partitions_.size()) return std::nullopt;
      bytes_ += reader_->bytes_read();
      WEIR_TRY(open_next(stop));
    }
  }

 private:
  WholeStream(flow::Source& source, const flow::ReadRequest& request) : source_(&source), request_(request) {}

  Result<void> open_next(std::stop_token stop) {
    reader_ = WEIR_TRY(source_->open(request_, partitions_[at_++], std::nullopt, stop));
    return {};
  }

  flow::Source* source_;
  flow::ReadRequest request_;
  std::vector<flow::Partition> partitions_;
  std::size_t at_ = 0;
  std::unique_ptr<flow::Reader> reader_;
  std::uint64_t bytes_ = 0;
};

// The left side's columns, of the right side's types: what is equal by value may differ in type.
data::SchemaPtr repaired_schema(const data::Schema& left, const data::Schema& right) {
  auto schema = std::make_shared<data::Schema>(left);
  for (auto& field : schema->fields) {
    if (const auto found = right.find(field.name)) field.type = right.fields[*found].type;
  }
  return schema;
}

// The batch in these columns; by way of text where there is no other.
Result<data::Batch> converted(const data::Batch& batch, const data::SchemaPtr& schema) {
  std::vector<data::Column> columns;
  for (const auto& field : schema->fields) {
    const auto found = batch.schema()->find(field.name);
    if (!found) return Error::user(Code::NotFound, "a repair needs a column that one side lacks: {}", field.name);
    auto column = data::cast(batch.column(*found), field.type);
    if (!column.ok()) {
      const auto text = data::cast(batch.column(*found), data::type_of(data::Kind::String));
      if (text.ok()) column = data::cast(*text, field.type);
    }
    columns.push_back(WEIR_TRY(std::move(column).while_doing("repairing column " + field.name)));
  }
  return data::Batch{schema, std::move(columns), batch.rows()};
}

// The left side's rows of the buckets, then, as deletions, the right side's whose keys were not among them.
class RepairReader final : public flow::Reader {
 public:
  RepairReader(WholeStream left, WholeStream right, const Buckets& buckets)
      : left_(std::move(left)),
        right_(std::move(right)),
        buckets_(buckets),
        schema_(repaired_schema(*left_.schema(), *right_.schema())) {}

  const data::SchemaPtr& schema() const override { return schema_; }
  std::uint64_t bytes_read() const override { return left_.bytes_read() + right_.bytes_read(); }

  Result<std::optional<flow::Delivery>> next(std::stop_token stop) override {
    while (auto batch = WEIR_TRY(left_.next(stop))) {
      const auto rows = rows_in(*batch, [&](std::string key) { return keys_.insert(std::move(key)), true; });
      if (!rows.empty()) return delivery(*batch, rows, data::Change::Insert);
    }
    while (auto batch = WEIR_TRY(right_.next(stop))) {
      const auto rows = rows_in(*batch, [&](const std::string& key) { return !keys_.contains(key); });
      if (rows.empty()) continue;
      return delivery(*batch, rows, data::Change::Delete);
    }
    return std::nullopt;
  }

 private:
  template <typename Want>
  std::vector<std::size_t> rows_in(const data::Batch& batch, Want want) const {
    std::vector<std::size_t> rows;
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      auto key = buckets_.key_of(batch, row);
      if (key && want(std::move(*key))) rows.push_back(row);
    }
    return rows;
  }

  Result<std::optional<flow::Delivery>> delivery(const data::Batch& batch, const std::vector<std::size_t>& rows,
                                                 data::Change change) const {
    auto repaired = WEIR_TRY(converted(data::take(batch, rows), schema_));
    return std::optional{
        flow::Delivery{std::move(repaired).with_changes(std::vector<data::Change>(rows.size(), change)), std::nullopt}};
  }

  WholeStream left_;
  WholeStream right_;
  const Buckets& buckets_;
  data::SchemaPtr schema_;
  std::set<std::string> keys_;
};

// What the pump reads: one partition, whatever the request says.
class RepairSource final : public flow::Source {
 public:
  RepairSource(flow::Source& left, flow::ReadRequest left_read, flow::Source& right, flow::ReadRequest right_read,
               const Buckets& buckets)
      : left_(left),
        left_read_(std::move(left_read)),
        right_(right),
        right_read_(std::move(right_read)),
        buckets_(buckets) {}

  Result<std::vector<flow::Stream>> discover(std::stop_token stop) override { return left_.discover(stop); }
  Result<flow::Stream> describe(const flow::ReadRequest&, std::stop_token stop) override {
    auto stream = WEIR_TRY(left_.describe(left_read_, stop));
    stream.schema = *repaired_schema(stream.schema, WEIR_TRY(right_.describe(right_read_, stop)).schema);
    // A deletion means one row here, not all that came from the same document.
    stream.origin.clear();
    return stream;
  }
  Result<std::vector<flow::Partition>> partitions(const flow::ReadRequest&, int, std::stop_token) override {
    return std::vector<flow::Partition>{{"repair"}};
  }
  Result<std::unique_ptr<flow::Reader>> open(const flow::ReadRequest&, const flow::Partition&,
                                             const std::optional<flow::Checkpoint>&, std::stop_token stop) override {
    return std::make_unique<RepairReader>(WEIR_TRY(WholeStream::open(left_, left_read_, stop)),
                                          WEIR_TRY(WholeStream::open(right_, right_read_, stop)), buckets_);
  }

 private:
  flow::Source& left_;
  flow::ReadRequest left_read_;
  flow::Source& right_;
  flow::ReadRequest right_read_;
  const Buckets& buckets_;
};

// Where the table says which run brought a row, this one says so of what it brings.
std::vector<flow::ConstantColumn> notes(const data::Schema& left, const data::Schema& right, const std::string& run) {
  std::vector<flow::ConstantColumn> added;
  for (const auto& field : right.fields) {
    if (left.find(field.name)) continue;
    if (field.name == kRunColumn) added.push_back({field, run});
    if (field.name == kExtractedColumn) added.push_back({field, extracted_text(system_clock().now())});
  }
  return added;
}

// The rows of a side that were compared.
flow::ReadRequest read_request(const ReconcileSide& side) {
  if (side.database == nullptr) return side.read;
  if (side.where.empty()) return {.stream = side.table.text()};
  return {.query = fmt::format("SELECT * FROM {} WHERE ({})", side.database->dialect().quote(side.table), side.where)};
}

}  // namespace

Result<std::uint64_t> repair(TaskContext& context, const RepairRequest& request) {
  if (request.key.empty()) {
    return Error::user(Code::InvalidProject, "a repair needs the key's columns: {}", request.right.name)
        .hint("write key: [id] below reconcile");
  }
  const auto target = find_endpoint(context.order(), request.right.name);
  const auto left =
      WEIR_TRY(context.open_source(find_endpoint(context.order(), request.left.name).connection, request.left_reading));
  const auto right = WEIR_TRY(context.open_source(target.connection));
  const auto sink = WEIR_TRY(context.open_sink(target.connection));
  const auto left_read = read_request(request.left);
  const auto right_read = read_request(request.right);

  const Buckets buckets{request.found, request.key};
  RepairSource source{*left, left_read, *right, right_read, buckets};
  flow::PumpPlan plan;
  plan.write.table = target.object;
  plan.write.mode = flow::WriteMode::Merge;
  plan.write.key = request.key;
  plan.added = notes(WEIR_TRY(left->describe(left_read, context.stop())).schema,
                     WEIR_TRY(right->describe(right_read, context.stop())).schema, context.order().run.text());
  const auto journal = context.journal("repair " + request.right.name);
  const auto report =
      WEIR_TRY(flow::pump(source, *sink, plan, *journal, context.progress(), context.stop())
                   .while_doing(fmt::format("repairing {} from {}", request.right.name, request.left.name)));
  return report.receipt.rows;
}

}  // namespace weir::engine
