#include "connectors/generate/generator.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/check.hpp"
#include "data/calendar.hpp"

namespace weir::generate {
namespace {

constexpr std::size_t kIntegerWidthMax = 20;

bool needs_quotes(std::string_view text) { return text.find_first_of(",\"\n\r") != std::string_view::npos; }

void append_csv_value(std::string& out, std::string_view text) {
  if (!needs_quotes(text)) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

char* write_integer(char* out, std::int64_t value) { return std::to_chars(out, out + kIntegerWidthMax, value).ptr; }

char* write_decimal(char* out, std::int64_t value, int scale) {
  auto size = static_cast<std::uint64_t>(value);
  if (value < 0) {
    *out++ = '-';
    size = 0 - size;
  }
  std::uint64_t unit = 1;
  for (int i = 0; i < scale; ++i) unit *= 10;
  out = std::to_chars(out, out + kIntegerWidthMax, size / unit).ptr;
  if (scale == 0) return out;
  *out = '.';
  auto fraction = size % unit;
  for (int i = scale; i > 0; --i, fraction /= 10) out[i] = static_cast<char>('0' + fraction % 10);
  return out + scale + 1;
}

std::string date_text(std::int64_t day) {
  const auto date = data::civil_from_days(day);
  return fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day);
}

}  // namespace

Generator::Generator(Spec spec, Variation variation)
    : spec_(std::move(spec)),
      variation_(variation),
      values_(make_column_values(spec_.columns, variation_)),
      defect_draw_(variation.seed, "defects/draw"),
      defect_detail_(variation.seed, "defects/detail") {
  for (std::size_t i = 0; i < spec_.columns.size(); ++i) {
    cells_.push_back(make_cell(i));
    if (!spec_.columns[i].is_written) continue;
    written_.push_back(i);
    row_width_max_ += cells_[i].width_max;
    needs_quotes_ = needs_quotes_ || cells_[i].kind == Cell::Kind::Text;
  }
  double end = 0;
  for (const auto& defect : spec_.defects) {
    end += defect.rate;
    defect_ends_.push_back(static_cast<std::uint64_t>(end * 0x1.0p64));
  }
}

Generator::Cell Generator::make_cell(std::size_t column) const {
  const auto& spec = spec_.columns[column];
  Cell cell;
  cell.column = column;
  cell.width_max = kIntegerWidthMax + 3;
  if (const auto* days = std::get_if<Days>(&spec.kind)) {
    cell.kind = Cell::Kind::Date;
    const auto last_day = variation_.last_day - days->ends_before;
    cell.first_day = last_day - days->count + 1;
    for (std::int64_t day = cell.first_day; day <= last_day; ++day) cell.days += date_text(day);
  } else if (const auto* choice = std::get_if<Choice>(&spec.kind)) {
    cell.kind = Cell::Kind::Choice;
    cell.choices = choice->values;
    for (const auto& value : choice->values) {
      append_csv_value(cell.csv_choices.emplace_back(), value);
      cell.width_max = std::max(cell.width_max, cell.csv_choices.back().size() + 1);
    }
  } else if (std::holds_alternative<TextPattern>(spec.kind)) {
    cell.kind = Cell::Kind::Text;
  } else {
    cell.scale = *spec.scale();
    cell.kind = cell.scale == 0 ? Cell::Kind::Integer : Cell::Kind::Decimal;
  }
  return cell;
}

void Generator::append_header(std::string& out) const {
  for (const auto column : written_) {
    append_csv_value(out, spec_.columns[column].name);
    out += ',';
  }
  out.back() = '\n';
}

std::int8_t Generator::drawn_defect(std::uint64_t row) const {
  const auto draw = defect_draw_.at(row);
  if (defect_ends_.empty() || draw >= defect_ends_.back()) return kClean;
  std::int8_t defect = 0;
  while (draw >= defect_ends_[static_cast<std::size_t>(defect)]) ++defect;
  return defect;
}

std::uint64_t Generator::original_of(std::uint64_t row, const DefectSpec& defect) const {
  if (row == 0) return row;
  const auto reach = std::min<std::uint64_t>(row, static_cast<std::uint64_t>(defect.within));
  for (auto original = row - 1 - defect_detail_.below(row, reach);; --original) {
    if (drawn_defect(original) == kClean) return original;
    if (original == 0) return row;
  }
}

bool Generator::fill(std::span<const std::uint64_t> rows, BlockValues& values) const {
  values.resize(spec_.columns.size());
  bool fits = true;
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (values[i].size() < rows.size()) values[i].resize(rows.size());
    if (values_[i] != nullptr) fits = values_[i]->fill(rows, values, values[i]) && fits;
  }
  return fits;
}

bool Generator::fill_block(std::uint64_t begin, std::size_t rows, Scratch& scratch) const {
  scratch.sources.resize(rows);
  scratch.defects.resize(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    const auto row = begin + i;
    scratch.sources[i] = row;
    scratch.defects[i] = drawn_defect(row);
    if (scratch.defects[i] == kClean) continue;
    const auto& defect = spec_.defects[static_cast<std::size_t>(scratch.defects[i])];
    if (defect.kind != DefectKind::Duplicate) continue;
    scratch.sources[i] = original_of(row, defect);
    if (scratch.sources[i] == row) scratch.defects[i] = kClean;
  }
  if (!fill(scratch.sources, scratch.values)) return false;
  for (std::size_t i = 0; i < rows; ++i) {
    if (scratch.defects[i] == kClean) continue;
    const auto& defect = spec_.defects[static_cast<std::size_t>(scratch.defects[i])];
    if (defect.kind != DefectKind::Conflict) continue;
    const auto original = original_of(begin + i, defect);
    if (original == begin + i) {
      scratch.defects[i] = kClean;
      continue;
    }
    if (!fill({&original, 1}, scratch.one)) return false;
    for (const auto column : defect.columns) scratch.values[column][i] = scratch.one[column][0];
  }
  return true;
}

