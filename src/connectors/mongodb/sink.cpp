#include "connectors/mongodb/sink.hpp"

#include <algorithm>
#include <atomic>

#include "base/owner.hpp"
#include "connectors/mongodb/catalog.hpp"
#include "connectors/mongodb/commits.hpp"
#include "connectors/mongodb/document_encoder.hpp"
#include "connectors/mongodb/server_error.hpp"

namespace weir::mongodb {
namespace {

using flow::WriteMode;

constexpr std::size_t kBulkBytes = std::size_t{8} << 20;
constexpr std::size_t kBulkDocuments = 10'000;
constexpr std::size_t kLookupDocuments = 1'000;

// What the writers of one load share.
struct LoadState {
  std::shared_ptr<const Address> address;
  flow::WriteRequest request;
  std::string stage;
  std::string owner;
  CommitWay way = CommitWay::Insert;
  std::vector<std::size_t> key;   // the key's columns
  std::vector<std::size_t> rest;  // all others
  bool leaves_out_nulls = false;
  std::atomic<std::uint64_t> rows = 0;
  std::atomic<std::int64_t> place = 0;
  std::atomic<int> open_writers = 0;
  std::atomic<bool> spoiled = false;
};

struct DestroyBulk {
  void operator()(mongoc_bulk_operation_t* bulk) const { mongoc_bulk_operation_destroy(bulk); }
};

class StageWriter final : public flow::Writer {
 public:
  StageWriter(std::shared_ptr<LoadState> state, std::unique_ptr<Session> session, DocumentEncoder encoder)
      : state_(std::move(state)),
        session_(std::move(session)),
        collection_(collection_of(*session_, state_->stage)),
        encoder_(std::move(encoder)) {
    ++state_->open_writers;
  }
  ~StageWriter() override {
    if (finished_) return;
    --state_->open_writers;
    state_->spoiled = true;
  }
  StageWriter(const StageWriter&) = delete;
  StageWriter& operator=(const StageWriter&) = delete;

  Result<void> write(const data::Batch& batch, std::stop_token stop) override {
    auto place = state_->place.fetch_add(static_cast<std::int64_t>(batch.rows()));
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      bytes_.clear();
      WEIR_TRY(state_->way == CommitWay::Upsert ? encode_change(batch, row, place++)
                                                : encoder_.append(batch, row, bytes_));
      WEIR_TRY(add());
      if (bulk_bytes_ >= kBulkBytes || bulk_documents_ >= kBulkDocuments) WEIR_TRY(send(stop));
    }
    state_->rows += batch.rows();
    return {};
  }

  Result<void> finish(std::stop_token stop) override {
    WEIR_TRY(send(std::move(stop)));
    if (!finished_) --state_->open_writers;
    finished_ = true;
    return {};
  }

 private:
  Result<void> encode_change(const data::Batch& batch, std::size_t row, std::int64_t place) {
    Document change;
    change.add("_id", place);
    part_.clear();
    WEIR_TRY(encoder_.append_columns(batch, row, state_->key, part_));
    change.add("k", Document::from(bytes_of(part_)));
    if (batch.changes() && (*batch.changes())[row] == data::Change::Delete) {
      change.add("x", true);
    } else {
      WEIR_TRY(encode_values(batch, row, change));
    }
    const auto bytes = change.bytes();
    bytes_.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }

  Result<void> encode_values(const data::Batch& batch, std::size_t row, Document& change) {
    if (!state_->leaves_out_nulls) {
      part_.clear();
      WEIR_TRY(encoder_.append_columns(batch, row, state_->rest, part_));
      change.add("s", Document::from(bytes_of(part_)));
      return {};
    }
    std::vector<std::size_t> set;
    Document unset;
    for (const auto column : state_->rest) {
      if (batch.column(column).is_null(row)) {
        unset.add(batch.schema()->fields[column].name, "");
      } else {
        set.push_back(column);
      }
    }
    part_.clear();
    WEIR_TRY(encoder_.append_columns(batch, row, set, part_));
    change.add("s", Document::from(bytes_of(part_))).add("u", unset);
    return {};
  }

  static BsonBytes bytes_of(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
  }

  Result<void> add() {
    if (bulk_ == nullptr) {
      Document options;
      options.add("ordered", false);
      bulk_.reset(mongoc_collection_create_bulk_operation_with_opts(collection_.get(), options.get()));
    }
    bson_t document;
    bson_error_t error;
    const auto bytes = bytes_of(bytes_);
    if (!bson_init_static(&document, bytes.data(), bytes.size()) ||
        !mongoc_bulk_operation_insert_with_opts(bulk_.get(), &document, nullptr, &error))
      return Error::bug("a document that libmongoc refuses: {}", error.message);
    ++bulk_documents_;
    bulk_bytes_ += bytes_.size();
    return {};
  }

