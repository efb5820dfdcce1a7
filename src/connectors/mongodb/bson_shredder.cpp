#include "connectors/mongodb/bson_shredder.hpp"

#include <algorithm>

#include "connectors/mongodb/bson_reader.hpp"

namespace weir::mongodb {
namespace {

using documents::Scalar;
using documents::ShapeNode;
using documents::TableColumn;
using Kind = documents::Value::Kind;
using Role = ShapeNode::Role;

constexpr std::size_t kObjectIdBytes = 12;

void append_object_id(data::ColumnBuilder& builder, const std::uint8_t* value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  char text[2 * kObjectIdBytes];
  for (std::size_t i = 0; i < kObjectIdBytes; ++i) {
    text[2 * i] = kDigits[value[i] >> 4];
    text[2 * i + 1] = kDigits[value[i] & 15];
  }
  builder.append_text({text, sizeof text});
}

// The pairs of a value's type and a column's that are common; false for the others.
bool append_plain(data::ColumnBuilder& builder, BsonType type, const std::uint8_t* value) {
  const auto& column = builder.type();
  switch (type) {
    case BsonType::String:
      if (column.kind != data::Kind::String) return false;
      builder.append_text(read_text(value));
      return true;
    case BsonType::Int32:
      if (column.kind != data::Kind::Int64) return false;
      builder.append(std::int64_t{read_int32(value)});
      return true;
    case BsonType::Int64:
      if (column.kind != data::Kind::Int64) return false;
      builder.append(read_int64(value));
      return true;
    case BsonType::Double:
      if (column.kind != data::Kind::Float64) return false;
      builder.append(read_double(value));
      return true;
    case BsonType::Bool:
      if (column.kind != data::Kind::Bool) return false;
      builder.append_bool(*value != 0);
      return true;
    case BsonType::DateTime:
      if (column.kind != data::Kind::Timestamp || column.unit != data::TimeUnit::Milli) return false;
      builder.append(read_int64(value));
      return true;
    case BsonType::ObjectId:
      if (column.kind != data::Kind::String) return false;
      append_object_id(builder, value);
      return true;
    default: return false;
  }
}

}  // namespace

BsonShredder::BsonShredder(const documents::Shape& shape, const documents::Table& table,
                           const std::vector<std::size_t>& wanted)
    : shape_(shape), table_(table), wanted_(wanted) {
  auto schema = std::make_shared<data::Schema>();
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    schema->fields.push_back(table.schema.fields[wanted_[i]]);
    builders_.emplace_back(schema->fields.back().type);
    forms_.push_back(column_form(table, wanted_[i]));
    if (table.columns[wanted_[i]].from == TableColumn::From::Key) keys_.push_back({i, {}, {}});
  }
  schema_ = std::move(schema);
  find_way(shape);
  key_target_ = key_target_of(shape.root());
}

void BsonShredder::find_way(const documents::Shape& shape) {
  const auto way = way_to(shape, table_);
  std::size_t lists = 0;
  for (std::size_t level = 0; level < way.size(); ++level) {
    const auto& node = *way[level];
    Step step{.name = KnownName{node.name}, .is_element = node.role == Role::Element};
    if (step.is_element) step.list = lists++;
    step.keeps_documents = is_kept(shape.rules(), node, Kind::Object, static_cast<int>(level));
    step.keeps_arrays = is_kept(shape.rules(), node, Kind::List, static_cast<int>(level));
    way_.push_back(std::move(step));
  }
  positions_.resize(lists);
  target_ = target_of(*table_.node, static_cast<int>(way.size()) - 1);
}

BsonShredder::Target BsonShredder::target_of(const ShapeNode& node, int level) const {
  Target target{.name = KnownName{node.name}};
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    const auto& column = table_.columns[wanted_[i]];
    if (column.from == TableColumn::From::Node && column.node == &node) target.column = static_cast<int>(i);
  }
  target.keeps_documents = is_kept(shape_.rules(), node, Kind::Object, level);
  target.keeps_arrays = is_kept(shape_.rules(), node, Kind::List, level) || node.role == Role::Element;
  for (const auto& member : node.members) {
    if (member->treatment == documents::Treatment::Skip) continue;
    // Also those that are not wanted: what follows them is where it is expected.
    target.members.push_back(target_of(*member, level + 1));
  }
  return target;
}

BsonShredder::Target BsonShredder::key_target_of(const ShapeNode& node) const {
  Target target{.name = KnownName{node.name}};
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (table_.columns[wanted_[keys_[i].column]].node == &node) target.column = static_cast<int>(i);
  }
  for (const auto& member : node.members) {
    auto inner = key_target_of(*member);
    if (inner.column >= 0 || !inner.members.empty()) target.members.push_back(std::move(inner));
  }
  return target;
}

BsonShredder::Target* BsonShredder::find(Target& target, const std::uint8_t*& at) const {
  auto& members = target.members;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (target.next >= members.size()) target.next = 0;
    auto& member = members[target.next++];
    if (!member.name.is_at(at, limit_)) continue;
    at += member.name.size();
    return &member;
  }
  at = behind_name(at);
  return nullptr;
}

Result<void> BsonShredder::add(BsonBytes document) {
  limit_ = document.data() + document.size();
  // A document's key may stand behind the list, so it is read first.
  if (!keys_.empty()) WEIR_TRY(read_keys(document));
  if (way_.size() > 1) return walk(0, BsonType::Document, document.data());
  WEIR_TRY(fill_members(target_, document.data()));
  return end_row();
}

