#include <algorithm>

#include "connectors/generate/spec.hpp"

namespace weir::generate {
namespace {

data::Type number_type(int scale) { return scale == 0 ? data::type_of(data::Kind::Int64) : data::decimal(18, scale); }

std::optional<int> scale_of(const data::Type& type) {
  if (type.kind == data::Kind::Int64) return 0;
  if (type.kind == data::Kind::Decimal) return type.scale;
  return std::nullopt;
}

data::Type record_type(const Scope& scope) {
  std::vector<data::Field> fields;
  for (const auto& column : scope.columns) {
    if (column.is_written) fields.push_back({column.name, column.type(), data::Nullable::Yes});
  }
  return data::struct_of(std::move(fields));
}

struct PlainType {
  data::Type operator()(const Sequence&) const { return number_type(0); }
  data::Type operator()(const Uniform& kind) const { return number_type(kind.scale); }
  data::Type operator()(const Zipf&) const { return number_type(0); }
  data::Type operator()(const Choice&) const { return data::type_of(data::Kind::String); }
  data::Type operator()(const Days&) const { return data::type_of(data::Kind::Date); }
  data::Type operator()(const Walk& kind) const { return number_type(kind.scale); }
  data::Type operator()(const Arithmetic& kind) const { return number_type(kind.formula.scale()); }
  data::Type operator()(const TextPattern&) const { return data::type_of(data::Kind::String); }
  data::Type operator()(const Skewed& kind) const { return number_type(kind.scale); }
  data::Type operator()(const Flag&) const { return data::type_of(data::Kind::Bool); }
  data::Type operator()(const Moment&) const { return data::timestamp(data::TimeUnit::Milli, "UTC"); }
  data::Type operator()(const Given& kind) const { return kind.shown.type; }
  data::Type operator()(const Same& kind) const { return kind.shown.type; }
  data::Type operator()(const Running& kind) const { return number_type(kind.scale); }
  data::Type operator()(const Last& kind) const { return kind.shown.type; }
  data::Type operator()(const Record& kind) const { return record_type(*kind.fields); }
  data::Type operator()(const Elements& kind) const {
    if (const auto* plain = kind.plain()) return data::list_of(plain->type());
    return data::list_of(record_type(*kind.fields));
  }
  data::Type operator()(const Alternatives& kind) const { return kind.type; }
};

const Shown* shown_of(const ColumnSpec& column) {
  if (const auto* given = std::get_if<Given>(&column.kind)) return &given->shown;
  if (const auto* same = std::get_if<Same>(&column.kind)) return &same->shown;
  if (const auto* last = std::get_if<Last>(&column.kind)) return &last->shown;
  const auto* alternatives = std::get_if<Alternatives>(&column.kind);
  return alternatives != nullptr && alternatives->shown ? &*alternatives->shown : nullptr;
}

}  // namespace

const ColumnSpec* Elements::plain() const {
  const ColumnSpec* only = nullptr;
  for (const auto& column : fields->columns) {
    if (!column.is_written) continue;
    if (only != nullptr || column.name != "value") return nullptr;
    only = &column;
  }
  return only;
}

data::Type ColumnSpec::plain_type() const { return std::visit(PlainType{}, kind); }

data::Type ColumnSpec::type() const { return odd_rate > 0 ? data::type_of(data::Kind::Json) : plain_type(); }

std::optional<int> ColumnSpec::scale() const { return scale_of(plain_type()); }

const std::vector<std::string>* ColumnSpec::texts() const {
  if (const auto* choice = std::get_if<Choice>(&kind)) return &choice->values;
  const auto* shown = shown_of(*this);
  return shown != nullptr && !shown->texts.empty() ? &shown->texts : nullptr;
}

bool ColumnSpec::has_values() const {
  if (std::holds_alternative<TextPattern>(kind)) return false;
  const auto* alternatives = std::get_if<Alternatives>(&kind);
  return alternatives != nullptr ? alternatives->shown.has_value()
                                 : !std::holds_alternative<Record>(kind) && !std::holds_alternative<Elements>(kind);
}

bool ColumnSpec::is_of_documents() const {
  // The kinds that lines of text know stand first.
  constexpr std::size_t kOfLines = 8;
  return kind.index() >= kOfLines || present < 1 || odd_rate > 0;
}

bool Spec::is_of_documents() const { return std::ranges::any_of(columns, &ColumnSpec::is_of_documents); }

data::Schema Spec::schema() const {
  data::Schema schema;
  for (const auto& column : columns) {
    if (!column.is_written) continue;
    // A defect may leave a cell empty or put anything into it.
    const bool may_lack = !defects.empty() || column.present < 1 || std::holds_alternative<Alternatives>(column.kind);
    schema.fields.push_back({column.name, defects.empty() ? column.type() : data::type_of(data::Kind::String),
                             may_lack ? data::Nullable::Yes : data::Nullable::No});
  }
  return schema;
}

}  // namespace weir::generate
