#include "connectors/mongodb/source.hpp"

#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <limits>
#include <set>

#include "connectors/mongodb/catalog.hpp"
#include "connectors/mongodb/checkpoint.hpp"
#include "connectors/mongodb/table_reader.hpp"
#include "documents/chosen_columns.hpp"
#include "documents/tables.hpp"

namespace weir::mongodb {
namespace {

// So many documents mostly show what a collection has; where they do not, a load begins again.
constexpr std::uint64_t kSampleDocuments = 20'000;

std::filesystem::path temporary_folder() {
  static std::atomic<int> count = 0;
  return std::filesystem::temp_directory_path() / fmt::format("weir-mongodb-{}-{}", ::getpid(), ++count);
}

constexpr std::string_view kSince = "-since-";  // behind it: where the reading began

// A folder's name: what else a collection's name may hold is written as %xx.
std::string file_name(std::string_view collection, std::string_view begin) {
  std::string name;
  for (const char c : collection) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (plain) {
      name += c;
    } else {
      name += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
  }
  std::uint64_t hash = 14'695'981'039'346'656'037U;  // FNV-1a
  for (const char c : begin) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
  return begin.empty() ? name : fmt::format("{}{}{:016x}", name, kSince, hash);
}

// The collection of a folder that file_name() named; nothing for other files.
std::optional<std::string> collection_of_folder(const std::filesystem::directory_entry& entry) {
  if (!entry.is_directory()) return std::nullopt;
  const auto text = entry.path().filename().string();
  std::string name;
  for (std::size_t i = 0; i < text.size() && !std::string_view{text}.substr(i).starts_with(kSince); ++i) {
    unsigned value = static_cast<unsigned char>(text[i]);
    if (text[i] == '%') {
      std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
      i += 2;
    }
    name += static_cast<char>(value);
  }
  return name;
}

// "1/3": the second of every three blocks of documents.
std::string partition_text(SpoolShare share) { return fmt::format("{}/{}", share.first, share.step); }

SpoolShare share_of(const flow::Partition& partition) {
  const std::string_view text = partition.text;
  const auto* end = text.data() + text.size();
  SpoolShare share;
  const auto slash = std::from_chars(text.data(), end, share.first);
  if (slash.ec == std::errc{} && slash.ptr != end) std::from_chars(slash.ptr + 1, end, share.step);
  share.step = std::max<std::size_t>(share.step, 1);
  return share;
}

}  // namespace

MongoSource::MongoSource(const flow::OpenContext& context, std::shared_ptr<const Address> address, SourceRules rules)
    : context_(context), address_(std::move(address)), rules_(std::move(rules)) {
  is_temporary_ = context_.run_folder.empty();
  folder_ = is_temporary_ ? temporary_folder() : context_.run_folder / "documents" / context_.connection.name;
  if (!context_.replay_folder.empty())
    replay_ = context_.replay_folder.parent_path() / "documents" / context_.connection.name;
}

MongoSource::~MongoSource() {
  // What still arrives ends first.
  described_.clear();
  latest_.clear();
  fetched_.clear();
  std::error_code error;
  if (is_temporary_) std::filesystem::remove_all(folder_, error);
}

Result<std::unique_ptr<MongoSource>> MongoSource::open(const flow::OpenContext& context) {
  const auto& settings = context.connection.settings;
  const auto doing = fmt::format("connection {}", context.connection.name);
  auto address = WEIR_TRY(address_from(settings).while_doing(doing));
  auto rules = WEIR_TRY(SourceRules::read(settings).while_doing(doing));
  return std::unique_ptr<MongoSource>(new MongoSource(context, std::move(address), std::move(rules)));
}

Result<const std::vector<std::string>*> MongoSource::collections(std::stop_token stop) {
  if (!collections_ && !replay_.empty()) {
    std::set<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(replay_, error)) {
      if (auto name = collection_of_folder(entry)) names.insert(std::move(*name));
    }
    collections_.emplace(names.begin(), names.end());
  }
  if (!collections_) {
    const auto session = WEIR_TRY(Session::open(address_));
    std::vector<std::string> names;
    for (const auto& info : WEIR_TRY(list_collections(*session, stop))) {
      if (is_users(info.name)) names.push_back(info.name);
    }
    collections_ = std::move(names);
  }
  return &*collections_;
}

