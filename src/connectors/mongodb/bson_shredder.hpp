#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "connectors/mongodb/bson_reader.hpp"
#include "connectors/mongodb/document.hpp"
#include "data/batch.hpp"
#include "documents/tables.hpp"

namespace weir::mongodb {

// documents::Shredder for the bytes of checked documents: the same rows, in one pass from the bytes to the columns and
// without a virtual call for each value. The shape must have observed the documents. Used by one thread.
class BsonShredder {
 public:
  // `wanted`: the columns' indexes in the table.
  BsonShredder(const documents::Shape& shape, const documents::Table& table, const std::vector<std::size_t>& wanted);

  Result<void> add(BsonBytes document);
  // A row of the document's key alone, with positions of 0: what a delete of all rows of that document says.
  Result<void> add_keys(BsonBytes document);

  const data::SchemaPtr& schema() const { return schema_; }
  std::size_t rows() const { return rows_; }
  std::size_t bytes() const;  // of the values
  // The rows so far; leaves none.
  data::Batch take();

 private:
  // A name on the way to values, and where they go.
  struct Target {
    KnownName name;
    int column = -1;  // in the row, or among the keys
    bool keeps_documents = false;
    bool keeps_arrays = false;
    std::vector<Target> members;
    std::size_t next = 0;  // members mostly come in the order in which they came before
  };
  // A name on the way to the table's list.
  struct Step {
    KnownName name;
    bool is_element = false;
    std::size_t list = 0;  // of an element: which of the lists on the way
    bool keeps_documents = false;
    bool keeps_arrays = false;
  };
  struct Key {
    std::size_t column = 0;
    documents::Scalar scalar;
    std::string text;
  };

  void find_way(const documents::Shape& shape);
  Target target_of(const documents::ShapeNode& node, int level) const;
  Target key_target_of(const documents::ShapeNode& node) const;
  // The target of the name at `at`, which moves behind the name; null when it is not wanted.
  Target* find(Target& target, const std::uint8_t*& at) const;

  Result<void> read_keys(BsonBytes document);
  Result<bool> read_keys(Target& target, const std::uint8_t* document);
  Result<void> walk(std::size_t step, BsonType type, const std::uint8_t* value);
  Result<void> fill(Target& target, BsonType type, const std::uint8_t* value);
  Result<void> fill_members(Target& target, const std::uint8_t* document);
  Result<void> put(std::size_t column, BsonType type, const std::uint8_t* value);
  Result<void> put_scalar(std::size_t column, const documents::Scalar& scalar);
  Result<void> end_row();

  const documents::Shape& shape_;
  const documents::Table& table_;
  const std::vector<std::size_t> wanted_;
  data::SchemaPtr schema_;
  std::vector<data::ColumnBuilder> builders_;
  std::vector<documents::ColumnForm> forms_;

  const std::uint8_t* limit_ = nullptr;  // of the document under way

  std::vector<Step> way_;  // from below the root to the table's list
  Target target_;
  Target key_target_;
  std::vector<Key> keys_;
  std::size_t keys_missing_ = 0;         // of the document under way
  std::vector<std::int64_t> positions_;  // of the lists on the way
  std::string json_;

  std::size_t rows_ = 0;
};

}  // namespace weir::mongodb
