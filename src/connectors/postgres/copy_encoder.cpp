#include "connectors/postgres/copy_encoder.hpp"

namespace weir::postgres {

Result<CopyEncoder> CopyEncoder::create(const data::Schema& schema, const std::vector<WriteColumn>& columns) {
  WEIR_CHECK(schema.fields.size() == columns.size());
  std::vector<std::unique_ptr<FieldEncoder>> encoders;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    auto encoder = make_encoder(schema.fields[i].type, columns[i]);
    if (encoder == nullptr) {
      return Error::user(Code::TypeMismatch, "column {}: {} cannot be written to a column of type {}", columns[i].name,
                         schema.fields[i].type.text(), columns[i].native_type)
          .hint("cast it in a model, or change the table's column");
    }
    encoders.push_back(std::move(encoder));
  }
  return CopyEncoder{std::move(encoders)};
}

void CopyEncoder::append_header(data::BufferBuilder& out) {
  out.append(kCopySignature, kCopySignatureBytes);
  out.append_value(std::int32_t{0});  // flags
  out.append_value(std::int32_t{0});  // length of the header's extension
}

void CopyEncoder::append_trailer(data::BufferBuilder& out) { out.append_value(std::int16_t{-1}); }

Result<void> CopyEncoder::append(const data::Batch& batch, std::size_t begin, std::size_t rows,
                                 data::BufferBuilder& out) {
  constexpr std::uint32_t kCountBytes = 2;
  sizes_.assign(rows, kCountBytes);
  for (std::size_t i = 0; i < encoders_.size(); ++i) {
    if (const auto misfit = encoders_[i]->measure(batch.column(i), begin, rows, sizes_.data())) {
      return Error::user(Code::TypeMismatch, "column {}, row {} of the load: {}", batch.schema()->fields[i].name,
                         rows_before_ + (misfit->row - begin) + 1, misfit->reason);
    }
  }
  std::size_t total = 0;
  for (const auto size : sizes_) total += size;
  auto* cursor = out.extend(total);
  cursors_.resize(rows);
  const auto fields = static_cast<std::int16_t>(encoders_.size());
  for (std::size_t i = 0; i < rows; ++i) {
    store_big_endian(cursor, fields);
    cursors_[i] = cursor + kCountBytes;
    cursor += sizes_[i];
  }
  for (std::size_t i = 0; i < encoders_.size(); ++i) encoders_[i]->write(batch.column(i), begin, rows, cursors_.data());
  rows_before_ += rows;
  return {};
}

}  // namespace weir::postgres
