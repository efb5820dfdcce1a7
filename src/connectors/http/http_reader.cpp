#include "connectors/http/http_reader.hpp"

#include <algorithm>

#include "documents/chosen_columns.hpp"

namespace weir::http {
namespace {

using documents::Shredder;

data::Schema rejects_schema() {
  return {{{"reason", data::type_of(data::Kind::String), data::Nullable::No},
           {"document", data::type_of(data::Kind::Json), data::Nullable::No}}};
}

class TableReader final : public flow::Reader {
 public:
  TableReader(std::shared_ptr<const Api> api, const Resource& resource, std::shared_ptr<Fetched> fetched,
              std::optional<documents::Table> table, const std::vector<std::size_t>& wanted,
              const flow::ReadRequest& request, std::optional<flow::Checkpoint> checkpoint, Log& log)
      : api_(std::move(api)),
        resource_(resource),
        fetched_(std::move(fetched)),
        table_(std::move(table)),
        limits_(request.limits),
        checkpoint_(std::move(checkpoint)),
        log_(log),
        sieve_(resource, fetched_->window ? &*fetched_->window : nullptr, ItemSieve::Repeats::LeftOut),
        list_(fetched_->pages),
        pages_(resource) {
    if (table_) {
      // What a merge has of an item's list goes before the list as it is now.
      is_list_of_changes_ =
          request.deliver == flow::ReadRequest::Deliver::Changes && !table_->path.empty() && !table_->key.empty();
      shredder_.emplace(fetched_->shape, *table_, wanted);
      schema_ = shredder_->schema();
      needs_row_ = std::ranges::any_of(wanted, [&](std::size_t column) {
        return table_->columns[column].from == documents::TableColumn::From::Row;
      });
      return;
    }
    auto schema = std::make_shared<data::Schema>();
    const auto all = rejects_schema();
    for (const auto column : wanted) {
      schema->fields.push_back(all.fields[column]);
      rejects_.emplace_back(all.fields[column].type);
    }
    schema_ = std::move(schema);
  }

  const data::SchemaPtr& schema() const override { return schema_; }
  std::uint64_t bytes_read() const override { return bytes_; }

  // One batch is read ahead, so that the last one is known to be the last.
  Result<std::optional<flow::Delivery>> next(std::stop_token stop) override {
    if (!ahead_ && !ended_) WEIR_TRY(read_ahead(stop));
    if (!ahead_) return std::optional<flow::Delivery>{};
    flow::Delivery delivery{std::move(*ahead_), std::nullopt};
    ahead_.reset();
    WEIR_TRY(read_ahead(stop));
    if (!ahead_) delivery.checkpoint = checkpoint_;
    return std::optional{std::move(delivery)};
  }

 private:
  std::size_t rows() const { return shredder_ ? shredder_->rows() : rejected_; }
  std::size_t bytes() const { return shredder_ ? shredder_->bytes() : reject_bytes_; }

  Result<void> read_ahead(std::stop_token stop) {
    while (rows() < limits_.batch_rows && bytes() < limits_.batch_bytes) {
      if (stop.stop_requested()) return Error::cancelled();
      if (!in_page_) {
        page_ = WEIR_TRY(list_.next());
        if (!page_) {
          report_end();
          break;
        }
        ++page_number_;
        WEIR_TRY(pages_.begin(page_->range));
        in_page_ = true;
      }
      const auto before = pages_.bytes_read();
      auto stepped = pages_.step([this](std::string_view item) { return take(item); });
      if (!stepped.ok())
        return std::move(stepped).error().while_doing(
            fmt::format("reading page {} of {}", page_number_, resource_.name));
      bytes_ += pages_.bytes_read() - before;
      in_page_ = *stepped;
    }
    if (rows() == 0) return {};
    ahead_ = shredder_ ? take_rows() : take_rejects();
    return {};
  }

  Result<void> take(std::string_view item) {
    const auto decision = WEIR_TRY(sieve_.decide(parser_, item));
    if (decision.verdict != ItemSieve::Decision::Verdict::Take) return {};
    const documents::Document document = [&](const documents::TakeElement& take) { return parser_.parse(item, take); };
    if (fetched_->shape.rules().contracts.rejects()) {
      std::optional<std::string> reason;
      WEIR_TRY(document([&](documents::Value& value) -> Result<void> {
        reason = WEIR_TRY(fetched_->shape.check(value));
        return {};
      }));
      if (reason) return shredder_ ? Result<void>{} : reject(*reason, item);
    }
    if (!shredder_) return {};
    if (is_list_of_changes_) {
      WEIR_TRY(shredder_->add_keys(document));
      changes_.resize(shredder_->rows(), data::Change::Delete);
    }
    WEIR_TRY(add_rows(document, needs_row_ ? fingerprint_of(item) : std::string{}));
    if (is_list_of_changes_) changes_.resize(shredder_->rows(), data::Change::Insert);
    return {};
  }