// A collection's name may have dots itself: the longest that is there counts.
Result<MongoSource::Place> MongoSource::find(const std::string& stream, std::stop_token stop) {
  const std::lock_guard lock(mutex_);
  const auto& names = *WEIR_TRY(collections(std::move(stop)));
  for (auto end = stream.size(); end != std::string::npos && end > 0; end = stream.rfind('.', end - 1)) {
    const auto name = stream.substr(0, end);
    if (std::ranges::find(names, name) != names.end())
      return Place{name, end == stream.size() ? std::string{} : stream.substr(end + 1)};
  }
  return Error::user(Code::NotFound, "{} has no collection {}", address_->text(), stream)
      .hint(names.empty() ? "the database has no collections" : fmt::format("there are: {}", fmt::join(names, ", ")));
}

Result<std::shared_ptr<Fetched>> MongoSource::fetched(const std::string& collection,
                                                      const std::optional<flow::Checkpoint>& from,
                                                      std::stop_token stop) {
  const auto rules = WEIR_TRY(rules_.of(collection));
  const auto begin = rules.follow == Follow::Snapshot ? Json(nullptr) : WEIR_TRY(read_checkpoint(from));
  const std::lock_guard lock(mutex_);
  const auto name = file_name(collection, begin.is_null() ? std::string{} : to_text(begin));
  if (const auto found = fetched_.find(name); found != fetched_.end()) return found->second;
  FetchPlan plan{.address = address_,
                 .collection = collection,
                 .rules = rules,
                 .folder = folder_ / name,
                 .readers = rules_.readers(),
                 .range_documents = rules_.range_documents()};
  if (!replay_.empty()) {
    plan.origin = FetchPlan::Origin::OfTheFolder;
    plan.folder = WEIR_TRY(replayed_folder(collection));
  }
  auto got = WEIR_TRY(fetch(std::move(plan), begin, *context_.log, stop));
  fetched_[name] = got;
  latest_[collection] = got;
  return got;
}

// A run reads a collection from one place on.
Result<std::filesystem::path> MongoSource::replayed_folder(const std::string& collection) const {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(replay_, error)) {
    if (collection_of_folder(entry) == collection) return entry.path();
  }
  return Error::user(Code::NotFound, "the replayed run has read no collection {}", collection);
}

Result<std::vector<flow::Stream>> MongoSource::discover(std::stop_token stop) {
  const std::lock_guard lock(mutex_);
  std::vector<flow::Stream> streams;
  for (const auto& collection : *WEIR_TRY(collections(std::move(stop)))) {
    const auto known = latest_.find(collection);
    const auto* outcome = known == latest_.end() ? nullptr : known->second->arrival->outcome_so_far();
    if (outcome == nullptr) {
      streams.push_back({.name = collection});
      streams.push_back({.name = fmt::format("{}.{}", collection, kRejects)});
      continue;
    }
    for (const auto& table : documents::tables_of(outcome->shape)) {
      if (auto stream = stream_of(collection, *known->second, outcome->shape, table.path))
        streams.push_back(std::move(*stream));
    }
    streams.push_back(*stream_of(collection, *known->second, outcome->shape, std::string{kRejects}));
  }
  return streams;
}

Result<flow::Stream> MongoSource::describe(const flow::ReadRequest& request, std::stop_token stop) {
  return describe_after(std::numeric_limits<std::uint64_t>::max(), request, std::move(stop));
}

Result<flow::Stream> MongoSource::describe_early(const flow::ReadRequest& request, std::stop_token stop) {
  return describe_after(kSampleDocuments, request, std::move(stop));
}

