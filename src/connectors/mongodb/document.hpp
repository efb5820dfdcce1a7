#pragma once

#include <bson/bson.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace weir::mongodb {

// The bytes of one BSON document (bsonspec.org, version 1.1), its length in front.
using BsonBytes = std::span<const std::uint8_t>;

// A document of ours: commands, filters and what they answer. Cheap to move.
class Document {
 public:
  Document() : bson_(bson_new()) {}
  Document(const Document& other) : bson_(bson_copy(other.bson_)) {}
  Document(Document&& other) noexcept : bson_(std::exchange(other.bson_, nullptr)) {}
  Document& operator=(Document other) noexcept {
    std::swap(bson_, other.bson_);
    return *this;
  }
  ~Document() { bson_destroy(bson_); }
  explicit Document(const bson_t& copied) : bson_(bson_copy(&copied)) {}
  static Document from(BsonBytes bytes) { return Document{bson_new_from_data(bytes.data(), bytes.size())}; }

  const bson_t* get() const { return bson_; }
  bson_t* get() { return bson_; }
  bool is_empty() const { return bson_empty(bson_); }
  BsonBytes bytes() const { return {bson_get_data(bson_), bson_->len}; }

  Document& add(std::string_view name, std::string_view text);
  Document& add(std::string_view name, const char* text) { return add(name, std::string_view{text}); }
  Document& add(std::string_view name, std::int32_t number);
  Document& add(std::string_view name, std::int64_t number);
  Document& add(std::string_view name, bool flag);
  Document& add(std::string_view name, const Document& inner);
  Document& add(std::string_view name, const bson_value_t& value);
  Document& add_list(std::string_view name, std::span<const Document> elements);
  Document& add_time(std::string_view name, std::int64_t milliseconds);

  // Canonical extended JSON, for people.
  std::string text() const;
  // What stands under a dotted path; "" and nothing where it is missing or of another type.
  std::string text(std::string_view path) const;
  std::optional<std::int64_t> integer(std::string_view path) const;
  std::optional<Document> inner(std::string_view path) const;
  bool has(std::string_view path) const;

 private:
  explicit Document(bson_t* owned) : bson_(owned) {}
  bson_t* bson_;  // not a unique_ptr: gcc warns of the alignment that its type asks for
};

// The same of any document's bytes.
bool find(BsonBytes document, std::string_view path, bson_iter_t& found);

}  // namespace weir::mongodb
