#include "connectors/mongodb/table_reader.hpp"

#include <algorithm>
#include <map>

#include "connectors/mongodb/bson_reader.hpp"
#include "connectors/mongodb/bson_shredder.hpp"
#include "connectors/mongodb/checkpoint.hpp"
#include "documents/chosen_columns.hpp"
#include "flow/growing_source.hpp"
#include "net/sha256.hpp"

namespace weir::mongodb {
namespace {

using flow::ReadRequest;

data::Schema rejects_schema() {
  const auto text = data::type_of(data::Kind::String);
  return {{{"_id", text, data::Nullable::No},
           {"reason", text, data::Nullable::Yes},
           {"document", text, data::Nullable::Yes},
           {"bson", data::type_of(data::Kind::Binary), data::Nullable::Yes}}};
}

std::optional<documents::Table> find_table(const documents::Shape& shape, const std::string& path) {
  for (auto& table : documents::tables_of(shape)) {
    if (table.path == path) return std::move(table);
  }
  return std::nullopt;
}

// The same columns, whatever their order.
bool have_same_columns(const data::Schema& left, const data::Schema& right) {
  return left.fields.size() == right.fields.size() && std::ranges::all_of(left.fields, [&](const data::Field& field) {
           const auto found = right.find(field.name);
           return found && right.fields[*found] == field;
         });
}

// Makes rows of entries: of documents, of their lists, or of rejects.
class RowMaker {
 public:
  virtual ~RowMaker() = default;
  virtual const data::SchemaPtr& schema() const = 0;
  virtual Result<void> add(const SpoolEntry& entry) = 0;
  // Whether these columns also hold the documents of another, larger shape.
  virtual bool suffices(const documents::Shape& shape) const = 0;
  virtual std::size_t rows() const = 0;
  virtual std::size_t bytes() const = 0;
  virtual data::Batch take() = 0;
};

// `deliver` Changes: each row says what happened to it. A list's rows are preceded by a Delete of what the destination has
// of their document, since the list may have become shorter.
class TableRows final : public RowMaker {
 public:
  TableRows(Arrival::ShapePtr shape, documents::Table table, const std::vector<std::size_t>& wanted,
            ReadRequest::Deliver deliver)
      : shape_(std::move(shape)),
        table_(std::move(table)),
        shredder_(*shape_, table_, wanted),
        has_changes_(deliver == ReadRequest::Deliver::Changes) {}

  const data::SchemaPtr& schema() const override { return shredder_.schema(); }
  std::size_t rows() const override { return shredder_.rows(); }
  std::size_t bytes() const override { return shredder_.bytes(); }
  bool suffices(const documents::Shape& shape) const override {
    const auto table = find_table(shape, table_.path);
    return table && have_same_columns(table->schema, table_.schema);
  }

  Result<void> add(const SpoolEntry& entry) override {
    if (entry.kind == SpoolEntry::Kind::Reject) return {};
    const bool is_delete = entry.kind == SpoolEntry::Kind::Delete;
    const bool is_list = !table_.path.empty();
    if (has_changes_ && (is_delete || is_list)) {
      WEIR_TRY(is_list ? shredder_.add_keys(entry.bytes) : shredder_.add(entry.bytes));
      changes_.resize(shredder_.rows(), data::Change::Delete);
    }
    if (is_delete) return {};
    WEIR_TRY(shredder_.add(entry.bytes));
    if (has_changes_) changes_.resize(shredder_.rows(), data::Change::Update);
    return {};
  }

  data::Batch take() override {
    auto batch = shredder_.take();
    if (!has_changes_) return batch;
    return std::move(batch).with_changes(std::exchange(changes_, {}));
  }

 private:
  const Arrival::ShapePtr shape_;
  const documents::Table table_;
  BsonShredder shredder_;
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
  bool suffices(const documents::Shape&) const override { return true; }

  Result<void> add(const SpoolEntry& entry) override {
    const bool is_reject = entry.kind == SpoolEntry::Kind::Reject;
    // A document that is whole now, or gone, is no reject any more.
    if (!is_reject && !has_changes_) return {};
    std::string id;
    std::string document;
    describe(entry, id, document);
    if (id.empty()) id = name_by_content(entry.bytes);
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

  // Of a document without an _id, as a view has them: "sha256:<its digest>", which is no JSON and so no _id; "#2" behind it
  // when it is the second such one.
  std::string name_by_content(BsonBytes bytes) {
    auto name = "sha256:" + net::sha256_of(std::as_bytes(bytes));
    const auto count = ++named_[name];
    return count == 1 ? name : fmt::format("{}#{}", name, count);
  }

  data::SchemaPtr schema_;
  const bool has_changes_;
  std::vector<data::ColumnBuilder> builders_;
  std::vector<data::Change> changes_;
  std::map<std::string, int> named_;  // by content, how often
  std::size_t rows_ = 0;
  std::size_t bytes_ = 0;
};

class TableReader final : public flow::Reader {
 public:
  TableReader(std::shared_ptr<const Fetched> fetched, std::unique_ptr<RowMaker> rows, SpoolShare share,
              const ReadRequest& request)
      : fetched_(std::move(fetched)),
        rows_(std::move(rows)),
        share_(share),
        stream_(request.stream),
        limits_(request.limits) {}