Result<void> BsonShredder::add_keys(BsonBytes document) {
  limit_ = document.data() + document.size();
  WEIR_TRY(read_keys(document));
  std::ranges::fill(positions_, 0);
  return end_row();
}

Result<void> BsonShredder::read_keys(BsonBytes document) {
  for (auto& key : keys_) key.scalar = {};
  keys_missing_ = keys_.size();
  WEIR_TRY(read_keys(key_target_, document.data()));
  return {};
}

// False: all keys were found.
Result<bool> BsonShredder::read_keys(Target& target, const std::uint8_t* document) {
  const auto* at = document + sizeof(std::int32_t);
  while (*at != 0) {
    if (keys_missing_ == 0) return false;
    const auto type = static_cast<BsonType>(*at++);
    auto* inner = find(target, at);
    if (inner != nullptr && inner->column >= 0) {
      auto& key = keys_[static_cast<std::size_t>(inner->column)];
      BsonValue value{type, at};
      key.scalar = WEIR_TRY(scalar_for(value, forms_[key.column], json_));
      key.text = key.scalar.text;
      key.scalar.text = key.text;
      --keys_missing_;
    } else if (inner != nullptr && type == BsonType::Document) {
      if (!WEIR_TRY(read_keys(*inner, at))) return false;
    }
    at += value_size(type, at);
  }
  return true;
}

// Follows the way to the table: the members and elements that lie on it.
Result<void> BsonShredder::walk(std::size_t step, BsonType type, const std::uint8_t* value) {
  if (step + 1 == way_.size()) {
    WEIR_TRY(fill(target_, type, value));
    return end_row();
  }
  const auto& own = way_[step];
  const auto& next = way_[step + 1];
  if (type != (next.is_element ? BsonType::Array : BsonType::Document)) return {};
  if (next.is_element ? own.keeps_arrays : own.keeps_documents) return {};
  if (next.is_element) positions_[next.list] = 0;
  for (const auto* at = value + sizeof(std::int32_t); *at != 0;) {
    const auto inner = static_cast<BsonType>(*at++);
    const auto* const name = at;
    at = behind_name(at);
    if (next.is_element) {
      WEIR_TRY(walk(step + 1, inner, at));
      ++positions_[next.list];
    } else if (next.name.is_at(name, limit_)) {
      return walk(step + 1, inner, at);
    }
    at += value_size(inner, at);
  }
  return {};
}

Result<void> BsonShredder::fill_members(Target& target, const std::uint8_t* document) {
  for (const auto* at = document + sizeof(std::int32_t); *at != 0;) {
    const auto type = static_cast<BsonType>(*at++);
    auto* inner = find(target, at);
    if (inner != nullptr) WEIR_TRY(fill(*inner, type, at));
    at += value_size(type, at);
  }
  return {};
}

Result<void> BsonShredder::fill(Target& target, BsonType type, const std::uint8_t* value) {
  if (type == BsonType::Document && !target.keeps_documents) return fill_members(target, value);
  if (type == BsonType::Array && !target.keeps_arrays) return {};
  return target.column < 0 ? Result<void>{} : put(static_cast<std::size_t>(target.column), type, value);
}

Result<void> BsonShredder::put(std::size_t column, BsonType type, const std::uint8_t* value) {
  auto& builder = builders_[column];
  WEIR_CHECK(builder.rows() == rows_);
  if (forms_[column] == documents::ColumnForm::Plain && append_plain(builder, type, value)) return {};
  BsonValue of_any_type{type, value};
  return put_scalar(column, WEIR_TRY(scalar_for(of_any_type, forms_[column], json_)));
}

// Null is what end_row() appends where there is nothing.
Result<void> BsonShredder::put_scalar(std::size_t column, const Scalar& scalar) {
  if (scalar.kind == Kind::Null) return {};
  auto appended = append_scalar(builders_[column], scalar);
  if (appended.ok() || shape_.rules().contracts.types == documents::Contract::DiscardValue) return {};
  return std::move(appended).error().while_doing(fmt::format("column {}", schema_->fields[column].name));
}

Result<void> BsonShredder::end_row() {
  for (const auto& key : keys_) WEIR_TRY(put_scalar(key.column, key.scalar));
  ++rows_;
  for (std::size_t i = 0; i < builders_.size(); ++i) {
    auto& builder = builders_[i];
    if (builder.rows() == rows_) continue;
    const auto& column = table_.columns[wanted_[i]];
    if (column.from == TableColumn::From::Position) {
      builder.append(positions_[column.level]);
    } else if (schema_->fields[i].nullable == data::Nullable::No) {
      return Error{Fault::External, Code::InvalidData,
                   fmt::format("a document without its key: {}", schema_->fields[i].name)}
          .hint("name other columns in the collection's key, or leave it out");
    } else {
      builder.append_null();
    }
  }
  return {};
}

std::size_t BsonShredder::bytes() const {
  std::size_t bytes = 0;
  for (const auto& builder : builders_) bytes += builder.memory_bytes();
  return bytes;
}

data::Batch BsonShredder::take() {
  std::vector<data::Column> columns;
  columns.reserve(builders_.size());
  for (auto& builder : builders_) columns.push_back(builder.finish());
  return {schema_, std::move(columns), std::exchange(rows_, 0)};
}

}  // namespace weir::mongodb
