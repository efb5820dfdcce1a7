#include "connectors/mongodb/table_reader.hpp"

#include <algorithm>

#include "connectors/mongodb/bson_reader.hpp"
#include "connectors/mongodb/spool.hpp"
#include "documents/chosen_columns.hpp"
#include "documents/shredder.hpp"

namespace weir::mongodb {
namespace {

using documents::Shredder;
using flow::ReadRequest;

data::Schema rejects_schema() {
  const auto text = data::type_of(data::Kind::String);
  return {{{"_id", text, data::Nullable::No},
           {"reason", text, data::Nullable::Yes},
           {"document", text, data::Nullable::Yes},
           {"bson", data::type_of(data::Kind::Binary), data::Nullable::Yes}}};
}

// Makes rows of entries: of documents, of their lists, or of rejects.
class RowMaker {
 public:
  virtual ~RowMaker() = default;
  virtual const data::SchemaPtr& schema() const = 0;
  virtual Result<void> add(const SpoolEntry& entry) = 0;
  virtual std::size_t rows() const = 0;
  virtual std::size_t bytes() const = 0;
  virtual data::Batch take() = 0;
};

// `deliver` Changes: each row says what happened to it. A list's rows are preceded by a Delete of what the destination has
// of their document, since the list may have become shorter.
class TableRows final : public RowMaker {
 public:
  TableRows(const Fetched& fetched, documents::Table table, const std::vector<std::size_t>& wanted,
            ReadRequest::Deliver deliver)
      : table_(std::move(table)),
        shredder_(fetched.shape, table_, wanted),
        has_changes_(deliver == ReadRequest::Deliver::Changes) {}

  const data::SchemaPtr& schema() const override { return shredder_.schema(); }
  std::size_t rows() const override { return shredder_.rows(); }
  std::size_t bytes() const override { return shredder_.bytes(); }

  Result<void> add(const SpoolEntry& entry) override {
    if (entry.kind == SpoolEntry::Kind::Reject) return {};
    const documents::Document document = [&](const documents::TakeElement& take) {
      auto root = BsonValue::root(entry.bytes);
      return take(root);
    };
    const bool is_delete = entry.kind == SpoolEntry::Kind::Delete;
    const bool is_list = !table_.path.empty();
    if (has_changes_ && (is_delete || is_list)) {
      WEIR_TRY(is_list ? shredder_.add_keys(document) : shredder_.add(document, {}));
      changes_.resize(shredder_.rows(), data::Change::Delete);
    }
    if (is_delete) return {};
    WEIR_TRY(shredder_.add(document, {}));
    if (has_changes_) changes_.resize(shredder_.rows(), data::Change::Update);
    return {};
  }

  data::Batch take() override {
    auto batch = shredder_.take();
    if (!has_changes_) return batch;
    return std::move(batch).with_changes(std::exchange(changes_, {}));
  }

 private:
  const documents::Table table_;
  Shredder shredder_;
  const bool has_changes_;
  std::vector<data::Change> changes_;
};

// Extended JSON cannot hold what is not UTF-8: such bytes become U+FFFD there, and stand whole in the column bson.
std::string readable(std::string_view text) {
  if (bson_utf8_validate(text.data(), text.size(), true)) return std::string{text};
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t size = std::min<std::size_t>(4, text.size() - at);
    while (size > 0 && !bson_utf8_validate(text.data() + at, size, true)) --size;
    out += size == 0 ? "\xef\xbf\xbd" : text.substr(at, size);
    at += std::max<std::size_t>(size, 1);
  }
  return out;
}

class RejectRows final : public RowMaker {
 public:
  RejectRows(const std::vector<std::size_t>& wanted, ReadRequest::Deliver deliver)
      : has_changes_(deliver == ReadRequest::Deliver::Changes) {
    auto schema = std::make_shared<data::Schema>();
    const auto all = rejects_schema();
    for (const auto column : wanted) {
      schema->fields.push_back(all.fields[column]);
      builders_.emplace_back(all.fields[column].type);
    }
    schema_ = std::move(schema);
  }

  const data::SchemaPtr& schema() const override { return schema_; }
  std::size_t rows() const override { return rows_; }
  std::size_t bytes() const override { return bytes_; }

  Result<void> add(const SpoolEntry& entry) override {
    const bool is_reject = entry.kind == SpoolEntry::Kind::Reject;
    // A document that is whole now, or gone, is no reject any more.
    if (!is_reject && !has_changes_) return {};
    std::string id;
    std::string document;
    describe(entry, id, document);
    const std::string_view bytes{reinterpret_cast<const char*>(entry.bytes.data()), entry.bytes.size()};
    for (std::size_t i = 0; i < builders_.size(); ++i) {
      const auto& name = schema_->fields[i].name;
      if (name == "_id") {
        builders_[i].append_text(id);
      } else if (!is_reject) {
        builders_[i].append_null();
      } else {
        builders_[i].append_text(name == "reason" ? entry.reason : name == "bson" ? bytes : std::string_view{document});
      }
    }
    if (has_changes_) changes_.push_back(is_reject ? data::Change::Update : data::Change::Delete);
    ++rows_;
    bytes_ += is_reject ? bytes.size() + document.size() : id.size();
    return {};
  }

  data::Batch take() override {
    std::vector<data::Column> columns;
    for (auto& builder : builders_) columns.push_back(builder.finish());
    bytes_ = 0;
    data::Batch batch{schema_, std::move(columns), std::exchange(rows_, 0)};
    if (!has_changes_) return batch;
    return std::move(batch).with_changes(std::exchange(changes_, {}));
  }

