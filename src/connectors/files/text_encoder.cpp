#include "connectors/files/text_encoder.hpp"

#include <zlib.h>
#include <zstd.h>

#include "data/text.hpp"

namespace weir::files {
namespace {

constexpr int kZstdLevel = 3;

std::string gzip(const std::string& text) {
  z_stream stream{};
  WEIR_CHECK(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  WEIR_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const auto size = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), kZstdLevel);
  WEIR_CHECK(ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

}  // namespace

void TextEncoder::append_header(std::string& out, const data::Schema& schema) const {
  if (format_ == Format::JsonLines || !options_.has_header) return;
  for (const auto& field : schema.fields) {
    append_csv_value(out, field.name);
    out += options_.marks.delimiter;
  }
  out.back() = '\n';
}

void TextEncoder::append_rows(std::string& out, const data::Batch& batch) const {
  std::string scratch;
  if (format_ == Format::JsonLines) {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      out += '{';
      for (std::size_t i = 0; i < batch.columns().size(); ++i) {
        if (i != 0) out += ',';
        data::append_json_text(out, batch.schema()->fields[i].name);
        out += ':';
        data::append_json(out, batch.column(i), row);
      }
      out += "}\n";
    }
    return;
  }
  for (std::size_t row = 0; row < batch.rows(); ++row) append_csv_row(out, batch, row, scratch);
}

void TextEncoder::append_csv_row(std::string& out, const data::Batch& batch, std::size_t row,
                                 std::string& scratch) const {
  for (const auto& column : batch.columns()) {
    if (column.is_null(row)) {
      out += options_.null_text;
    } else if (column.type().kind == data::Kind::String || column.type().kind == data::Kind::Json) {
      append_csv_value(out, column.text(row));
    } else {
      scratch.clear();
      data::append_text(scratch, column, row);
      append_csv_value(out, scratch);
    }
    out += options_.marks.delimiter;
  }
  out.back() = '\n';
}

// In quotes where it would otherwise read as something else: as two values, as two lines, or as null.
void TextEncoder::append_csv_value(std::string& out, std::string_view text) const {
  const char quote = options_.marks.quote;
  const bool can_quote = quote != options_.marks.delimiter;
  const char special[] = {options_.marks.delimiter, quote, '\n', '\r'};
  if (!can_quote ||
      (text != options_.null_text && text.find_first_of({special, sizeof special}) == std::string_view::npos)) {
    out += text;
    return;
  }
  out += quote;
  for (const char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  out += quote;
}

std::string compress(std::string text, Compression compression) {
  switch (compression) {
    case Compression::Gzip: return gzip(text);
    case Compression::Zstd: return zstd(text);
    case Compression::None: break;
  }
  return text;
}

}  // namespace weir::files
