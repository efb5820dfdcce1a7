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
};

Result<Shape> known_shape(const CollectionRules& rules, const Json& from) {
  if (from.is_object() && from.contains("shape")) return Shape::from_json(rules.documents, from.at("shape"));
  return Shape{rules.documents};
}

// Decides what becomes of each document, and keeps it.
class Sieve {
 public:
  Sieve(const CollectionRules& rules, const CursorState& before, RangeOutcome& outcome)
      : rules_(rules), before_(before), outcome_(outcome) {}

  // Nothing: the document is not needed, since an earlier run has had it.
  Result<std::optional<SpoolEntry>> judge(BsonBytes document) {
    if (rules_.follow == Follow::Cursor && before_.was_loaded(document)) return std::optional<SpoolEntry>{};
    reason_ = WEIR_TRY(reason_against(document));
    return std::optional{reason_.empty() ? SpoolEntry{SpoolEntry::Kind::Document, document, {}}
                                         : SpoolEntry{SpoolEntry::Kind::Reject, document, reason_}};
  }

  // Counts what is kept, from the server or from an earlier attempt.
  Result<void> observe(const SpoolEntry& entry) {
    if (entry.kind == SpoolEntry::Kind::Delete) return {};
    ++outcome_.documents;
    if (entry.kind == SpoolEntry::Kind::Reject) {
      if (outcome_.rejected++ == 0) outcome_.first_reason = entry.reason;
      return {};
    }
    auto root = BsonValue::root(entry.bytes);
    WEIR_TRY(outcome_.shape.observe(root));
    if (rules_.follow == Follow::Cursor) outcome_.cursor.take(entry.bytes);
    return {};
  }

 private:
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
  Fetcher(const FetchPlan& plan, const Json& from, Log& log, std::stop_token stop)
      : plan_(plan), from_(from), log_(log), outer_(std::move(stop)) {}

  Result<std::shared_ptr<Fetched>> run() {
    WEIR_TRY(make_folder(plan_.folder.parent_path()));
    const auto lock = WEIR_TRY(FolderLock::take(plan_.folder, outer_));
    WEIR_TRY(make_folder(plan_.folder));
    session_ = WEIR_TRY(Session::open(plan_.address));
    if (plan_.rules.follow == Follow::Changes && from_.is_object() && from_.contains("token")) {
      auto changed = fetch_changes();
      if (changed.ok() || !is_expired(changed.error()) || plan_.rules.on_expired == OnExpired::Fail) return changed;
      log_.warn("{}: reading all of {} again, as on_expired says", changed.error().message(), plan_.collection);
      starts_over_ = true;
    }
    return fetch_snapshot();
  }

