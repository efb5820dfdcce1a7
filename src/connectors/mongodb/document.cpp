#include "connectors/mongodb/document.hpp"

#include "base/check.hpp"

namespace weir::mongodb {
namespace {

int length(std::string_view text) { return static_cast<int>(text.size()); }

}  // namespace

Document& Document::add(std::string_view name, std::string_view text) {
  WEIR_CHECK(bson_append_utf8(get(), name.data(), length(name), text.data(), length(text)));
  return *this;
}

Document& Document::add(std::string_view name, std::int32_t number) {
  WEIR_CHECK(bson_append_int32(get(), name.data(), length(name), number));
  return *this;
}

Document& Document::add(std::string_view name, std::int64_t number) {
  WEIR_CHECK(bson_append_int64(get(), name.data(), length(name), number));
  return *this;
}

Document& Document::add(std::string_view name, bool flag) {
  WEIR_CHECK(bson_append_bool(get(), name.data(), length(name), flag));
  return *this;
}

Document& Document::add(std::string_view name, const Document& inner) {
  WEIR_CHECK(bson_append_document(get(), name.data(), length(name), inner.get()));
  return *this;
}

Document& Document::add(std::string_view name, const bson_value_t& value) {
  WEIR_CHECK(bson_append_value(get(), name.data(), length(name), &value));
  return *this;
}

Document& Document::add_list(std::string_view name, std::span<const Document> elements) {
  bson_t list;
  WEIR_CHECK(bson_append_array_begin(get(), name.data(), length(name), &list));
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const auto key = std::to_string(i);
    WEIR_CHECK(bson_append_document(&list, key.data(), length(key), elements[i].get()));
  }
  WEIR_CHECK(bson_append_array_end(get(), &list));
  return *this;
}

Document& Document::add_time(std::string_view name, std::int64_t milliseconds) {
  WEIR_CHECK(bson_append_date_time(get(), name.data(), length(name), milliseconds));
  return *this;
}

std::string Document::text() const {
  char* json = bson_as_canonical_extended_json(get(), nullptr);
  std::string text = json == nullptr ? "" : json;
  bson_free(json);
  return text;
}

std::string Document::text(std::string_view path) const {
  bson_iter_t found;
  if (!find(bytes(), path, found) || !BSON_ITER_HOLDS_UTF8(&found)) return {};
  std::uint32_t size = 0;
  const auto* text = bson_iter_utf8(&found, &size);
  return {text, size};
}

std::optional<std::int64_t> Document::integer(std::string_view path) const {
  bson_iter_t found;
  if (find(bytes(), path, found) && BSON_ITER_HOLDS_NUMBER(&found)) return bson_iter_as_int64(&found);
  return std::nullopt;
}

std::optional<Document> Document::inner(std::string_view path) const {
  bson_iter_t found;
  if (!find(bytes(), path, found) || (!BSON_ITER_HOLDS_DOCUMENT(&found) && !BSON_ITER_HOLDS_ARRAY(&found)))
    return std::nullopt;
  const std::uint8_t* data = nullptr;
  std::uint32_t size = 0;
  BSON_ITER_HOLDS_DOCUMENT(&found) ? bson_iter_document(&found, &size, &data) : bson_iter_array(&found, &size, &data);
  return from({data, size});
}

bool Document::has(std::string_view path) const {
  bson_iter_t found;
  return find(bytes(), path, found);
}

bool find(BsonBytes document, std::string_view path, bson_iter_t& found) {
  bson_iter_t begin;
  if (!bson_iter_init_from_data(&begin, document.data(), document.size())) return false;
  return bson_iter_find_descendant(&begin, std::string{path}.c_str(), &found);
}

}  // namespace weir::mongodb
