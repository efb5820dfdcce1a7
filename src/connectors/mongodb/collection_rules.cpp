#include "connectors/mongodb/collection_rules.hpp"

#include <algorithm>
#include <set>

#include "documents/rules_settings.hpp"
#include "flow/replication.hpp"

namespace weir::mongodb {
namespace {

using enum SettingType;

constexpr std::int64_t kRangeDocuments = 250'000;

std::vector<Setting> collection_settings() {
  std::vector<Setting> settings{
      {.name = "key",
       .type = List,
       .doc = "The fields that name a document, by path",
       .fields = {{.name = "path", .type = Text}},
       .shorthand = Setting::Shorthand::Allowed},
      {.name = "filter", .type = Any, .doc = "Only these documents: a query document of MongoDB, as Extended JSON"},
      {.name = "fields",
       .type = List,
       .doc = "Only these fields (and _id): the server sends no others",
       .fields = {{.name = "path", .type = Text}},
       .shorthand = Setting::Shorthand::Allowed},
      {.name = "follow",
       .type = Choice,
       .doc = "What a later run reads: all again, what is new by a cursor, or the server's change stream",
       .choices = {"snapshot", "cursor", "changes"}},
      {.name = "cursor",
       .type = Group,
       .doc = "follow: cursor: a field that grows, such as updated_at",
       .fields = {{.name = "path", .type = Text, .doc = "The field", .need = Need::Required},
                  {.name = "lag",
                   .type = Duration,
                   .doc = "How far before its last value a run begins, for documents that arrive late",
                   .default_value = "0s"},
                  {.name = "odd",
                   .type = Choice,
                   .doc = "Documents without it, or with one of another type: loaded by every run, or skipped",
                   .default_value = "load",
                   .choices = {"load", "skip"}}},
       .shorthand = Setting::Shorthand::Allowed},
      {.name = "on_expired",
       .type = Choice,
       .doc = "When the server no longer keeps the changes since the last run: fail, or read a snapshot again",
       .choices = {"fail", "snapshot"}},
      {.name = "nul_text",
       .type = Choice,
       .doc = "Documents with the character U+0000 in a text, which PostgreSQL cannot hold: rejected, or kept",
       .choices = {"reject", "keep"}}};
  for (auto& rule : documents::rules_settings()) settings.push_back(std::move(rule));
  return settings;
}

Result<CursorField> read_cursor(const Settings& settings) {
  CursorField cursor;
  cursor.path = settings.text("path");
  if (settings.has("lag")) cursor.lag = settings.duration("lag");
  if (settings.text("odd") == "skip") cursor.odd = OddCursor::Skipped;
  if (cursor.path.empty()) return Error::user(Code::InvalidProject, "follow: cursor needs the cursor's path");
  return cursor;
}

Result<CollectionRules> read_rules(const std::string& name, const Settings& settings) {
  CollectionRules rules;
  // Not WEIR_TRY: gcc 12 takes the inlined destructors for a free of what was never allocated (-Wfree-nonheap-object).
  auto documents = documents::read_rules(settings);
  if (!documents.ok()) return std::move(documents).error();
  rules.documents = std::move(*documents);
  rules.documents.name = name;
  rules.documents.key = settings.texts("key");
  if (rules.documents.key.empty()) rules.documents.key = {"_id"};
  // An _id may be an object; its fields as columns would be no key.
  for (const auto& path : rules.documents.key) rules.documents.paths.try_emplace(path, documents::Treatment::Json);
  if (settings.has("filter")) rules.filter = WEIR_TRY(parse_document(settings.json("filter")));
  rules.fields = settings.texts("fields");
  const auto follow = settings.text("follow");
  rules.follow = follow == "changes"                                                ? Follow::Changes
                 : follow == "cursor" || (follow.empty() && settings.has("cursor")) ? Follow::Cursor
                                                                                    : Follow::Snapshot;
  if (rules.follow == Follow::Cursor) rules.cursor = WEIR_TRY(read_cursor(settings.group("cursor")));
  if (settings.text("on_expired") == "snapshot") rules.on_expired = OnExpired::Snapshot;
  if (settings.text("nul_text") == "keep") rules.nul = NulText::Kept;
  if (rules.follow == Follow::Changes && rules.documents.key != std::vector<std::string>{"_id"}) {
    return Error::user(Code::InvalidProject, "a change stream names deleted documents by _id only, so that is the key")
        .hint("leave key out, or follow by a cursor");
  }
  return rules;
}

Error not_a_document(const Json& json) {
  return Error::user(Code::InvalidProject, "not a document of MongoDB: {}", to_text(json))
      .hint("write Extended JSON: {at: {$gte: {$date: \"2026-01-01T00:00:00Z\"}}}");
}

// {"$oid": …}: a value of a type that JSON lacks, not an object. libbson reads those; a whole query it would misread, since
// it takes $type and $options for parts of such a value.
bool is_typed_value(const Json& json) {
  static const std::set<std::string, std::less<>> kNames{
      "$oid",    "$date",   "$numberInt", "$numberLong", "$numberDouble", "$numberDecimal",
      "$binary", "$uuid",   "$timestamp", "$undefined",  "$code",         "$regularExpression",
      "$minKey", "$maxKey", "$symbol",    "$dbPointer"};
  if (!json.is_object() || json.empty()) return false;
  return kNames.contains(json.begin().key()) || json.contains("$code");
}

Result<void> append_json(bson_t& to, const std::string& name, const Json& json) {
  const auto size = static_cast<int>(name.size());
  if (json.is_array() || (json.is_object() && !is_typed_value(json))) {
    bson_t inner;
    json.is_array() ? bson_append_array_begin(&to, name.c_str(), size, &inner)
                    : bson_append_document_begin(&to, name.c_str(), size, &inner);
    std::size_t index = 0;
    for (const auto& [key, value] : json.items())
      WEIR_TRY(append_json(inner, json.is_array() ? std::to_string(index++) : key, value));
    json.is_array() ? bson_append_array_end(&to, &inner) : bson_append_document_end(&to, &inner);
    return {};
  }
  const auto wrapped = to_text(Json{{"v", json}});
  bson_error_t error;
  auto* parsed = bson_new_from_json(reinterpret_cast<const std::uint8_t*>(wrapped.data()),
                                    static_cast<ssize_t>(wrapped.size()), &error);
  if (parsed == nullptr) return not_a_document(json);
  bson_iter_t value;
  const bool found =
      bson_iter_init_find(&value, parsed, "v") && bson_append_value(&to, name.c_str(), size, bson_iter_value(&value));
  bson_destroy(parsed);
  return found ? Result<void>{} : not_a_document(json);
}

// Of a collection counts what the user wrote, so that it does not hide what the connection says.
std::vector<Setting> without_defaults(std::vector<Setting> settings) {
  for (auto& setting : settings) {
    // A cursor is the collection's or the connection's, as a whole.
    if (setting.name == "cursor") continue;
    setting.default_value = nullptr;
    setting.fields = without_defaults(std::move(setting.fields));
  }
  return settings;
}

// What the collection says stands over what the connection says: object by object in the rules for documents.
void lay_over(Json& values, const Json& above) {
  for (const auto& [name, value] : above.items()) {
    if (value.is_null() || (value.is_object() && value.empty())) continue;
    auto& below = values[name];
    if (value.is_object() && below.is_object()) {
      lay_over(below, value);
    } else {
      below = value;
    }
  }
}

}  // namespace

std::vector<Setting> source_settings() {
  auto settings = collection_settings();
  // A cursor and a key belong to a collection.
  std::erase_if(settings, [](const Setting& setting) {
    return setting.name == "key" || setting.name == "filter" || setting.name == "fields" || setting.name == "columns";
  });
  settings.push_back({.name = "readers",
                      .type = Integer,
                      .doc = "How many ranges of a collection are read side by side",
                      .default_value = 2});
  settings.push_back({.name = "range_documents",
                      .type = Integer,
                      .doc = "About how many documents a range has: what is read again after an interruption",
                      .default_value = kRangeDocuments});
  settings.push_back({.name = "note_run",
                      .type = Flag,
                      .doc = "Tables that are copied from here say of each row which run brought it (_weir_run) and "
                             "when (_weir_extracted_at)",
                      .default_value = true});
  settings.push_back(
      {.name = "collections",
       .type = Map,
       .doc = "What is particular to a collection, by its name, or by a pattern with *",
       .fields = {{.name = "collection", .type = Group, .fields = without_defaults(collection_settings())}}});
  return settings;
}

Document CollectionRules::filter_and(const Document& more) const {
  if (filter.is_empty()) return more;
  if (more.is_empty()) return filter;
  Document both;
  const std::array parts{filter, more};
  both.add_list("$and", parts);
  return both;
}

Document CollectionRules::projection() const {
  Document wanted;
  if (fields.empty()) return wanted;
  for (const auto& field : fields) wanted.add(field, 1);
  const auto needed = [&](const std::string& path) {
    if (!path.empty() && path != "_id" && !wanted.has(path)) wanted.add(path, 1);
  };
  for (const auto& path : documents.key) needed(path);
  if (follow == Follow::Cursor) needed(cursor.path);
  return wanted;
}

Result<Document> parse_document(const Json& json) {
  Document document;
  if (!json.is_object()) return not_a_document(json);
  for (const auto& [name, value] : json.items()) WEIR_TRY(append_json(*document.get(), name, value));
  return document;
}

Result<SourceRules> SourceRules::read(const Settings& settings) {
  SourceRules rules;
  Json defaults = settings.values();
  defaults.erase("collections");
  rules.defaults_ = Settings{std::move(defaults)};
  for (const auto& [name, values] : settings.json("collections").items()) rules.collections_[name] = Settings{values};
  if (settings.has("readers"))
    rules.readers_ = static_cast<int>(std::clamp<std::int64_t>(settings.integer("readers"), 1, 64));
  rules.range_documents_ = settings.has("range_documents") ? settings.integer("range_documents") : kRangeDocuments;
  if (rules.range_documents_ < 1)
    return Error::user(Code::InvalidProject, "range_documents is at least 1: {}", rules.range_documents_);
  for (const auto& [name, values] : rules.collections_) {
    if (auto checked = rules.of(name); !checked.ok())
      return std::move(checked).error().while_doing(fmt::format("collection {}", name));
  }
  return rules;
}

Result<CollectionRules> SourceRules::of(const std::string& collection) const {
  auto found = collections_.find(collection);
  if (found == collections_.end()) {
    found = std::ranges::find_if(collections_,
                                 [&](const auto& entry) { return flow::matches_pattern(collection, entry.first); });
  }
  Json values = defaults_.values();
  if (found != collections_.end()) {
    for (const auto& [name, value] : found->second.values().items()) {
      const bool adds = name == "nested" || name == "contract";
      if (adds && values.contains(name) && values.at(name).is_object()) {
        lay_over(values[name], value);
      } else if (!value.is_null() && !(value.is_object() && value.empty())) {
        values[name] = value;
      }
    }
  }
  return read_rules(collection, Settings{std::move(values)});
}

}  // namespace weir::mongodb
