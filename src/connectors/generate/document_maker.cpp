#include "connectors/generate/document_maker.hpp"

#include <algorithm>

#include "data/decimal.hpp"
#include "data/text.hpp"

namespace weir::generate {
namespace {

constexpr std::uint64_t kBlockRows = 1024;
// Element numbers of one row; more than kElementsMax, so that those of two rows differ.
constexpr std::uint64_t kElementNumbers = 1024;

std::vector<const Scope*> scopes_of(const ColumnSpec& column) {
  if (const auto* record = std::get_if<Record>(&column.kind)) return {record->fields.get()};
  if (const auto* elements = std::get_if<Elements>(&column.kind)) return {elements->fields.get()};
  std::vector<const Scope*> scopes;
  if (const auto* alternatives = std::get_if<Alternatives>(&column.kind)) {
    for (const auto& scope : alternatives->scopes) scopes.push_back(scope.get());
  }
  return scopes;
}

void append_decimal(data::ColumnBuilder& out, std::int64_t value) {
  data::append_decimal_value(out, data::Int256::from(value));
}

// A value as its type's text: what text patterns and JSON are made of.
void append_value_text(std::string& out, const data::Type& type, std::int64_t value) {
  data::ColumnBuilder builder{type};
  switch (type.kind) {
    case data::Kind::Int64: out += fmt::format("{}", value); return;
    case data::Kind::Decimal: data::append_decimal(out, data::Int128{value}, type.scale); return;
    case data::Kind::Bool: out += value != 0 ? "true" : "false"; return;
    case data::Kind::Date: builder.append(static_cast<std::int32_t>(value)); break;
    default: builder.append(value); break;
  }
  data::append_text(out, builder.finish(), 0);
}

}  // namespace

DocumentMaker::DocumentMaker(std::span<const ColumnSpec> columns, const Variation& variation) : specs_(columns) {
  auto values = make_column_values(columns, variation);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    columns_.push_back({std::move(values[i]),
                        RandomStream{variation.seed, columns[i].path + "/present"},
                        RandomStream{variation.seed, columns[i].path + "/odd"},
                        {}});
    for (const auto* scope : scopes_of(columns[i])) {
      columns_.back().inside.push_back(std::make_unique<DocumentMaker>(scope->columns, variation));
    }
  }
}

bool DocumentMaker::append(std::uint64_t begin, std::uint64_t end, std::vector<data::ColumnBuilder>& builders) const {
  while (begin < end) {
    DocumentValues rows;
    for (const auto stop = std::min(begin + kBlockRows, end); begin < stop; ++begin) rows.numbers.push_back(begin);
    rows.columns.resize(specs_.size());
    if (!fill(rows)) return false;
    std::size_t at = 0;
    for (std::size_t i = 0; i < specs_.size(); ++i) {
      if (!specs_[i].is_written) continue;
      for (std::size_t row = 0; row < rows.numbers.size(); ++row) append(builders[at], i, rows, row);
      ++at;
    }
  }
  return true;
}

bool DocumentMaker::fill(DocumentValues& rows) const {
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    if (std::holds_alternative<Given>(specs_[i].kind)) continue;
    rows.columns[i].resize(rows.numbers.size());
    if (!fill_column(i, rows)) return false;
  }
  return true;
}

bool DocumentMaker::fill_column(std::size_t column, DocumentValues& rows) const {
  const auto& kind = specs_[column].kind;
  auto& out = rows.columns[column];
  if (columns_[column].values != nullptr) return columns_[column].values->fill(rows.numbers, rows.columns, out);
  if (const auto* record = std::get_if<Record>(&kind)) {
    auto& inside = rows.inside[column].emplace_back();
    for (std::size_t row = 0; row < rows.numbers.size(); ++row) {
      inside.begins.push_back(row);
      inside.parents.push_back(row);
    }
    inside.begins.push_back(rows.numbers.size());
    inside.values = std::make_unique<DocumentValues>();
    inside.values->numbers = rows.numbers;
    return fill_inside(*columns_[column].inside.front(), *record->fields, rows, inside);
  }
  if (const auto* elements = std::get_if<Elements>(&kind)) return fill_elements(column, *elements, rows);
  if (const auto* alternatives = std::get_if<Alternatives>(&kind))
    return fill_alternatives(column, *alternatives, rows);
  if (const auto* last = std::get_if<Last>(&kind)) {
    const auto& list = rows.inside.at(last->list).front();
    for (std::size_t row = 0; row < out.size(); ++row) {
      out[row] = list.values->columns[last->column][list.begins[row + 1] - 1];
    }
    return true;
  }
  if (const auto* running = std::get_if<Running>(&kind)) {
    const auto& added = rows.columns[running->column];
    for (std::size_t row = 0; row < out.size(); ++row) {
      const bool is_first = rows.columns[running->position][row] == 0;
      if (__builtin_add_overflow(is_first ? 0 : out[row - 1], added[row], &out[row])) return false;
    }
  }
  return true;
}