  Result<void> send(std::stop_token stop) {
    if (bulk_ == nullptr) return {};
    const Interrupt::Scope scope{session_->interrupt(), stop};
    bson_t reply;
    bson_error_t error;
    const bool good = mongoc_bulk_operation_execute(bulk_.get(), &reply, &error) != 0;
    const Document answer{reply};
    bson_destroy(&reply);
    bulk_.reset();
    bulk_documents_ = bulk_bytes_ = 0;
    if (good) return {};
    auto failure = server_error(error, answer.get(), session_->address(), stop);
    return std::move(failure).while_doing("writing to " + state_->request.table);
  }

  std::shared_ptr<LoadState> state_;
  std::unique_ptr<Session> session_;
  CollectionPtr collection_;
  DocumentEncoder encoder_;
  std::unique_ptr<mongoc_bulk_operation_t, DestroyBulk> bulk_;
  std::size_t bulk_documents_ = 0;
  std::size_t bulk_bytes_ = 0;
  std::string bytes_;
  std::string part_;
  bool finished_ = false;
};

class MongoLoad final : public flow::Load {
 public:
  MongoLoad(std::shared_ptr<LoadState> state, std::unique_ptr<Session> session)
      : state_(std::move(state)), session_(std::move(session)) {}

  ~MongoLoad() override {
    // The next load of the collection drops it where this fails.
    if (!decided_) static_cast<void>(drop_collection(*session_, state_->stage, {}));
  }
  MongoLoad(const MongoLoad&) = delete;
  MongoLoad& operator=(const MongoLoad&) = delete;

  Result<std::unique_ptr<flow::Writer>> writer(std::stop_token) override {
    auto encoder =
        WEIR_TRY(DocumentEncoder::create(state_->request.schema, EncodeRules::from(state_->request.options)));
    return std::unique_ptr<flow::Writer>{
        std::make_unique<StageWriter>(state_, WEIR_TRY(Session::open(state_->address)), std::move(encoder))};
  }

  Result<flow::Receipt> commit(const CommitId& id, std::stop_token stop) override {
    if (state_->spoiled || state_->open_writers > 0)
      return Error::bug("a load is committed before its writers have finished");
    if (auto before = WEIR_TRY(find_commit(*session_, id, stop))) return std::move(*before);
    if (state_->way == CommitWay::Insert) WEIR_TRY(check_new(stop));
    decided_ = true;
    return weir::mongodb::commit(*session_,
                                 {.commit = id,
                                  .collection = state_->request.table,
                                  .stage = state_->stage,
                                  .owner = state_->owner,
                                  .way = state_->way,
                                  .rows = state_->rows},
                                 stop);
  }

 private:
  // Appended documents are none that the collection has, by _id or by the key: found out before anything is changed.
  Result<void> check_new(std::stop_token stop) {
    if (state_->request.schema->find("_id")) WEIR_TRY(check_new({"_id"}, stop));
    if (!state_->request.key.empty()) WEIR_TRY(check_new(state_->request.key, stop));
    return {};
  }

  Result<void> check_new(const std::vector<std::string>& names, std::stop_token stop) {
    Document fields;
    for (const auto& name : names) fields.add(name, 1);
    auto staged = WEIR_TRY(session_->find(state_->stage, {}, Document{}.add("projection", fields), stop));
    const auto other = WEIR_TRY(Session::open(state_->address));
    for (bool more = true; more;) {
      std::vector<Document> keys;
      while (keys.size() < kLookupDocuments) {
        const auto bytes = WEIR_TRY(staged.next(stop));
        more = bytes.has_value();
        if (!more) break;
        auto& key = keys.emplace_back();
        for (const auto& name : names) {
          bson_iter_t value;
          if (mongodb::find(*bytes, name, value)) key.add(name, *bson_iter_value(&value));
        }
      }
      if (keys.empty()) break;
      auto there = WEIR_TRY(other->find(state_->request.table, Document{}.add_list("$or", keys),
                                        Document{}.add("limit", std::int64_t{1}).add("projection", fields), stop));
      if (const auto found = WEIR_TRY(there.next(stop))) {
        return Error::user(Code::AlreadyExists, "collection {} has this already: {}", state_->request.table,
                           Document::from(*found).text())
            .hint("mode: merge updates documents by their key, mode: replace swaps the whole collection");
      }
    }
    return {};
  }