  Result<void> add_rows(const documents::Document& document, const std::string& row) {
    const auto& added = page_->added;
    if (added == nullptr) return shredder_->add(document, row);
    return shredder_->add(document, row, [&](const documents::TakeElement& take_added) {
      return parser_.parse(std::string_view{*added}.substr(0, added->size() - documents::kJsonPadding), take_added);
    });
  }

  Result<void> reject(const std::string& reason, std::string_view item) {
    std::string json;
    WEIR_TRY(parser_.parse(item, [&](documents::Value& value) { return value.append_json(json); }));
    for (std::size_t i = 0; i < rejects_.size(); ++i) {
      rejects_[i].append_text(schema_->fields[i].name == "reason" ? std::string_view{reason} : std::string_view{json});
    }
    ++rejected_;
    reject_bytes_ += json.size() + reason.size();
    return {};
  }

  data::Batch take_rows() {
    if (!is_list_of_changes_) return shredder_->take();
    return shredder_->take().with_changes(std::exchange(changes_, {}));
  }

  data::Batch take_rejects() {
    std::vector<data::Column> columns;
    for (auto& builder : rejects_) columns.push_back(builder.finish());
    reject_bytes_ = 0;
    return {schema_, std::move(columns), std::exchange(rejected_, 0)};
  }

  void report_end() {
    if (std::exchange(ended_, true)) return;
    if (sieve_.repeated() != 0)
      log_.warn("{} items of {} came twice, because the list moved while it was paged; each is loaded once",
                sieve_.repeated(), resource_.name);
    if (shredder_ && shredder_->repeated() != 0)
      log_.warn("{} values of {} stand under a name that their object repeats; the last one counts",
                shredder_->repeated(), resource_.name);
    if (shredder_ && shredder_->discarded() != 0)
      log_.warn("left out {} values of {} that do not fit their columns, by its contract", shredder_->discarded(),
                resource_.name);
  }

  const std::shared_ptr<const Api> api_;  // keeps the resource
  const Resource& resource_;
  const std::shared_ptr<Fetched> fetched_;
  const std::optional<documents::Table> table_;
  const flow::Limits limits_;
  const std::optional<flow::Checkpoint> checkpoint_;
  Log& log_;
  ItemSieve sieve_;
  documents::JsonParser parser_;
  data::SchemaPtr schema_;
  std::optional<Shredder> shredder_;
  bool needs_row_ = false;  // a column holds the fingerprint
  bool is_list_of_changes_ = false;
  std::vector<data::Change> changes_;  // of the shredder's rows, where it is one
  std::vector<data::ColumnBuilder> rejects_;
  std::size_t rejected_ = 0;
  std::size_t reject_bytes_ = 0;
  PageList::Reader list_;
  std::optional<Page> page_;  // the last of them that was begun
  std::uint64_t page_number_ = 0;
  PageReader pages_;
  bool in_page_ = false;
  std::optional<data::Batch> ahead_;
  bool ended_ = false;
  std::uint64_t bytes_ = 0;
};

std::optional<documents::Table> find_table(const Fetched& fetched, const std::string& path) {
  for (auto& table : documents::tables_of(fetched.shape)) {
    if (table.path == path) return std::move(table);
  }
  return std::nullopt;
}

}  // namespace

std::optional<flow::Stream> stream_of(const Resource& resource, const Fetched& fetched, const std::string& inside) {
  flow::Stream stream;
  stream.name = inside.empty() ? resource.name : fmt::format("{}.{}", resource.name, inside);
  if (inside == kRejects) {
    stream.schema = rejects_schema();
    stream.rows_estimate = fetched.rejected;
    return stream;
  }
  auto table = find_table(fetched, inside);
  if (!table) return std::nullopt;
  stream.schema = std::move(table->schema);
  stream.key = std::move(table->key);
  if (!inside.empty() && !stream.key.empty())
    stream.origin.assign(stream.key.begin(), stream.key.begin() + static_cast<std::ptrdiff_t>(resource.key.size()));
  if (inside.empty()) stream.rows_estimate = fetched.items;
  return stream;
}

Result<std::unique_ptr<flow::Reader>> open_table(std::shared_ptr<const Api> api, const Resource& resource,
                                                 std::shared_ptr<Fetched> fetched, const std::string& inside,
                                                 const flow::ReadRequest& request,
                                                 std::optional<flow::Checkpoint> checkpoint, Log& log) {
  auto table = inside == kRejects ? std::nullopt : find_table(*fetched, inside);
  const auto wanted = WEIR_TRY(documents::wanted_columns(table ? table->schema : rejects_schema(), request.columns));
  return std::make_unique<TableReader>(std::move(api), resource, std::move(fetched), std::move(table), wanted, request,
                                       std::move(checkpoint), log);
}

}  // namespace weir::http
