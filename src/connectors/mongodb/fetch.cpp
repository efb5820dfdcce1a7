#include "connectors/mongodb/fetch.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/file.hpp"
#include "connectors/mongodb/bson_reader.hpp"
#include "connectors/mongodb/changes.hpp"
#include "connectors/mongodb/cursor_value.hpp"
#include "connectors/mongodb/document_queue.hpp"
#include "connectors/mongodb/familiar.hpp"
#include "connectors/mongodb/ranges.hpp"
#include "connectors/mongodb/server_error.hpp"
#include "connectors/mongodb/spool.hpp"

namespace weir::mongodb {
namespace {

using documents::Shape;

constexpr std::int32_t kDocumentsAtOnce = 4'000;

// What a range's documents showed, while they went to disk.
struct RangeOutcome {
  RangeOutcome(Shape known, CursorField field) : shape(std::move(known)), cursor(std::move(field)) {}

  Shape shape;
  CursorState cursor;
  std::uint64_t documents = 0;
  std::uint64_t rejected = 0;
  std::string first_reason;
  std::uint64_t told_documents = 0;  // what the arrival knows
  std::uint64_t told_growth = 0;
};

Result<Shape> known_shape(const CollectionRules& rules, const Json& from) {
  if (from.is_object() && from.contains("shape")) return Shape::from_json(rules.documents, from.at("shape"));
  return Shape{rules.documents};
}

// Decides what becomes of each document, and counts what is kept.
class Sieve {
 public:
  Sieve(const CollectionRules& rules, const CursorState& before, RangeOutcome& outcome)
      : rules_(rules), before_(before), outcome_(outcome) {}

  // Nothing: the document is not needed, since an earlier run has had it.
  Result<std::optional<SpoolEntry>> judge(BsonBytes document) {
    if (rules_.follow == Follow::Cursor && before_.was_loaded(document)) return std::optional<SpoolEntry>{};
    is_familiar_ = knows(document);
    reason_ = is_familiar_ ? std::string{} : WEIR_TRY(reason_against(document));
    return std::optional{reason_.empty() ? SpoolEntry{SpoolEntry::Kind::Document, document, {}}
                                         : SpoolEntry{SpoolEntry::Kind::Reject, document, reason_}};
  }

  // Counts what an earlier attempt has kept.
  Result<void> observe(const SpoolEntry& entry) {
    is_familiar_ = entry.kind == SpoolEntry::Kind::Document && knows(entry.bytes);
    return observe_judged(entry);
  }

  // Counts what judge() has just said is kept.
  Result<void> observe_judged(const SpoolEntry& entry) {
    if (entry.kind == SpoolEntry::Kind::Delete) return {};
    ++outcome_.documents;
    if (entry.kind == SpoolEntry::Kind::Reject) {
      if (outcome_.rejected++ == 0) outcome_.first_reason = entry.reason;
      return {};
    }
    if (!is_familiar_) {
      auto root = BsonValue::root(entry.bytes);
      WEIR_TRY(outcome_.shape.observe(root));
    }
    if (rules_.follow == Follow::Cursor) outcome_.cursor.take(entry.bytes);
    return {};
  }

 private:
  bool knows(BsonBytes document) {
    // What was learned is compiled now and then: a collection whose names are data teaches something with every document.
    constexpr std::uint64_t kDocumentsApart = 32;
    const bool is_stale = !familiar_ || outcome_.shape.growth() != compiled_growth_;
    if (is_stale && outcome_.documents >= compile_at_) {
      familiar_.emplace(outcome_.shape, rules_.nul);
      compiled_growth_ = outcome_.shape.growth();
      compile_at_ = outcome_.documents + kDocumentsApart;
    }
    return familiar_->knows(document);
  }

  Result<std::string> reason_against(BsonBytes document) const {
    if (auto reason = check_document(document, rules_.nul)) return std::move(*reason);
    for (const auto& path : rules_.documents.key) {
      bson_iter_t found;
      if (!find(document, path, found) || BSON_ITER_HOLDS_NULL(&found))
        return fmt::format("{}: the key has no value", path);
    }
    if (!rules_.documents.contracts.rejects()) return std::string{};
    auto root = BsonValue::root(document);
    return WEIR_TRY(outcome_.shape.check(root)).value_or(std::string{});
  }