bool DocumentMaker::fill_inside(const DocumentMaker& maker, const Scope& scope, const DocumentValues& rows,
                                Inside& inside) const {
  auto& values = *inside.values;
  values.columns.resize(scope.columns.size());
  for (std::size_t i = 0; i < scope.inherited.size(); ++i) {
    const auto& from = rows.columns[scope.inherited[i]];
    for (const auto parent : inside.parents) values.columns[i].push_back(from[parent]);
  }
  return maker.fill(values);
}

bool DocumentMaker::fill_elements(std::size_t column, const Elements& elements, DocumentValues& rows) const {
  Inside inside;
  inside.values = std::make_unique<DocumentValues>();
  std::vector<std::int64_t> positions;
  std::vector<std::int64_t> words;
  for (std::size_t row = 0; row < rows.numbers.size(); ++row) {
    inside.begins.push_back(positions.size());
    const auto given = rows.columns[elements.length][row];
    const auto* of_text = elements.is_worded ? &elements.of_text[static_cast<std::size_t>(given)] : nullptr;
    const auto length = of_text != nullptr ? static_cast<std::int64_t>(of_text->size()) : given;
    for (std::int64_t position = 0; position < std::min(length, kElementsMax); ++position) {
      inside.parents.push_back(row);
      inside.values->numbers.push_back(rows.numbers[row] * kElementNumbers + static_cast<std::uint64_t>(position));
      positions.push_back(position);
      if (of_text != nullptr) words.push_back((*of_text)[static_cast<std::size_t>(position)]);
    }
  }
  inside.begins.push_back(positions.size());
  // The given columns stand behind the inherited ones.
  const auto first = elements.fields->inherited.size();
  inside.values->columns.resize(elements.fields->columns.size());
  inside.values->columns[first] = std::move(positions);
  if (elements.is_worded) inside.values->columns[first + 1] = std::move(words);
  const bool fits = fill_inside(*columns_[column].inside.front(), *elements.fields, rows, inside);
  rows.inside[column].push_back(std::move(inside));
  return fits;
}

bool DocumentMaker::fill_alternatives(std::size_t column, const Alternatives& alternatives,
                                      DocumentValues& rows) const {
  const auto& chosen = rows.columns[alternatives.column];
  auto& out = rows.columns[column];
  for (std::size_t i = 0; i < alternatives.scopes.size(); ++i) {
    Inside inside;
    inside.values = std::make_unique<DocumentValues>();
    for (std::size_t row = 0; row < rows.numbers.size(); ++row) {
      inside.begins.push_back(inside.parents.size());
      if (alternatives.of_text[static_cast<std::size_t>(chosen[row])] != i) continue;
      inside.parents.push_back(row);
      inside.values->numbers.push_back(rows.numbers[row]);
    }
    inside.begins.push_back(inside.parents.size());
    if (!fill_inside(*columns_[column].inside[i], *alternatives.scopes[i], rows, inside)) return false;
    for (std::size_t at = 0; alternatives.shown && at < inside.parents.size(); ++at) {
      const auto value = inside.values->columns.back()[at];
      out[inside.parents[at]] =
          alternatives.index_of.empty() ? value : alternatives.index_of[i][static_cast<std::size_t>(value)];
    }
    rows.inside[column].push_back(std::move(inside));
  }
  return true;
}

bool DocumentMaker::is_present(std::size_t column, const DocumentValues& rows, std::size_t row) const {
  const auto& spec = specs_[column];
  if (const auto* alternatives = std::get_if<Alternatives>(&spec.kind)) {
    if (!alternatives->of_text[static_cast<std::size_t>(rows.columns[alternatives->column][row])]) return false;
  }
  return spec.present >= 1 || columns_[column].present.unit(rows.numbers[row]) < spec.present;
}

bool DocumentMaker::is_odd(std::size_t column, const DocumentValues& rows, std::size_t row) const {
  return specs_[column].odd_rate > 0 && columns_[column].odd.unit(rows.numbers[row]) < specs_[column].odd_rate;
}

void DocumentMaker::append(data::ColumnBuilder& out, std::size_t column, const DocumentValues& rows,
                           std::size_t row) const {
  if (!is_present(column, rows, row)) {
    out.append_null();
  } else if (out.type().kind == data::Kind::Json) {
    std::string text;
    append_json(text, column, rows, row);
    out.append_text(text);
  } else {
    append_plain(out, column, rows, row);
  }
}

void DocumentMaker::append_plain(data::ColumnBuilder& out, std::size_t column, const DocumentValues& rows,
                                 std::size_t row) const {
  const auto& spec = specs_[column];
  if (const auto* elements = std::get_if<Elements>(&spec.kind)) {
    const auto& list = rows.inside.at(column).front();
    const auto& maker = *columns_[column].inside.front();
    const auto* plain = elements->plain();
    for (auto at = list.begins[row]; at < list.begins[row + 1]; ++at) {
      if (plain != nullptr) {
        maker.append(out.child(0), static_cast<std::size_t>(plain - maker.specs_.data()), *list.values, at);
      } else {
        maker.append_fields(out.child(0), *list.values, at);
      }
    }
    out.append_nested();
    return;
  }
  if (std::holds_alternative<Record>(spec.kind)) {
    columns_[column].inside.front()->append_fields(out, *rows.inside.at(column).front().values, row);
    return;
  }
  const auto value = rows.columns[column][row];
  switch (out.type().kind) {
    case data::Kind::Bool: out.append_bool(value != 0); break;
    case data::Kind::Date: out.append(static_cast<std::int32_t>(value)); break;
    case data::Kind::Decimal: append_decimal(out, value); break;
    case data::Kind::String: {
      std::string text;
      append_text(text, column, rows, row);
      out.append_text(text);
      break;
    }
    default: out.append(value); break;
  }
}