 private:
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
    auto fetched = std::make_shared<Fetched>(WEIR_TRY(known_shape(plan_.rules, from_)));
    fetched->content = Fetched::Content::News;
    fetched->parts = {path};
    fetched->until = WEIR_TRY(parse_json(WEIR_TRY(read_file(end_path))));
    take_in(*fetched, outcome);
    log_.info("read {} changes of {}", changes_, plan_.collection);
    return fetched;
  }

  Result<ChangePosition> record_changes(const std::filesystem::path& path, Sieve& sieve) {
    const auto writer = WEIR_TRY(SpoolWriter::create(path));
    const ChangePosition begin{WEIR_TRY(parse_document(from_.at("token")))};
    auto end = WEIR_TRY(read_changes(
        *session_, plan_.collection, begin,
        [&](const ChangeEvent& event) -> Result<void> {
          ++changes_;
          if (event.kind == ChangeEvent::Kind::Delete)
            return writer->add({SpoolEntry::Kind::Delete, event.document, {}});
          const auto entry = WEIR_TRY(sieve.judge(event.document));
          WEIR_TRY(writer->add(*entry));
          // What the destination has of a document that no longer fits is no longer so.
          bson_iter_t id;
          if (entry->kind == SpoolEntry::Kind::Reject && find(event.document, "_id", id))
            return writer->add({SpoolEntry::Kind::Delete, Document{}.add("_id", *bson_iter_value(&id)).bytes(), {}});
          return {};
        },
        outer_));
    WEIR_TRY(writer->finish());
    return end;
  }

  Result<std::shared_ptr<Fetched>> fetch_snapshot() {
    const auto info = WEIR_TRY(find_collection(*session_, plan_.collection, outer_));
    if (!info) {
      return Error::user(Code::NotFound, "{} has no collection {}", plan_.address->text(), plan_.collection)
          .hint("weir check --connections lists what a connection offers");
    }
    before_ = plan_.rules.follow == Follow::Cursor && from_.is_object() && from_.contains("cursor")
                  ? WEIR_TRY(CursorState::from_json(plan_.rules.cursor, from_.at("cursor")))
                  : CursorState{plan_.rules.cursor};
    const auto plan = WEIR_TRY(snapshot_plan(*info));
    for (const auto& filter : plan.at("ranges")) filters_.push_back(WEIR_TRY(parse_document(filter)));
    for (std::size_t i = 0; i < filters_.size(); ++i)
      outcomes_.emplace_back(WEIR_TRY(known_shape(plan_.rules, from_)), plan_.rules.cursor);
    WEIR_TRY(read_ranges());
    // Ranges that are asked for after a drop are empty, and nobody says so.
    const auto still = WEIR_TRY(find_collection(*session_, plan_.collection, outer_));
    if (!still || still->uuid != info->uuid) {
      return Error::external(Code::Conflict, "collection {} was dropped or renamed while it was read",
                             plan_.collection);
    }
    return gather(plan);
  }

  // What is read in which ranges, and where the changes stood before the first: decided once and kept, so that a later
  // attempt goes on.
  Result<Json> snapshot_plan(const CollectionInfo& info) {
    if (const auto kept = read_file(manifest()); kept.ok()) return parse_json(*kept);
    Json plan = {{"ranges", Json::array()}};
    if (plan_.rules.follow == Follow::Changes) {
      const auto position = WEIR_TRY(present_position(*session_, plan_.collection, outer_));
      plan["token"] = WEIR_TRY(parse_json(position.token.text()));
    }
    const auto news = before_.filter();
    auto ranges = bson_empty(news.get()) ? WEIR_TRY(part_by_id(*session_, info, plan_.range_documents, outer_))
                                         : std::vector<Document>{news};
    for (const auto& range : ranges) plan["ranges"].push_back(WEIR_TRY(parse_json(with_filter(range).text())));
    // Parts of an attempt that knew no manifest, or of a stream that is gone, are none of ours.
    for (const auto& entry : std::filesystem::directory_iterator(plan_.folder)) {
      if (entry.path().filename().string().starts_with("part-")) std::filesystem::remove(entry.path());
    }
    WEIR_TRY(write_file(manifest(), to_text(plan), FileAccess::OwnerOnly));
    return plan;
  }

  Document with_filter(const Document& range) const {
    const auto& filter = plan_.rules.filter;
    if (bson_empty(filter.get())) return range;
    if (bson_empty(range.get())) return filter;
    Document both;
    const std::array parts{filter, range};
    both.add_list("$and", parts);
    return both;
  }

  Result<void> read_ranges() {
    std::stop_source stop;
    const std::stop_callback forward(outer_, [&] { stop.request_stop(); });
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
    if (outer_.stop_requested()) return Error::cancelled();
    if (error_) return std::move(*error_);
    return {};
  }

  Result<void> read_next_ranges(std::stop_token stop) {
    const auto session = WEIR_TRY(Session::open(plan_.address));
    for (auto index = next_range_++; index < filters_.size(); index = next_range_++) {
      Sieve sieve{plan_.rules, before_, outcomes_[index]};
      if (SpoolReader::is_complete(part(index))) {
        ++resumed_;
        WEIR_TRY(observe_part(part(index), sieve));
        continue;
      }
      WEIR_TRY(
          read_range(*session, index, sieve, stop)
              .while_doing(fmt::format("reading range {} of {} of {}", index + 1, filters_.size(), plan_.collection)));
    }
    return {};
  }

  Result<void> read_range(Session& session, std::size_t index, Sieve& sieve, std::stop_token stop) {
    const auto writer = WEIR_TRY(SpoolWriter::create(part(index)));
    auto cursor = WEIR_TRY(session.find(plan_.collection, filters_[index], find_options(), stop));
    while (const auto document = WEIR_TRY(cursor.next(stop))) {
      const auto entry = WEIR_TRY(sieve.judge(*document));
      if (!entry) continue;
      WEIR_TRY(sieve.observe(*entry));
      WEIR_TRY(writer->add(*entry));
    }
    return writer->finish();
  }

  Document find_options() const {
    Document options;
    options.add("batchSize", kDocumentsAtOnce);
    if (plan_.rules.fields.empty()) return options;
    Document fields;
    for (const auto& field : plan_.rules.fields) fields.add(field, 1);
    const auto needed = [&](const std::string& path) {
      if (!path.empty() && path != "_id" && !fields.has(path)) fields.add(path, 1);
    };
    for (const auto& path : plan_.rules.documents.key) needed(path);
    if (plan_.rules.follow == Follow::Cursor) needed(plan_.rules.cursor.path);
    return std::move(options.add("projection", fields));
  }

  static Result<void> observe_part(const std::filesystem::path& path, Sieve& sieve) {
    const auto reader = WEIR_TRY(SpoolReader::open(path));
    while (const auto entry = WEIR_TRY(reader->next())) WEIR_TRY(sieve.observe(*entry));
    return {};
  }

  Result<std::shared_ptr<Fetched>> gather(const Json& plan) {
    auto fetched = std::make_shared<Fetched>(WEIR_TRY(known_shape(plan_.rules, from_)));
    CursorState cursor{plan_.rules.cursor};
    for (std::size_t i = 0; i < filters_.size(); ++i) {
      fetched->parts.push_back(part(i));
      take_in(*fetched, outcomes_[i]);
      cursor.add(outcomes_[i].cursor);
    }
    const bool has_run_before = from_.is_object() && (from_.contains("cursor") || from_.contains("token"));
    fetched->starts_over = starts_over_;
    if (plan_.rules.follow == Follow::Cursor) {
      if (has_run_before) fetched->content = Fetched::Content::News;
      const auto state = cursor.advanced(before_).to_json();
      if (!state.is_null()) fetched->until = {{"cursor", state}};
      if (cursor.odd() != 0)
        log_.warn("{} documents of {} have no usable {}: they are {}", cursor.odd(), plan_.collection,
                  plan_.rules.cursor.path,
                  plan_.rules.cursor.odd == OddCursor::Loaded ? "read by every run" : "read by the first run only");
    }
    if (plan_.rules.follow == Follow::Changes) fetched->until = {{"token", plan.at("token")}};
    log_.info("read {} documents of {} in {} ranges{}", fetched->documents, plan_.collection, filters_.size(),
              resumed_ != 0 ? fmt::format("; {} of them were there already", resumed_.load()) : "");
    return fetched;
  }

  void take_in(Fetched& fetched, const RangeOutcome& outcome) {
    fetched.shape.add(outcome.shape);
    fetched.documents += outcome.documents;
    if (outcome.rejected != 0 && fetched.rejected == 0) {
      log_.warn("documents of {} were rejected; the stream {}._rejects has them. The first reason: {}",
                plan_.collection, plan_.collection, outcome.first_reason);
    }
    fetched.rejected += outcome.rejected;
  }

  const FetchPlan& plan_;
  const Json& from_;
  Log& log_;
  const std::stop_token outer_;
  std::unique_ptr<Session> session_;
  CursorState before_{{}};
  bool starts_over_ = false;
  std::uint64_t changes_ = 0;

  std::vector<Document> filters_;      // of the ranges
  std::deque<RangeOutcome> outcomes_;  // each used by the one thread that reads the range
  std::atomic<std::size_t> next_range_ = 0;
  std::atomic<std::size_t> resumed_ = 0;
  std::mutex mutex_;  // guards error_
  std::optional<Error> error_;
};

}  // namespace

Result<std::shared_ptr<Fetched>> fetch(const FetchPlan& plan, const Json& from, Log& log, std::stop_token stop) {
  return Fetcher{plan, from, log, std::move(stop)}.run().while_doing(
      fmt::format("reading collection {}", plan.collection));
}

}  // namespace weir::mongodb
