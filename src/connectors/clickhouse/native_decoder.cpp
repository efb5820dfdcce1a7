#include "connectors/clickhouse/native_decoder.hpp"

#include <cstring>

#include "connectors/clickhouse/row_range.hpp"

namespace weir::clickhouse {
namespace {

constexpr std::size_t kNameBytesMax = std::size_t{1} << 20;
constexpr std::uint64_t kColumnsMax = 100'000;
constexpr std::uint64_t kBlockRowsMax = std::uint64_t{1} << 31;

Error broken(std::string_view what) {
  return Error::external(Code::InvalidData, "the server's answer is not in Native format: {}", what)
      .retry(Retry::Reconnect);
}

}  // namespace

NativeDecoder::NativeDecoder(net::ByteSource& source, flow::Limits limits, std::string server_zone, FullType full_type)
    : input_(source), limits_(limits), server_zone_(std::move(server_zone)), full_type_(std::move(full_type)) {}

Result<NativeDecoder::Start> NativeDecoder::start() {
  const auto head = WEIR_TRY(read_head());
  if (!head) return Start::Empty;
  for (std::uint64_t i = 0; i < head->columns; ++i) {
    if (!WEIR_TRY(add_column())) return Start::UnknownType;
    if (head->rows == 0) continue;
    WEIR_TRY(columns_.back()->read_prefix(input_));
    WEIR_TRY(columns_.back()->read(input_, head->rows));
  }
  rows_ = head->rows;
  last_block_bytes_ = memory_bytes();
  schema_ = std::make_shared<const data::Schema>(data::Schema{std::move(fields_)});
  return Start::Rows;
}

Result<std::optional<NativeDecoder::BlockHead>> NativeDecoder::read_head() {
  if (WEIR_TRY(input_.at_end())) return std::nullopt;
  BlockHead head;
  head.columns = WEIR_TRY(input_.varuint());
  head.rows = WEIR_TRY(input_.varuint());
  if (head.columns == 0 || head.columns > kColumnsMax || head.rows > kBlockRowsMax)
    return broken("the head of a block");
  if (!type_texts_.empty() && head.columns != type_texts_.size()) return broken("the number of columns changed");
  return head;
}

Result<bool> NativeDecoder::add_column() {
  auto name = WEIR_TRY(input_.text(kNameBytesMax));
  auto type_text = WEIR_TRY(input_.text(kNameBytesMax));
  const bool zone_left_out = type_text == "DateTime" && full_type_;
  const auto type = parse_column_type(zone_left_out ? WEIR_TRY(full_type_(columns_.size())) : type_text);
  auto mapped = type ? weir_type(*type, server_zone_) : std::nullopt;
  if (!mapped) {
    unknown_type_ = std::move(type_text);
    return false;
  }
  columns_.push_back(make_decoder(*type, server_zone_));
  fields_.push_back({std::move(name), std::move(mapped->type), mapped->nullable});
  type_texts_.push_back(std::move(type_text));
  return true;
}

Result<void> NativeDecoder::expect_column(std::size_t index) {
  const auto name = WEIR_TRY(input_.text(kNameBytesMax));
  const auto type = WEIR_TRY(input_.text(kNameBytesMax));
  if (name != schema_->fields[index].name || type != type_texts_[index]) return broken("the columns changed");
  return {};
}

Result<void> NativeDecoder::read_block(const BlockHead& head) {
  const auto before = memory_bytes();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    WEIR_TRY(expect_column(i));
    if (head.rows == 0) continue;
    WEIR_TRY(columns_[i]->read_prefix(input_));
    WEIR_TRY(columns_[i]->read(input_, head.rows));
  }
  rows_ += head.rows;
  last_block_bytes_ = memory_bytes() - before;
  return {};
}

bool NativeDecoder::must_close(const BlockHead& next) const {
  if (rows_ == 0) return false;
  return rows_ + next.rows > limits_.batch_rows || memory_bytes() + last_block_bytes_ > limits_.batch_bytes;
}

Result<std::optional<data::Batch>> NativeDecoder::next() {
  while (ready_.empty()) {
    if (!pending_) pending_ = WEIR_TRY(read_head());
    if (!pending_ || must_close(*pending_)) {
      if (rows_ == 0) return std::nullopt;
      cut(take_rows());
      break;
    }
    WEIR_TRY(read_block(*pending_));
    pending_.reset();
  }
  auto batch = std::move(ready_.back());
  ready_.pop_back();
  return batch;
}

std::size_t NativeDecoder::memory_bytes() const {
  std::size_t total = 0;
  for (const auto& column : columns_) total += column->memory_bytes();
  return total;
}

data::Batch NativeDecoder::take_rows() {
  std::vector<data::Column> columns;
  columns.reserve(columns_.size());
  for (const auto& column : columns_) columns.push_back(column->finish());
  return {schema_, std::move(columns), std::exchange(rows_, 0)};
}

void NativeDecoder::cut(data::Batch batch) {
  const bool fits = batch.rows() <= limits_.batch_rows && batch.memory_bytes() <= limits_.batch_bytes;
  if (fits || batch.rows() == 1) {
    ready_.push_back(std::move(batch));
    return;
  }
  const auto half = std::min(batch.rows() / 2, limits_.batch_rows);
  cut(copy_rows(batch, half, batch.rows() - half));
  cut(copy_rows(batch, 0, half));
}

}  // namespace weir::clickhouse
