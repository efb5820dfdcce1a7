#include "connectors/files/bytes_reader.hpp"

#include <algorithm>

namespace weir::files {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

class BytesReader final : public flow::Reader {
 public:
  BytesReader(std::unique_ptr<ByteInput> input, std::size_t piece_bytes)
      : input_(std::move(input)), piece_(piece_bytes), schema_(std::make_shared<const data::Schema>(bytes_schema())) {}

  const data::SchemaPtr& schema() const override { return schema_; }
  std::uint64_t bytes_read() const override { return input_->bytes_taken(); }

  Result<std::optional<flow::Delivery>> next(std::stop_token stop) override {
    if (stop.stop_requested()) return Error::cancelled();
    std::size_t size = 0;
    while (size < piece_.size()) {
      const auto got = WEIR_TRY(input_->read(piece_.data() + size, piece_.size() - size));
      if (got == 0) break;
      size += got;
    }
    if (size == 0) return std::optional<flow::Delivery>{};
    data::ColumnBuilder builder{schema_->fields.front().type};
    builder.append_text({piece_.data(), size});
    return std::optional{flow::Delivery{data::Batch{schema_, {builder.finish()}, 1}, std::nullopt}};
  }

 private:
  std::unique_ptr<ByteInput> input_;
  std::vector<char> piece_;
  data::SchemaPtr schema_;
};

}  // namespace

data::Schema bytes_schema() { return {{{"bytes", data::type_of(data::Kind::Binary), data::Nullable::No}}}; }

Result<std::unique_ptr<flow::Reader>> open_bytes(const std::filesystem::path& path, ByteRange range,
                                                 const flow::Limits& limits) {
  const auto piece = std::clamp(limits.batch_bytes, std::size_t{1}, kPieceBytes);
  return std::make_unique<BytesReader>(WEIR_TRY(open_input(path, Compression::None, range)), piece);
}

}  // namespace weir::files