  const data::SchemaPtr& schema() const override { return rows_->schema(); }
  std::uint64_t bytes_read() const override { return bytes_ + (part_ ? part_->bytes_read() : 0); }

  Result<std::optional<flow::Delivery>> next(std::stop_token stop) override {
    stop_ = std::move(stop);
    while (rows_->rows() < limits_.batch_rows && rows_->bytes() < limits_.batch_bytes) {
      const auto entry = WEIR_TRY(next_entry());
      if (!entry) break;
      WEIR_TRY(rows_->add(*entry));
    }
    if (rows_->rows() == 0) return std::optional<flow::Delivery>{};
    return std::optional{flow::Delivery{rows_->take(), std::nullopt}};
  }

  std::optional<flow::Checkpoint> end() const override {
    const auto* outcome = fetched_->arrival->outcome_so_far();
    return outcome == nullptr ? std::nullopt : checkpoint_after(*outcome);
  }

 private:
  Result<std::optional<SpoolEntry>> next_entry() {
    while (next_part_ < fetched_->parts.size()) {
      if (stop_.stop_requested()) return Error::cancelled();
      if (!part_) {
        // The file is there once something of it is.
        WEIR_TRY(await(0));
        part_ = WEIR_TRY(SpoolReader::open(fetched_->parts[next_part_], share_,
                                           [this](std::uint64_t position) { return await(position); }));
      }
      auto entry = WEIR_TRY(part_->next());
      if (entry) return entry;
      bytes_ += part_->bytes_read();
      part_.reset();
      ++next_part_;
    }
    // Nothing counts before all of it has come.
    WEIR_TRY(fetched_->arrival->outcome(stop_));
    WEIR_TRY(look_for_growth());
    return std::optional<SpoolEntry>{};
  }

  // More of the part than this.
  Result<void> await(std::uint64_t position) {
    WEIR_TRY(fetched_->arrival->wait_for(next_part_, position, stop_));
    return look_for_growth();
  }

  Result<void> look_for_growth() {
    const auto lessons = fetched_->arrival->lessons();
    if (std::exchange(lessons_, lessons) == lessons) return {};
    const auto shape = WEIR_TRY(fetched_->arrival->shape_after(0, {}));
    return rows_->suffices(*shape) ? Result<void>{} : flow::outgrown(stream_);
  }

  const std::shared_ptr<const Fetched> fetched_;
  const std::unique_ptr<RowMaker> rows_;
  const SpoolShare share_;
  const std::string stream_;
  const flow::Limits limits_;
  std::stop_token stop_;  // of the call under way
  std::unique_ptr<SpoolReader> part_;
  std::size_t next_part_ = 0;  // the one under way, where there is one
  std::uint64_t lessons_ = 0;  // of the arrival, that were looked at
  std::uint64_t bytes_ = 0;
};

}  // namespace

std::optional<flow::Stream> stream_of(const std::string& collection, const Fetched& fetched,
                                      const documents::Shape& shape, const std::string& inside) {
  flow::Stream stream;
  stream.name = inside.empty() ? collection : fmt::format("{}.{}", collection, inside);
  if (fetched.starts_over) stream.continuity = flow::Stream::Continuity::StartsOver;
  const auto* outcome = fetched.arrival->outcome_so_far();
  if (inside == kRejects) {
    stream.schema = rejects_schema();
    stream.key = {"_id"};
    if (outcome != nullptr) stream.rows_estimate = outcome->rejected;
    return stream;
  }
  auto table = find_table(shape, inside);
  if (!table) return std::nullopt;
  stream.schema = std::move(table->schema);
  stream.key = std::move(table->key);
  // The server sees to it for _id alone.
  stream.key_is_unique = shape.rules().key == std::vector<std::string>{"_id"};
  if (inside.empty()) {
    if (outcome != nullptr) stream.rows_estimate = outcome->documents - outcome->rejected;
  } else {
    const auto documents_key = shape.rules().key.size();
    stream.origin.assign(stream.key.begin(), stream.key.begin() + static_cast<std::ptrdiff_t>(documents_key));
  }
  return stream;
}

Result<std::unique_ptr<flow::Reader>> open_table(std::shared_ptr<const Fetched> fetched, Arrival::ShapePtr shape,
                                                 const std::string& inside, SpoolShare share,
                                                 const flow::ReadRequest& request) {
  std::unique_ptr<RowMaker> rows;
  if (inside == kRejects) {
    const auto wanted = WEIR_TRY(documents::wanted_columns(rejects_schema(), request.columns));
    // What is read whole has no rejects that are none any more.
    const auto deliver = fetched->content == Fetched::Content::News ? request.deliver : ReadRequest::Deliver::Rows;
    rows = std::make_unique<RejectRows>(wanted, deliver);
  } else {
    auto table = find_table(*shape, inside);
    if (!table) return Error::user(Code::NotFound, "no such stream: {}", request.stream);
    const auto wanted = WEIR_TRY(documents::wanted_columns(table->schema, request.columns));
    rows = std::make_unique<TableRows>(std::move(shape), std::move(*table), wanted, request.deliver);
  }
  return std::unique_ptr<flow::Reader>{
      std::make_unique<TableReader>(std::move(fetched), std::move(rows), share, request)};
}

}  // namespace weir::mongodb
