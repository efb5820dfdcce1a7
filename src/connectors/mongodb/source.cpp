#include "connectors/mongodb/source.hpp"

#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>

#include "connectors/mongodb/catalog.hpp"
#include "connectors/mongodb/table_reader.hpp"
#include "documents/chosen_columns.hpp"
#include "documents/tables.hpp"

namespace weir::mongodb {
namespace {

constexpr int kCheckpointVersion = 1;

// {"weir": "mongodb", "version": 1, "cursor" | "token": {…}, "shape": {…}}
Result<Json> read_checkpoint(const std::optional<flow::Checkpoint>& checkpoint) {
  if (!checkpoint) return Json(nullptr);
  auto json = parse_json(checkpoint->text);
  const bool own = json.ok() && json->is_object() && json->value("weir", std::string{}) == "mongodb" &&
                   json->value("version", 0) == kCheckpointVersion;
  if (!own) return Error::user(Code::InvalidData, "a checkpoint that a connection of type mongodb did not write");
  return std::move(json).value();
}

std::optional<flow::Checkpoint> checkpoint_after(const Fetched& fetched) {
  if (fetched.until.is_null()) return std::nullopt;
  auto json = fetched.until;
  json["weir"] = "mongodb";
  json["version"] = kCheckpointVersion;
  json["shape"] = fetched.shape.to_json();
  return flow::Checkpoint{to_text(json)};
}

std::filesystem::path temporary_folder() {
  static std::atomic<int> count = 0;
  return std::filesystem::temp_directory_path() / fmt::format("weir-mongodb-{}-{}", ::getpid(), ++count);
}

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
  return begin.empty() ? name : fmt::format("{}-since-{:016x}", name, hash);
}

// "3-5": the parts 3 and 4.
std::string partition_text(std::size_t begin, std::size_t end) { return fmt::format("{}-{}", begin, end); }

Result<std::vector<std::size_t>> parts_of(const flow::Partition& partition) {
  const std::string_view text = partition.text;
  std::size_t begin = 0;
  std::size_t end = 0;
  const auto first = std::from_chars(text.data(), text.data() + text.size(), begin);
  if (first.ec == std::errc{} && first.ptr != text.data() + text.size())
    std::from_chars(first.ptr + 1, text.data() + text.size(), end);
  std::vector<std::size_t> parts;
  for (auto part = begin; part < end; ++part) parts.push_back(part);
  return parts;
}

}  // namespace

MongoSource::MongoSource(const flow::OpenContext& context, std::shared_ptr<const Address> address, SourceRules rules)
    : context_(context), address_(std::move(address)), rules_(std::move(rules)) {
  is_temporary_ = context_.run_folder.empty();
  folder_ = is_temporary_ ? temporary_folder() : context_.run_folder / "documents" / context_.connection.name;
}

MongoSource::~MongoSource() {
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
  const FetchPlan plan{.address = address_,
                       .collection = collection,
                       .rules = rules,
                       .folder = folder_ / name,
                       .readers = rules_.readers(),
                       .range_documents = rules_.range_documents()};
  auto got = WEIR_TRY(fetch(plan, begin, *context_.log, stop));
  fetched_[name] = got;
  latest_[collection] = got;
  return got;
}

Result<std::vector<flow::Stream>> MongoSource::discover(std::stop_token stop) {
  const std::lock_guard lock(mutex_);
  std::vector<flow::Stream> streams;
  for (const auto& collection : *WEIR_TRY(collections(std::move(stop)))) {
    const auto known = latest_.find(collection);
    if (known == latest_.end()) {
      streams.push_back({.name = collection});
      streams.push_back({.name = fmt::format("{}.{}", collection, kRejects)});
      continue;
    }
    for (const auto& table : documents::tables_of(known->second->shape)) {
      if (auto stream = stream_of(collection, *known->second, table.path)) streams.push_back(std::move(*stream));
    }
    streams.push_back(*stream_of(collection, *known->second, std::string{kRejects}));
  }
  return streams;
}

Result<flow::Stream> MongoSource::describe(const flow::ReadRequest& request, std::stop_token stop) {
  if (!request.query.empty()) {
    return Error::user(Code::Unsupported, "a connection of type mongodb takes no query: {}", context_.connection.name)
        .hint("state filter and fields of the collection in weir.yml");
  }
  const auto place = WEIR_TRY(find(request.stream, stop));
  const auto got = WEIR_TRY(fetched(place.collection, request.from, stop));
  auto stream = stream_of(place.collection, *got, place.inside);
  if (!stream) {
    return Error::user(Code::NotFound, "no document of {} has anything for the stream {}", place.collection,
                       request.stream)
        .hint("a list's stream is there once a document has had elements in it");
  }
  stream->schema = WEIR_TRY(documents::chosen_columns(std::move(stream->schema), request.columns));
  return std::move(*stream);
}

Result<std::vector<flow::Partition>> MongoSource::partitions(const flow::ReadRequest& request, int wanted,
                                                             std::stop_token stop) {
  const auto place = WEIR_TRY(find(request.stream, stop));
  const auto got = WEIR_TRY(fetched(place.collection, request.from, stop));
  // What the next run goes on from covers one partition; and changes have their order.
  const auto parts = got->parts.size();
  const auto count =
      got->until.is_null() ? std::clamp<std::size_t>(static_cast<std::size_t>(std::max(wanted, 1)), 1, parts) : 1;
  std::vector<flow::Partition> partitions;
  for (std::size_t i = 0; i < count; ++i)
    partitions.push_back({partition_text(i * parts / count, (i + 1) * parts / count)});
  return partitions;
}

Result<std::unique_ptr<flow::Reader>> MongoSource::open(const flow::ReadRequest& request,
                                                        const flow::Partition& partition,
                                                        const std::optional<flow::Checkpoint>& from,
                                                        std::stop_token stop) {
  const auto place = WEIR_TRY(find(request.stream, stop));
  const auto got = WEIR_TRY(fetched(place.collection, from, stop));
  return open_table(got, place.inside, WEIR_TRY(parts_of(partition)), request, checkpoint_after(*got));
}

}  // namespace weir::mongodb