  std::shared_ptr<LoadState> state_;
  std::unique_ptr<Session> session_;
  bool decided_ = false;
};

Result<void> check_request(const flow::WriteRequest& request) {
  const auto& name = request.table;
  if (name.empty() || name.find_first_of(std::string_view{"$\0", 2}) != std::string::npos || !is_users(name)) {
    return Error::user(Code::InvalidProject, "not a collection's name: {}", name)
        .hint("names have no $, and those that begin with system. or _weir_ are not the user's");
  }
  if (request.superseded) {
    return Error::user(Code::Unsupported, "documents that were appended to a collection are not taken back: {}", name)
        .hint("start a new run; mode: merge and mode: replace can be done again");
  }
  if (request.schema->fields.empty()) return Error::user(Code::Unsupported, "a load without columns");
  const auto require = [&](const std::string& column, std::string_view use) -> Result<void> {
    if (request.schema->find(column)) return {};
    return Error::user(Code::NotFound, "the {} names a column that the rows do not have: {}", use, column);
  };
  for (const auto& column : request.key) WEIR_TRY(require(column, "key"));
  for (const auto& index : request.indexes) {
    for (const auto& column : index.columns) WEIR_TRY(require(column, "index"));
  }
  if (request.mode != WriteMode::Merge) return {};
  if (request.key.empty()) return Error::user(Code::InvalidProject, "mode: merge needs a key: {}", name);
  if (request.schema->find("_id") && request.key != std::vector<std::string>{"_id"}) {
    return Error::user(Code::InvalidProject, "a document's _id cannot change, so rows with an _id merge by it: {}",
                       name)
        .hint("key: _id, or leave the column _id out");
  }
  return {};
}

Document index_on(const std::vector<std::string>& columns, bool unique) {
  Document keys;
  std::string name;
  for (const auto& column : columns) {
    keys.add(column, 1);
    name += fmt::format("{}{}_1", name.empty() ? "" : "_", column);
  }
  Document index;
  index.add("key", keys).add("name", name);
  if (unique) index.add("unique", true);
  return index;
}

// The indexes that the request asks for.
std::vector<Document> requested_indexes(const flow::WriteRequest& request) {
  std::vector<Document> indexes;
  if (!request.key.empty() && request.key != std::vector<std::string>{"_id"})
    indexes.push_back(index_on(request.key, true));
  for (const auto& index : request.indexes) indexes.push_back(index_on(index.columns, false));
  return indexes;
}

void add_missing(std::vector<Document>& indexes, std::vector<Document> more) {
  for (auto& index : more) {
    const bool there = std::ranges::any_of(indexes, [&](const Document& other) {
      return bson_equal(other.inner("key").value_or(Document{}).get(), index.inner("key").value_or(Document{}).get());
    });
    if (!there) indexes.push_back(std::move(index));
  }
}

class MongoSink final : public flow::Sink {
 public:
  MongoSink(std::shared_ptr<const Address> address, Log& log) : address_(std::move(address)), log_(log) {}

  Result<std::unique_ptr<flow::Load>> open(const flow::WriteRequest& request, std::stop_token stop) override {
    WEIR_TRY(check_request(request));
    auto session = WEIR_TRY(Session::open(address_));
    WEIR_TRY(finish_abandoned(*session, request.table, stop));
    const auto existing = WEIR_TRY(find_collection(*session, request.table, stop));
    if (existing && existing->kind != CollectionInfo::Kind::Collection)
      return Error::user(Code::Unsupported, "documents are written to collections only, not to views: {}",
                         request.table);
    auto state = std::make_shared<LoadState>();
    state->address = address_;
    state->request = request;
    state->owner = make_owner();
    state->stage = stage_name(request.table, state->owner);
    state->leaves_out_nulls = EncodeRules::from(request.options).nulls == EncodeRules::Nulls::LeftOut;
    for (std::size_t i = 0; i < request.schema->fields.size(); ++i) {
      const bool is_key = std::ranges::find(request.key, request.schema->fields[i].name) != request.key.end();
      (is_key ? state->key : state->rest).push_back(i);
    }
    state->way = request.mode == WriteMode::Merge                  ? CommitWay::Upsert
                 : request.mode == WriteMode::Replace || !existing ? CommitWay::Rename
                                                                   : CommitWay::Insert;
    WEIR_TRY(prepare(*session, *state, existing, stop));
    return std::unique_ptr<flow::Load>{std::make_unique<MongoLoad>(std::move(state), std::move(session))};
  }

  Result<std::optional<flow::Receipt>> find(const flow::WriteRequest&, const CommitId& commit,
                                            std::stop_token stop) override {
    const auto session = WEIR_TRY(Session::open(address_));
    return find_commit(*session, commit, stop);
  }

 private:
  // The stage, and the indexes of what the documents will lie in. A collection that is replaced keeps its options and indexes.
  Result<void> prepare(Session& session, const LoadState& state, const std::optional<CollectionInfo>& existing,
                       std::stop_token stop) {
    const auto& request = state.request;
    auto indexes = existing ? WEIR_TRY(list_indexes(session, request.table, stop)) : std::vector<Document>{};
    const auto before = indexes.size();
    add_missing(indexes, requested_indexes(request));
    Document create;
    create.add("create", state.stage);
    if (state.way == CommitWay::Rename) {
      if (existing) bson_concat(create.get(), existing->options.get());
      WEIR_TRY(session.write(create, stop));
      return create_indexes(session, state.stage, indexes, stop);
    }
    WEIR_TRY(session.write(create, stop));
    if (indexes.size() > before) log_.info("building {} indexes of {}", indexes.size() - before, request.table);
    return create_indexes(session, request.table,
                          {indexes.begin() + static_cast<std::ptrdiff_t>(before), indexes.end()}, stop);
  }

  std::shared_ptr<const Address> address_;
  Log& log_;
};

}  // namespace

std::unique_ptr<flow::Sink> make_sink(std::shared_ptr<const Address> address, Log& log) {
  return std::make_unique<MongoSink>(std::move(address), log);
}

}  // namespace weir::mongodb
