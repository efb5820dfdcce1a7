#include "connectors/mongodb/catalog.hpp"

#include <algorithm>
#include <array>

#include "connectors/mongodb/server_error.hpp"

namespace weir::mongodb {
namespace {

CollectionInfo info_from(BsonBytes bytes) {
  const auto description = Document::from(bytes);
  CollectionInfo info;
  info.name = description.text("name");
  const auto type = description.text("type");
  if (type == "view") info.kind = CollectionInfo::Kind::View;
  if (type == "timeseries") info.kind = CollectionInfo::Kind::TimeSeries;
  if (auto options = description.inner("options")) info.options = std::move(*options);
  bson_iter_t uuid;
  if (find(bytes, "info.uuid", uuid) && BSON_ITER_HOLDS_BINARY(&uuid)) {
    const std::uint8_t* data = nullptr;
    std::uint32_t size = 0;
    bson_iter_binary(&uuid, nullptr, &size, &data);
    info.uuid.assign(reinterpret_cast<const char*>(data), size);
  }
  return info;
}

// A document without some of its fields.
Document without(const Document& document, std::initializer_list<const char*> names) {
  Document rest;
  bson_iter_t at;
  WEIR_CHECK(bson_iter_init(&at, document.get()));
  while (bson_iter_next(&at)) {
    const std::string_view name = bson_iter_key(&at);
    if (std::ranges::find(names, name) == names.end()) rest.add(name, *bson_iter_value(&at));
  }
  return rest;
}

}  // namespace

bool is_users(std::string_view collection) {
  return !collection.starts_with("system.") && !collection.starts_with(kStagePrefix) &&
         collection != kCommitsCollection;
}

std::string stage_name(std::string_view collection, std::string_view owner) {
  return fmt::format("{}{}__{}", kStagePrefix, collection, owner);
}

std::string_view stage_owner(std::string_view stage, std::string_view collection) {
  const auto begin = fmt::format("{}{}__", kStagePrefix, collection);
  return stage.starts_with(begin) ? stage.substr(begin.size()) : std::string_view{};
}

Result<std::vector<CollectionInfo>> list_collections(Session& session, std::stop_token stop) {
  auto cursor = WEIR_TRY(session.list_collections({}, stop));
  std::vector<CollectionInfo> found;
  while (const auto bytes = WEIR_TRY(cursor.next(stop))) found.push_back(info_from(*bytes));
  std::ranges::sort(found, {}, &CollectionInfo::name);
  return found;
}

Result<std::optional<CollectionInfo>> find_collection(Session& session, const std::string& name, std::stop_token stop) {
  auto cursor = WEIR_TRY(session.list_collections(Document{}.add("name", name), stop));
  std::optional<CollectionInfo> found;
  while (const auto bytes = WEIR_TRY(cursor.next(stop))) {
    auto info = info_from(*bytes);
    if (info.name == name) found = std::move(info);
  }
  return found;
}

Result<std::uint64_t> count_documents(Session& session, const std::string& collection, const Document& filter,
                                      std::stop_token stop) {
  // The command `count` knows every filter, but of a sharded collection it counts what is being moved twice.
  const std::array stages{
      Document{}.add("$match", filter),
      Document{}.add("$group", Document{}.add("_id", std::int32_t{1}).add("n", Document{}.add("$sum", 1)))};
  Document pipeline;
  pipeline.add_list("pipeline", stages);
  auto cursor = WEIR_TRY(session.aggregate(collection, pipeline, stop));
  const auto counted = cursor.next(stop);
  if (!counted.ok() && counted.error().code() == Code::InvalidQuery) {
    const auto reply = WEIR_TRY(session.read(Document{}.add("count", collection).add("query", filter), stop));
    return static_cast<std::uint64_t>(reply.integer("n").value_or(0));
  }
  const auto found = WEIR_TRY(counted);
  return found ? static_cast<std::uint64_t>(Document::from(*found).integer("n").value_or(0)) : std::uint64_t{0};
}

Result<std::vector<Document>> list_indexes(Session& session, const std::string& collection, std::stop_token stop) {
  auto reply = session.read(Document{}.add("listIndexes", collection), stop);
  if (!reply.ok() && reply.error().code() == Code::NotFound) return std::vector<Document>{};
  std::vector<Document> indexes;
  const auto batch = WEIR_TRY(std::move(reply)).inner("cursor.firstBatch").value_or(Document{});
  bson_iter_t at;
  WEIR_CHECK(bson_iter_init(&at, batch.get()));
  while (bson_iter_next(&at)) {
    const std::uint8_t* data = nullptr;
    std::uint32_t size = 0;
    bson_iter_document(&at, &size, &data);
    const auto index = Document::from({data, size});
    if (index.text("name") != "_id_") indexes.push_back(without(index, {"ns", "v"}));
  }
  return indexes;
}

Result<void> create_indexes(Session& session, const std::string& collection, const std::vector<Document>& indexes,
                            std::stop_token stop) {
  if (indexes.empty()) return {};
  Document command;
  command.add("createIndexes", collection).add_list("indexes", indexes);
  WEIR_TRY(session.write(command, stop).while_doing("building indexes of " + collection));
  return {};
}

Result<void> drop_collection(Session& session, const std::string& name, std::stop_token stop) {
  auto dropped = session.write(Document{}.add("drop", name), stop);
  if (!dropped.ok() && dropped.error().code() != Code::NotFound) return std::move(dropped).error();
  return {};
}

}  // namespace weir::mongodb
