#include "documents/shredder.hpp"

#include <algorithm>

namespace weir::documents {
Shredder::Target* Shredder::Target::find(std::string_view name) {
  const auto count = members.size();
  auto at = next;
  for (std::size_t tried = 0; tried < count; ++tried) {
    auto& candidate = members[at];
    if (++at == count) at = 0;
    if (!same_name(candidate.node->name, name)) continue;
    next = at;
    return &candidate;
  }
  return nullptr;
}

Shredder::Shredder(const Shape& shape, const Table& table, const std::vector<std::size_t>& wanted)
    : shape_(shape), table_(table), wanted_(wanted) {
  auto schema = std::make_shared<data::Schema>();
  for (const auto column : wanted_) {
    const auto& field = table.schema.fields[column];
    schema->fields.push_back(field);
    builders_.emplace_back(field.type);
    forms_.push_back(column_form(table, column));
  }
  schema_ = std::move(schema);
  cells_.resize(wanted_.size());
  way_ = way_to(shape, table);
  positions_.resize(static_cast<std::size_t>(
      std::ranges::count_if(way_, [](const auto* node) { return node->role == ShapeNode::Role::Element; })));
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    if (table.columns[wanted_[i]].from == TableColumn::From::Key) keys_.emplace_back(i, Scalar{});
  }
  target_ = make_target(*table.node);
}

Shredder::Target Shredder::make_target(const ShapeNode& node) const {
  Target target;
  target.node = &node;
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    const auto& column = table_.columns[wanted_[i]];
    if (column.from == TableColumn::From::Node && column.node == &node) target.column = static_cast<int>(i);
  }
  for (const auto& member : node.members) target.members.push_back(make_target(*member));
  return target;
}

std::string& Shredder::keep(std::string_view text) {
  if (kept_count_ == kept_.size()) kept_.emplace_back();
  auto& kept = kept_[kept_count_++];
  kept.assign(text);
  return kept;
}

Result<void> Shredder::add(const Document& document, std::string_view row, const Document& added) {
  row_ = row;
  kept_count_ = 0;
  // A document's key may stand behind the list, so it is read first.
  if (!keys_.empty()) WEIR_TRY(read_keys(document));
  if (way_.size() == 1) {
    if (added) {
      WEIR_TRY(added([&](Value& value) { return fill(target_, value, 0); }));
      // Reading the next document takes away the texts of this one.
      for (auto& cell : cells_) {
        if (cell.state == Cell::State::Set) cell.scalar.text = keep(cell.scalar.text);
      }
    }
    WEIR_TRY(document([&](Value& value) { return fill(target_, value, 0); }));
    return end_row();
  }
  return document([&](Value& value) { return walk(0, value, 0); });
}

Result<void> Shredder::add_keys(const Document& document) {
  kept_count_ = 0;
  WEIR_TRY(read_keys(document));
  std::ranges::fill(positions_, 0);
  return end_row();
}

Result<void> Shredder::read_keys(const Document& document) {
  for (auto& key : keys_) key.second = {};
  return document([&](Value& value) { return read_key(shape_.root(), {}, value); });
}

Result<void> Shredder::read_key(const ShapeNode& node, std::string_view, Value& value) {
  for (auto& [column, scalar] : keys_) {
    if (table_.columns[wanted_[column]].node != &node) continue;
    WEIR_TRY(read_scalar(column, value, scalar));
    // Reading the document again takes away what a parser made of its texts.
    scalar.text = keep(scalar.text);
    return {};
  }
  if (value.kind() != Value::Kind::Object) return {};
  return value.members([&](std::string_view name, Value& member) -> Result<void> {
    const auto* inner = node.find(name);
    return inner == nullptr ? Result<void>{} : read_key(*inner, name, member);
  });
}