  const CollectionRules& rules_;
  const CursorState& before_;
  RangeOutcome& outcome_;
  std::string reason_;
  std::optional<FamiliarDocuments> familiar_;
  std::uint64_t compiled_growth_ = 0;
  std::uint64_t compile_at_ = 0;
  bool is_familiar_ = false;  // the document that was looked at last
};

// A process at a time brings a collection to disk; others wait and find it there.
class FolderLock {
 public:
  static Result<FolderLock> take(const std::filesystem::path& folder, std::stop_token stop) {
    const auto path = folder.string() + ".lock";
    FolderLock lock;
    lock.file_ = Descriptor{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    if (!lock.file_) return Error::from_errno(errno, "opening " + path);
    std::mutex mutex;
    std::condition_variable_any never;
    while (::flock(lock.file_.get(), LOCK_EX | LOCK_NB) != 0) {
      std::unique_lock guard(mutex);
      never.wait_for(guard, stop, std::chrono::milliseconds{50}, [] { return false; });
      if (stop.stop_requested()) return Error::cancelled();
    }
    return lock;
  }

 private:
  Descriptor file_;
};

class Fetcher {
 public:
  Fetcher(FetchPlan plan, const Json& from, Log& log, std::stop_token stop)
      : plan_(std::move(plan)), from_(from), log_(log), outer_(std::move(stop)) {}

  // What is left to do, it does itself in `bringing`, for which it must be kept.
  static Result<std::shared_ptr<Fetched>> run(const std::shared_ptr<Fetcher>& self) { return self->begin(self); }

 private:
  Result<std::shared_ptr<Fetched>> begin(const std::shared_ptr<Fetcher>& self) {
    WEIR_TRY(make_folder(plan_.folder.parent_path()));
    lock_ = WEIR_TRY(FolderLock::take(plan_.folder, outer_));
    WEIR_TRY(make_folder(plan_.folder));
    session_ = WEIR_TRY(Session::open(plan_.address, log_));
    if (plan_.origin == FetchPlan::Origin::OfTheFolder) {
      log_.warn("REPLAY: {} is read from {}; nothing is asked of the server", plan_.collection, plan_.folder.string());
      if (SpoolReader::is_complete(plan_.folder / "changes.lz4")) return fetch_changes();
      starts_over_ = std::filesystem::exists(plan_.folder / "again.json");
      WEIR_TRY(check_recorded());
      return start(self);
    }
    if (plan_.rules.follow == Follow::Changes && from_.is_object() && from_.contains("token")) {
      auto changed = fetch_changes();
      if (changed.ok() || !is_expired(changed.error()) || plan_.rules.on_expired == OnExpired::Fail) return changed;
      log_.warn("{}: reading all of {} again, as on_expired says", changed.error().message(), plan_.collection);
      starts_over_ = true;
    }
    auto info = WEIR_TRY(find_collection(*session_, plan_.collection, outer_));
    if (!info) {
      return Error::user(Code::NotFound, "{} has no collection {}", plan_.address->text(), plan_.collection)
          .hint("weir check --connections lists what a connection offers");
    }
    info_ = std::move(*info);
    return start(self);
  }

  Result<std::shared_ptr<Fetched>> start(const std::shared_ptr<Fetcher>& self) {
    auto fetched = WEIR_TRY(begin_snapshot());
    fetched->bringing = std::jthread([self](std::stop_token unwanted) { self->bring(std::move(unwanted)); });
    return fetched;
  }

  // What the next real run reads is not changed by one that repeats another.
  bool keeps_checkpoint() const { return plan_.origin == FetchPlan::Origin::Server; }

  Result<void> check_recorded() const {
    const auto kept = read_file(manifest());
    const auto ranges = kept.ok() ? WEIR_TRY(parse_json(*kept)).at("ranges").size() : 0;
    bool complete = ranges != 0;
    for (std::size_t i = 0; i < ranges && complete; ++i) complete = SpoolReader::is_complete(part(i));
    if (complete) return {};
    return Error::user(Code::NotFound, "the replayed run has not brought all of collection {}", plan_.collection)
        .hint("replay a run that has succeeded and whose files were not pruned");
  }

  std::filesystem::path part(std::size_t index) const { return plan_.folder / fmt::format("part-{:04}.lz4", index); }
  std::filesystem::path manifest() const { return plan_.folder / (starts_over_ ? "again.json" : "ranges.json"); }

