#include "connectors/mongodb/catalog.hpp"

#include <algorithm>

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
