#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/setting.hpp"
#include "data/batch.hpp"

namespace weir::mongodb {

// How rows become documents: the write options of a copy.
struct EncodeRules {
  enum class Nulls { Written, LeftOut } nulls = Nulls::Written;
  enum class Fractions { Refused, Dropped } fractions = Fractions::Refused;  // of times finer than a millisecond
  std::set<std::string, std::less<>>
      object_ids;  // columns, by path, whose text of 24 hexadecimal digits is an ObjectId

  static EncodeRules from(const Settings& options);
};
std::vector<Setting> encode_settings();

// Rows → BSON documents (src/connectors/mongodb/TYPES.md has the table). A column _id comes first, as MongoDB keeps it.
class DocumentEncoder {
 public:
  // Unsupported when a column's name cannot be a field's.
  static Result<DocumentEncoder> create(const data::SchemaPtr& schema, EncodeRules rules);

  // Appends the row's document; where the schema has no _id, with a new ObjectId. TypeMismatch names the column.
  Result<void> append(const data::Batch& batch, std::size_t row, std::string& out) const;
  // Appends a document of these columns alone, without an _id of its own.
  Result<void> append_columns(const data::Batch& batch, std::size_t row, const std::vector<std::size_t>& columns,
                              std::string& out) const;

 private:
  DocumentEncoder(data::SchemaPtr schema, EncodeRules rules) : schema_(std::move(schema)), rules_(std::move(rules)) {}

  data::SchemaPtr schema_;
  EncodeRules rules_;
  std::vector<std::size_t> order_;  // of the columns, _id first
  bool has_id_ = false;
};

}  // namespace weir::mongodb