 private:
  // libbson walks the bytes as far as they are whole.
  static void describe(const SpoolEntry& entry, std::string& id, std::string& document) {
    bson_t raw;
    const bool whole = bson_init_static(&raw, entry.bytes.data(), entry.bytes.size()) &&
                       bson_validate(&raw, BSON_VALIDATE_NONE, nullptr);
    if (whole && check_document(entry.bytes, NulText::Kept) != "bytes that are no BSON document") {
      Elements elements{entry.bytes.data()};
      for (Element element; id.empty() && elements.next(element);) {
        if (element.name == "_id") append_extended_json(id, element.type, element.value, JsonForm::Canonical);
      }
      if (entry.kind == SpoolEntry::Kind::Reject)
        append_extended_json(document, BsonType::Document, entry.bytes.data(), JsonForm::Canonical);
    }
    id = readable(id);
    document = readable(document);
  }

  data::SchemaPtr schema_;
  const bool has_changes_;
  std::vector<data::ColumnBuilder> builders_;
  std::vector<data::Change> changes_;
  std::size_t rows_ = 0;
  std::size_t bytes_ = 0;
};

class TableReader final : public flow::Reader {
 public:
  TableReader(std::shared_ptr<const Fetched> fetched, std::unique_ptr<RowMaker> rows, std::vector<std::size_t> parts,
              const flow::Limits& limits, std::optional<flow::Checkpoint> checkpoint)
      : fetched_(std::move(fetched)),
        rows_(std::move(rows)),
        parts_(std::move(parts)),
        limits_(limits),
        checkpoint_(std::move(checkpoint)) {}

  const data::SchemaPtr& schema() const override { return rows_->schema(); }
  std::uint64_t bytes_read() const override { return bytes_ + (part_ ? part_->bytes_read() : 0); }

  Result<std::optional<flow::Delivery>> next(std::stop_token stop) override {
    while (rows_->rows() < limits_.batch_rows && rows_->bytes() < limits_.batch_bytes) {
      if (stop.stop_requested()) return Error::cancelled();
      if (!part_) {
        if (next_part_ == parts_.size()) break;
        part_ = WEIR_TRY(SpoolReader::open(fetched_->parts[parts_[next_part_++]]));
      }
      const auto entry = WEIR_TRY(part_->next());
      if (entry) {
        WEIR_TRY(rows_->add(*entry));
      } else {
        bytes_ += part_->bytes_read();
        part_.reset();
      }
    }
    if (rows_->rows() == 0) return std::optional<flow::Delivery>{};
    return std::optional{flow::Delivery{rows_->take(), std::nullopt}};
  }

  std::optional<flow::Checkpoint> end() const override { return checkpoint_; }

 private:
  const std::shared_ptr<const Fetched> fetched_;
  const std::unique_ptr<RowMaker> rows_;
  const std::vector<std::size_t> parts_;
  const flow::Limits limits_;
  const std::optional<flow::Checkpoint> checkpoint_;
  std::unique_ptr<SpoolReader> part_;
  std::size_t next_part_ = 0;
  std::uint64_t bytes_ = 0;
};

std::optional<documents::Table> find_table(const Fetched& fetched, const std::string& path) {
  for (auto& table : documents::tables_of(fetched.shape)) {
    if (table.path == path) return std::move(table);
  }
  return std::nullopt;
}

}  // namespace

std::optional<flow::Stream> stream_of(const std::string& collection, const Fetched& fetched,
                                      const std::string& inside) {
  flow::Stream stream;
  stream.name = inside.empty() ? collection : fmt::format("{}.{}", collection, inside);
  if (fetched.starts_over) stream.continuity = flow::Stream::Continuity::StartsOver;
  if (inside == kRejects) {
    stream.schema = rejects_schema();
    stream.key = {"_id"};
    stream.rows_estimate = fetched.rejected;
    return stream;
  }
  auto table = find_table(fetched, inside);
  if (!table) return std::nullopt;
  stream.schema = std::move(table->schema);
  stream.key = std::move(table->key);
  if (inside.empty()) {
    stream.rows_estimate = fetched.documents - fetched.rejected;
  } else {
    const auto documents_key = fetched.shape.rules().key.size();
    stream.origin.assign(stream.key.begin(), stream.key.begin() + static_cast<std::ptrdiff_t>(documents_key));
  }
  return stream;
}

Result<std::unique_ptr<flow::Reader>> open_table(std::shared_ptr<const Fetched> fetched, const std::string& inside,
                                                 std::vector<std::size_t> parts, const flow::ReadRequest& request,
                                                 std::optional<flow::Checkpoint> checkpoint) {
  std::unique_ptr<RowMaker> rows;
  if (inside == kRejects) {
    const auto wanted = WEIR_TRY(documents::wanted_columns(rejects_schema(), request.columns));
    // What is read whole has no rejects that are none any more.
    const auto deliver = fetched->content == Fetched::Content::News ? request.deliver : ReadRequest::Deliver::Rows;
    rows = std::make_unique<RejectRows>(wanted, deliver);
  } else {
    auto table = find_table(*fetched, inside);
    if (!table) return Error::user(Code::NotFound, "no such stream: {}", request.stream);
    const auto wanted = WEIR_TRY(documents::wanted_columns(table->schema, request.columns));
    rows = std::make_unique<TableRows>(*fetched, std::move(*table), wanted, request.deliver);
  }
  return std::unique_ptr<flow::Reader>{std::make_unique<TableReader>(
      std::move(fetched), std::move(rows), std::move(parts), request.limits, std::move(checkpoint))};
}

}  // namespace weir::mongodb