void DocumentMaker::append_fields(data::ColumnBuilder& out, const DocumentValues& rows, std::size_t row) const {
  std::size_t at = 0;
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    if (specs_[i].is_written) append(out.child(at++), i, rows, row);
  }
  out.append_nested();
}

void DocumentMaker::append_json(std::string& out, std::size_t column, const DocumentValues& rows,
                                std::size_t row) const {
  const auto& spec = specs_[column];
  if (is_odd(column, rows, row)) {
    // The high bits decided that it is odd; the low ones are still free.
    const auto random = columns_[column].odd.at(rows.numbers[row]) << 11;
    out += spec.odd_values[RandomStream::scale(random, spec.odd_values.size())];
  } else {
    append_plain_json(out, column, rows, row);
  }
}

void DocumentMaker::append_plain_json(std::string& out, std::size_t column, const DocumentValues& rows,
                                      std::size_t row) const {
  const auto& spec = specs_[column];
  if (const auto* alternatives = std::get_if<Alternatives>(&spec.kind)) {
    const auto chosen = *alternatives->of_text[static_cast<std::size_t>(rows.columns[alternatives->column][row])];
    const auto& inside = rows.inside.at(column)[chosen];
    const auto& maker = *columns_[column].inside[chosen];
    const auto last = maker.specs_.size() - 1;
    if (maker.is_present(last, *inside.values, inside.begins[row])) {
      maker.append_json(out, last, *inside.values, inside.begins[row]);
    } else {
      out += "null";
    }
    return;
  }
  if (const auto* elements = std::get_if<Elements>(&spec.kind)) {
    const auto& list = rows.inside.at(column).front();
    const auto& maker = *columns_[column].inside.front();
    const auto* plain = elements->plain();
    out += '[';
    for (auto at = list.begins[row]; at < list.begins[row + 1]; ++at) {
      if (at != list.begins[row]) out += ',';
      if (plain != nullptr) {
        maker.append_json(out, static_cast<std::size_t>(plain - maker.specs_.data()), *list.values, at);
      } else {
        maker.append_json_fields(out, *list.values, at);
      }
    }
    out += ']';
    return;
  }
  if (std::holds_alternative<Record>(spec.kind)) {
    columns_[column].inside.front()->append_json_fields(out, *rows.inside.at(column).front().values, row);
    return;
  }
  const auto type = spec.plain_type();
  std::string text;
  append_text(text, column, rows, row);
  if (spec.scale() || type.kind == data::Kind::Bool) {
    out += text;
  } else {
    data::append_json_text(out, text);
  }
}

void DocumentMaker::append_json_fields(std::string& out, const DocumentValues& rows, std::size_t row) const {
  out += '{';
  bool is_first = true;
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    if (!specs_[i].is_written || !is_present(i, rows, row)) continue;
    if (!is_first) out += ',';
    is_first = false;
    data::append_json_text(out, specs_[i].name);
    out += ':';
    append_json(out, i, rows, row);
  }
  out += '}';
}

void DocumentMaker::append_text(std::string& out, std::size_t column, const DocumentValues& rows,
                                std::size_t row) const {
  const auto& spec = specs_[column];
  if (const auto* pattern = std::get_if<TextPattern>(&spec.kind)) {
    for (const auto& piece : pattern->pieces) {
      out += piece.literal;
      if (!piece.column) continue;
      const auto begin = out.size();
      append_text(out, *piece.column, rows, row);
      const auto size = out.size() - begin;
      if (size < static_cast<std::size_t>(piece.width))
        out.insert(begin, static_cast<std::size_t>(piece.width) - size, '0');
    }
    return;
  }
  const auto* alternatives = std::get_if<Alternatives>(&spec.kind);
  if (alternatives != nullptr && !alternatives->shown) {
    const auto chosen = *alternatives->of_text[static_cast<std::size_t>(rows.columns[alternatives->column][row])];
    const auto& inside = rows.inside.at(column)[chosen];
    const auto& maker = *columns_[column].inside[chosen];
    maker.append_text(out, maker.specs_.size() - 1, *inside.values, inside.begins[row]);
    return;
  }
  const auto value = rows.columns[column][row];
  if (const auto* texts = spec.texts()) {
    out += (*texts)[static_cast<std::size_t>(value)];
  } else {
    append_value_text(out, spec.plain_type(), value);
  }
}

}  // namespace weir::generate