// Follows the way to the table: the members and elements that lie on it.
Result<void> Shredder::walk(std::size_t step, Value& value, int level) {
  if (step + 1 == way_.size()) {
    WEIR_TRY(fill(target_, value, level));
    return end_row();
  }
  const auto* next = way_[step + 1];
  const auto kind = value.kind();
  if (is_nested(kind) && is_kept(shape_.rules(), *way_[step], kind, level)) return {};
  if (next->role == ShapeNode::Role::Element) {
    if (kind != Value::Kind::List) return {};
    const auto list = static_cast<std::size_t>(
        std::count_if(way_.begin(), way_.begin() + static_cast<std::ptrdiff_t>(step) + 1,
                      [](const auto* node) { return node->role == ShapeNode::Role::Element; }));
    positions_[list] = 0;
    return value.elements([&, list](Value& element) -> Result<void> {
      WEIR_TRY(walk(step + 1, element, level + 1));
      ++positions_[list];
      return {};
    });
  }
  if (kind != Value::Kind::Object) return {};
  return value.members([&](std::string_view name, Value& member) -> Result<void> {
    return name == next->name ? walk(step + 1, member, level + 1) : Result<void>{};
  });
}

Result<void> Shredder::fill(Target& target, Value& value, int level) {
  const auto& node = *target.node;
  if (node.treatment == Treatment::Skip) return {};
  const auto kind = value.kind();
  const bool nested = is_nested(kind);
  if (!nested || is_kept(shape_.rules(), node, kind, level)) return put(target, value);
  if (kind == Value::Kind::List) return node.role == ShapeNode::Role::Element ? put(target, value) : Result<void>{};
  return value.members([&](std::string_view name, Value& member) -> Result<void> {
    auto* inner = target.find(name);
    return inner == nullptr ? Result<void>{} : fill(*inner, member, level + 1);
  });
}

Result<void> Shredder::put(Target& target, Value& value) {
  if (target.column < 0) return {};
  auto& cell = cells_[static_cast<std::size_t>(target.column)];
  if (cell.state == Cell::State::Set) ++repeated_;
  cell.state = Cell::State::Set;
  return read_scalar(static_cast<std::size_t>(target.column), value, cell.scalar);
}

Result<void> Shredder::read_scalar(std::size_t column, Value& value, Scalar& scalar) {
  const auto kind = value.kind();
  if (forms_[column] == ColumnForm::Plain && (kind == Value::Kind::String || kind == Value::Kind::Number)) {
    scalar.kind = kind;
    scalar.text = value.text();
    return {};
  }
  if (becomes_json(kind, forms_[column])) {
    auto& text = keep({});
    WEIR_TRY(value.append_json(text));
    scalar = Scalar{.kind = Value::Kind::Other, .text = text};
    return {};
  }
  scalar = scalar_of(value);
  if (kind == Value::Kind::ObjectId || kind == Value::Kind::Decimal) scalar.text = keep(scalar.text);
  return {};
}

Result<void> Shredder::end_row() {
  for (const auto& [column, scalar] : keys_) cells_[column] = {Cell::State::Set, scalar};
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    auto& cell = cells_[i];
    const auto& column = table_.columns[wanted_[i]];
    if (column.from == TableColumn::From::Position) {
      builders_[i].append(positions_[column.level]);
    } else if (column.from == TableColumn::From::Row) {
      builders_[i].append_text(row_);
    } else {
      WEIR_TRY(append(i, cell));
    }
    bytes_ += 8 + (cell.state == Cell::State::Set ? cell.scalar.text.size() : 0);
    cell.state = Cell::State::Empty;
  }
  ++rows_;
  return {};
}

Result<void> Shredder::append(std::size_t index, const Cell& cell) {
  auto& builder = builders_[index];
  const auto& field = schema_->fields[index];
  if (cell.state == Cell::State::Empty || cell.scalar.kind == Value::Kind::Null) {
    if (field.nullable == data::Nullable::No) {
      return Error{Fault::External, Code::InvalidData, fmt::format("a document without its key: {}", field.name)}.hint(
          "name other columns in the resource's key, or leave it out");
    }
    builder.append_null();
    return {};
  }
  auto parsed = append_scalar(builder, cell.scalar);
  if (parsed.ok()) return {};
  if (shape_.rules().contracts.types == Contract::DiscardValue) {
    ++discarded_;
    builder.append_null();
    return {};
  }
  return std::move(parsed).error().while_doing(fmt::format("column {}", field.name));
}

data::Batch Shredder::take() {
  std::vector<data::Column> columns;
  columns.reserve(builders_.size());
  for (auto& builder : builders_) columns.push_back(builder.finish());
  bytes_ = 0;
  return {schema_, std::move(columns), std::exchange(rows_, 0)};
}

}  // namespace weir::documents