  Result<std::shared_ptr<Fetched>> fetch_changes() {
    const auto path = plan_.folder / "changes.lz4";
    const auto end_path = plan_.folder / "changes.json";
    RangeOutcome outcome{WEIR_TRY(known_shape(plan_.rules, from_)), plan_.rules.cursor};
    const CursorState nothing{plan_.rules.cursor};
    Sieve sieve{plan_.rules, nothing, outcome};
    if (!SpoolReader::is_complete(path) || !std::filesystem::exists(end_path)) {
      const auto end = WEIR_TRY(record_changes(path, sieve));
      WEIR_TRY(
          write_file(end_path, to_text({{"token", WEIR_TRY(parse_json(end.token.text()))}}), FileAccess::OwnerOnly));
    }
    WEIR_TRY(observe_part(path, sieve));
    Arrival::Outcome all{.shape = WEIR_TRY(known_shape(plan_.rules, from_)),
                         .until = keeps_checkpoint() ? WEIR_TRY(parse_json(WEIR_TRY(read_file(end_path)))) : Json{}};
    take_in(all, outcome);
    log_.info("read {} changes of {}", changes_, plan_.collection);
    auto fetched = std::make_shared<Fetched>();
    fetched->content = Fetched::Content::News;
    fetched->parts = {path};
    fetched->goes_on = true;
    fetched->arrival = std::make_shared<Arrival>(1, all.shape.clone());
    fetched->arrival->advance(0, 0, all.documents, Arrival::Part::Complete);
    fetched->arrival->end(std::move(all));
    return fetched;
  }

  Result<ChangePosition> record_changes(const std::filesystem::path& path, Sieve& sieve) {
    const auto writer = WEIR_TRY(SpoolWriter::create(path));
    const ChangePosition begin{WEIR_TRY(parse_document(from_.at("token")))};
    auto end = WEIR_TRY(read_changes(
        *session_, plan_.collection, plan_.rules, begin,
        [&](const ChangeEvent& event) -> Result<void> {
          ++changes_;
          if (event.kind == ChangeEvent::Kind::Delete)
            return writer->add({SpoolEntry::Kind::Delete, event.document, {}});
          const auto entry = WEIR_TRY(sieve.judge(event.document));
          // What the destination has of a document that no longer fits is no longer so. The reject itself comes last: it
          // stays.
          bson_iter_t id;
          if (entry->kind == SpoolEntry::Kind::Reject && find(event.document, "_id", id))
            WEIR_TRY(writer->add({SpoolEntry::Kind::Delete, Document{}.add("_id", *bson_iter_value(&id)).bytes(), {}}));
          return writer->add(*entry);
        },
        outer_));
    WEIR_TRY(writer->finish());
    return end;
  }

  Result<std::shared_ptr<Fetched>> begin_snapshot() {
    const bool has_run_before = from_.is_object() && (from_.contains("cursor") || from_.contains("token"));
    before_ = plan_.rules.follow == Follow::Cursor && from_.is_object() && from_.contains("cursor")
                  ? WEIR_TRY(CursorState::from_json(plan_.rules.cursor, from_.at("cursor")))
                  : CursorState{plan_.rules.cursor};
    snapshot_ = WEIR_TRY(snapshot_plan(info_));
    auto fetched = std::make_shared<Fetched>();
    for (const auto& filter : snapshot_.at("ranges")) {
      filters_.push_back(WEIR_TRY(parse_document(filter)));
      fetched->parts.push_back(part(outcomes_.size()));
      outcomes_.emplace_back(WEIR_TRY(known_shape(plan_.rules, from_)), plan_.rules.cursor);
    }
    fetched->starts_over = starts_over_;
    fetched->goes_on = plan_.rules.follow != Follow::Snapshot;
    if (plan_.rules.follow == Follow::Cursor && has_run_before) fetched->content = Fetched::Content::News;
    arrival_ = std::make_shared<Arrival>(filters_.size(), WEIR_TRY(known_shape(plan_.rules, from_)));
    fetched->arrival = arrival_;
    return fetched;
  }

  // Brings the documents of all ranges, and says how that ended.
  void bring(std::stop_token unwanted) {
    std::stop_source stop;
    const std::stop_callback forward(outer_, [&] { stop.request_stop(); });
    const std::stop_callback give_up(unwanted, [&] { stop.request_stop(); });
    arrival_->end(bring_all(stop).while_doing(fmt::format("reading collection {}", plan_.collection)));
    lock_ = FolderLock{};
  }