char* Generator::write_value(char* out, const Cell& cell, const BlockValues& values, std::size_t row) const {
  const auto value = values[cell.column][row];
  switch (cell.kind) {
    case Cell::Kind::Integer: return write_integer(out, value);
    case Cell::Kind::Decimal: return write_decimal(out, value, cell.scale);
    case Cell::Kind::Date: return std::copy_n(cell.days.data() + (value - cell.first_day) * 10, 10, out);
    case Cell::Kind::Choice: {
      const auto& text = cell.csv_choices[static_cast<std::size_t>(value)];
      return std::ranges::copy(text, out).out;
    }
    case Cell::Kind::Text: break;
  }
  WEIR_CHECK(false);
}

void Generator::append_text(std::string& out, const Cell& cell, const BlockValues& values, std::size_t row) const {
  if (cell.kind == Cell::Kind::Choice) {
    out += cell.choices[static_cast<std::size_t>(values[cell.column][row])];
    return;
  }
  if (cell.kind != Cell::Kind::Text) {
    char buffer[kIntegerWidthMax + 3];
    out.append(buffer, static_cast<std::size_t>(write_value(buffer, cell, values, row) - buffer));
    return;
  }
  for (const auto& piece : std::get<TextPattern>(spec_.columns[cell.column].kind).pieces) {
    out += piece.literal;
    if (!piece.column) continue;
    const auto begin = out.size();
    append_text(out, cells_[*piece.column], values, row);
    const auto size = out.size() - begin;
    if (size < static_cast<std::size_t>(piece.width))
      out.insert(begin, static_cast<std::size_t>(piece.width) - size, '0');
  }
}

void Generator::make_cells(std::uint64_t number, std::size_t row, Scratch& scratch, DefectCounts& counts) const {
  scratch.cells.resize(written_.size());
  for (std::size_t i = 0; i < written_.size(); ++i) {
    scratch.cells[i].clear();
    append_text(scratch.cells[i], cells_[written_[i]], scratch.values, row);
  }
  const auto index = scratch.defects[row];
  if (index == kClean) return;
  const auto& defect = spec_.defects[static_cast<std::size_t>(index)];
  auto& count = counts[static_cast<std::size_t>(index)];
  if (defect.kind == DefectKind::Duplicate || defect.kind == DefectKind::Conflict) {
    ++count;
    return;
  }
  const auto random = defect_detail_.at(number);
  const auto column = defect.columns[RandomStream::scale(random, defect.columns.size())];
  const auto place = static_cast<std::size_t>(std::ranges::find(written_, column) - written_.begin());
  const auto divisor = defect.indivisible_by ? scratch.values[*defect.indivisible_by][row] : 0;
  const SpoilContext context{spec_.columns[column], scratch.values[column][row], divisor};
  // The high bits chose the column; the low ones are still free.
  if (spoil(defect, context, random & 0xffff'ffff'ffffU, scratch.cells[place])) ++count;
}

bool Generator::append_csv(std::uint64_t begin, std::uint64_t end, Scratch& scratch, data::BufferBuilder& out,
                           DefectCounts& counts) const {
  counts.resize(spec_.defects.size());
  while (begin < end) {
    const auto rows = std::min<std::uint64_t>(end - begin, kBlockRows);
    if (!fill_block(begin, rows, scratch)) return false;
    out.reserve(out.size() + rows * row_width_max_);
    for (std::size_t row = 0; row < rows; ++row) {
      if (scratch.defects[row] != kClean || needs_quotes_) {
        make_cells(begin + row, row, scratch, counts);
        append_slowly(scratch, out);
        out.reserve(out.size() + (rows - row) * row_width_max_);
        continue;
      }
      auto* const line = out.as<char>() + out.size();
      auto* at = line;
      for (const auto column : written_) {
        at = write_value(at, cells_[column], scratch.values, row);
        *at++ = ',';
      }
      at[-1] = '\n';
      out.extend(static_cast<std::size_t>(at - line));
    }
    begin += rows;
  }
  return true;
}

void Generator::append_slowly(Scratch& scratch, data::BufferBuilder& out) const {
  scratch.line.clear();
  for (const auto& cell : scratch.cells) {
    append_csv_value(scratch.line, cell);
    scratch.line += ',';
  }
  scratch.line.back() = '\n';
  out.append(scratch.line.data(), scratch.line.size());
}

bool Generator::append_cells(std::uint64_t begin, std::uint64_t end, Scratch& scratch, std::vector<std::string>& out,
                             DefectCounts& counts) const {
  counts.resize(spec_.defects.size());
  while (begin < end) {
    const auto rows = std::min<std::uint64_t>(end - begin, kBlockRows);
    if (!fill_block(begin, rows, scratch)) return false;
    for (std::size_t row = 0; row < rows; ++row) {
      make_cells(begin + row, row, scratch, counts);
      out.insert(out.end(), scratch.cells.begin(), scratch.cells.end());
    }
    begin += rows;
  }
  return true;
}

}  // namespace weir::generate