Result<flow::Stream> MongoSource::describe_after(std::uint64_t documents, const flow::ReadRequest& request,
                                                 std::stop_token stop) {
  if (!request.query.empty()) {
    return Error::user(Code::Unsupported, "a connection of type mongodb takes no query: {}", context_.connection.name)
        .hint("state filter and fields of the collection in weir.yml");
  }
  const auto place = WEIR_TRY(find(request.stream, stop));
  const auto got = WEIR_TRY(fetched(place.collection, request.from, stop));
  auto shape = WEIR_TRY(got->arrival->shape_after(documents, stop));
  auto stream = stream_of(place.collection, *got, *shape, place.inside);
  if (!stream) {
    WEIR_TRY(got->arrival->outcome(stop));
    shape = WEIR_TRY(got->arrival->shape_after(documents, stop));
    stream = stream_of(place.collection, *got, *shape, place.inside);
  }
  if (!stream) {
    return Error::user(Code::NotFound, "no document of {} has anything for the stream {}", place.collection,
                       request.stream)
        .hint("a list's stream is there once a document has had elements in it");
  }
  stream->schema = WEIR_TRY(documents::chosen_columns(std::move(stream->schema), request.columns));
  const std::lock_guard lock(mutex_);
  described_[{got.get(), place.inside}] = std::move(shape);
  return std::move(*stream);
}

Result<std::vector<flow::Partition>> MongoSource::partitions(const flow::ReadRequest& request, int wanted,
                                                             std::stop_token stop) {
  const auto place = WEIR_TRY(find(request.stream, stop));
  const auto got = WEIR_TRY(fetched(place.collection, request.from, stop));
  // What the next run goes on from covers one partition; changes have their order; and who names rejects sees all of them.
  const bool is_one = got->goes_on || place.inside == kRejects;
  const auto count = is_one ? std::size_t{1} : static_cast<std::size_t>(std::max(wanted, 1));
  std::vector<flow::Partition> partitions;
  for (std::size_t i = 0; i < count; ++i) partitions.push_back({partition_text({i, count})});
  return partitions;
}

Result<Arrival::ShapePtr> MongoSource::described_shape(const Fetched& fetched, const std::string& inside,
                                                       std::stop_token stop) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = described_.find({&fetched, inside}); found != described_.end()) return found->second;
  }
  return fetched.arrival->shape_after(std::numeric_limits<std::uint64_t>::max(), std::move(stop));
}

Result<std::unique_ptr<flow::Reader>> MongoSource::open(const flow::ReadRequest& request,
                                                        const flow::Partition& partition,
                                                        const std::optional<flow::Checkpoint>& from,
                                                        std::stop_token stop) {
  const auto place = WEIR_TRY(find(request.stream, stop));
  const auto got = WEIR_TRY(fetched(place.collection, from, stop));
  auto shape = WEIR_TRY(described_shape(*got, place.inside, stop));
  return open_table(got, std::move(shape), place.inside, share_of(partition), request);
}

Result<std::optional<flow::SourceCount>> MongoSource::count(const flow::ReadRequest& request, std::stop_token stop) {
  const auto place = WEIR_TRY(find(request.stream, stop));
  if (!place.inside.empty() || !replay_.empty()) return std::optional<flow::SourceCount>{};
  const auto got = WEIR_TRY(fetched(place.collection, request.from, stop));
  if (got->content != Fetched::Content::Whole) return std::optional<flow::SourceCount>{};
  const auto& outcome = *WEIR_TRY(got->arrival->outcome(stop));
  const auto session = WEIR_TRY(Session::open(address_));
  const auto counted =
      WEIR_TRY(count_documents(*session, place.collection, WEIR_TRY(rules_.of(place.collection)).filter, stop));
  return std::optional{flow::SourceCount{counted, outcome.documents - outcome.rejected, outcome.rejected}};
}

}  // namespace weir::mongodb