  Result<Arrival::Outcome> bring_all(const std::stop_source& stop) {
    WEIR_TRY(read_ranges(stop));
    if (plan_.origin == FetchPlan::Origin::OfTheFolder) return gather();
    // Ranges that are asked for after a drop are empty, and nobody says so.
    const auto still = WEIR_TRY(find_collection(*session_, plan_.collection, stop.get_token()));
    if (!still || still->uuid != info_.uuid) {
      return Error::external(Code::Conflict, "collection {} was dropped or renamed while it was read",
                             plan_.collection);
    }
    return gather();
  }

  // What is read in which ranges, and where the changes stood before the first: decided once and kept, so that a later
  // attempt goes on.
  Result<Json> snapshot_plan(const CollectionInfo& info) {
    if (const auto kept = read_file(manifest()); kept.ok()) return parse_json(*kept);
    Json plan = {{"ranges", Json::array()}};
    if (plan_.rules.follow == Follow::Changes) {
      const auto position = WEIR_TRY(present_position(*session_, plan_.collection, outer_));
      plan["token"] = WEIR_TRY(parse_json(position.token.text()));
      if (position.time) plan["time"] = *position.time;
    }
    const auto news = before_.filter();
    auto ranges = news.is_empty() ? WEIR_TRY(part_by_id(*session_, info, plan_.range_documents, outer_))
                                  : std::vector<Document>{news};
    for (const auto& range : ranges)
      plan["ranges"].push_back(WEIR_TRY(parse_json(plan_.rules.filter_and(range).text())));
    // Parts of an attempt that knew no manifest, or of a stream that is gone, are none of ours.
    for (const auto& entry : std::filesystem::directory_iterator(plan_.folder)) {
      if (entry.path().filename().string().starts_with("part-")) std::filesystem::remove(entry.path());
    }
    WEIR_TRY(write_file(manifest(), to_text(plan), FileAccess::OwnerOnly));
    return plan;
  }

  Result<void> read_ranges(std::stop_source stop) {
    const auto readers = std::min<std::size_t>(static_cast<std::size_t>(plan_.readers), filters_.size());
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < readers; ++i) {
        threads.emplace_back([&] {
          auto read = read_next_ranges(stop.get_token());
          if (read.ok()) return;
          const std::lock_guard lock(mutex_);
          if (!error_) error_ = std::move(read).error();
          stop.request_stop();
        });
      }
    }
    if (error_) return std::move(*error_);
    return {};
  }

  Result<void> read_next_ranges(std::stop_token stop) {
    const auto session = WEIR_TRY(Session::open(plan_.address, log_));
    // A member that lags behind where the changes stood would miss what nobody tells again.
    if (const auto time = snapshot_.find("time"); time != snapshot_.end())
      WEIR_TRY(session->see(time->get<ClusterTime>(), stop));
    for (auto index = next_range_++; index < filters_.size(); index = next_range_++) {
      Sieve sieve{plan_.rules, before_, outcomes_[index]};
      if (SpoolReader::is_complete(part(index))) {
        ++resumed_;
        WEIR_TRY(observe_part(part(index), sieve));
        tell(index, 0, Arrival::Part::Complete);
        continue;
      }
      WEIR_TRY(
          read_range(*session, index, sieve, stop)
              .while_doing(fmt::format("reading range {} of {} of {}", index + 1, filters_.size(), plan_.collection)));
    }
    return {};
  }

  // One thread takes what the server sends, another looks at it and keeps it: the server works meanwhile.
  Result<void> read_range(Session& session, std::size_t index, Sieve& sieve, const std::stop_token& stop) {
    DocumentQueue queue;
    Result<void> kept;
    {
      const std::jthread keeping([&] {
        kept = keep_range(queue, index, sieve);
        if (!kept.ok()) queue.give_up();
      });
      queue.end(receive_range(session, index, queue, stop));
    }
    return kept;
  }

  // The error with which the server's documents ended; nothing when all came, or nobody takes them any more.
  std::optional<Error> receive_range(Session& session, std::size_t index, DocumentQueue& queue,
                                     const std::stop_token& stop) {
    auto cursor = session.find(plan_.collection, filters_[index], find_options(), stop);
    if (!cursor.ok()) return std::move(cursor).error();
    while (true) {
      auto document = cursor->next(stop);
      if (!document.ok()) return std::move(document).error();
      if (!*document || !queue.add(**document)) return std::nullopt;
    }
  }

  Result<void> keep_range(DocumentQueue& queue, std::size_t index, Sieve& sieve) {
    const auto writer = WEIR_TRY(SpoolWriter::create(part(index)));
    std::uint64_t told = 0;
    while (const auto document = WEIR_TRY(queue.next())) {
      const auto entry = WEIR_TRY(sieve.judge(*document));
      if (!entry) continue;
      WEIR_TRY(sieve.observe_judged(*entry));
      WEIR_TRY(writer->add(*entry));
      if (writer->bytes_written() == told) continue;
      told = writer->bytes_written();
      tell(index, told, Arrival::Part::GoesOn);
    }
    WEIR_TRY(writer->finish());
    tell(index, writer->bytes_written(), Arrival::Part::Complete);
    return {};
  }

  void tell(std::size_t index, std::uint64_t bytes, Arrival::Part state) {
    auto& outcome = outcomes_[index];
    if (std::exchange(outcome.told_growth, outcome.shape.growth()) != outcome.shape.growth())
      arrival_->learn(outcome.shape);
    arrival_->advance(index, bytes, outcome.documents - std::exchange(outcome.told_documents, outcome.documents),
                      state);
  }

  Document find_options() const {
    Document options;
    options.add("batchSize", kDocumentsAtOnce);
    if (auto projection = plan_.rules.projection(); !projection.is_empty()) options.add("projection", projection);
    return options;
  }

  static Result<void> observe_part(const std::filesystem::path& path, Sieve& sieve) {
    const auto reader = WEIR_TRY(SpoolReader::open(path));
    while (const auto entry = WEIR_TRY(reader->next())) WEIR_TRY(sieve.observe(*entry));
    return {};
  }

  Result<Arrival::Outcome> gather() {
    Arrival::Outcome all{.shape = WEIR_TRY(known_shape(plan_.rules, from_))};
    CursorState cursor{plan_.rules.cursor};
    for (const auto& outcome : outcomes_) {
      take_in(all, outcome);
      cursor.add(outcome.cursor);
    }
    if (plan_.rules.follow == Follow::Cursor) {
      const auto state = cursor.advanced(before_).to_json();
      if (!state.is_null()) all.until = {{"cursor", state}};
      if (cursor.odd() != 0)
        log_.warn("{} documents of {} have no usable {}: they are {}", cursor.odd(), plan_.collection,
                  plan_.rules.cursor.path,
                  plan_.rules.cursor.odd == OddCursor::Loaded ? "read by every run" : "read by the first run only");
    }
    if (plan_.rules.follow == Follow::Changes) all.until = {{"token", snapshot_.value("token", Json{})}};
    if (!keeps_checkpoint()) all.until = nullptr;
    log_.info("read {} documents of {} in {} ranges{}", all.documents, plan_.collection, filters_.size(),
              resumed_ != 0 ? fmt::format("; {} of them were there already", resumed_.load()) : "");
    return all;
  }

  void take_in(Arrival::Outcome& all, const RangeOutcome& outcome) {
    all.shape.add(outcome.shape);
    all.documents += outcome.documents;
    if (outcome.rejected != 0 && all.rejected == 0) {
      log_.warn("documents of {} were rejected; the stream {}._rejects has them. The first reason: {}",
                plan_.collection, plan_.collection, outcome.first_reason);
    }
    all.rejected += outcome.rejected;
  }

  const FetchPlan plan_;
  const Json from_;
  Log& log_;
  const std::stop_token outer_;
  std::unique_ptr<Session> session_;
  FolderLock lock_;
  CursorState before_{{}};
  bool starts_over_ = false;
  std::uint64_t changes_ = 0;

  CollectionInfo info_;
  Json snapshot_;  // what snapshot_plan() decided
  std::shared_ptr<Arrival> arrival_;

  std::vector<Document> filters_;      // of the ranges
  std::deque<RangeOutcome> outcomes_;  // each used by the one thread that reads the range
  std::atomic<std::size_t> next_range_ = 0;
  std::atomic<std::size_t> resumed_ = 0;
  std::mutex mutex_;  // guards error_
  std::optional<Error> error_;
};

}  // namespace

Result<std::shared_ptr<Fetched>> fetch(FetchPlan plan, const Json& from, Log& log, std::stop_token stop) {
  const auto doing = fmt::format("reading collection {}", plan.collection);
  return Fetcher::run(std::make_shared<Fetcher>(std::move(plan), from, log, std::move(stop))).while_doing(doing);
}

}  // namespace weir::mongodb
