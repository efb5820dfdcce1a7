#include "connectors/generate/generate_source.hpp"

#include <algorithm>
#include <charconv>
#include <mutex>

#include "connectors/generate/document_maker.hpp"
#include "data/text.hpp"

namespace weir::generate {

struct GenerateSource::State {
  State(Spec given, Variation variation)
      : spec(std::move(given)), total(variation.rows), schema(std::make_shared<const data::Schema>(spec.schema())) {
    if (spec.is_of_documents()) {
      documents = std::make_unique<DocumentMaker>(spec.columns, variation);
    } else {
      lines = std::make_unique<Generator>(spec, variation);
    }
  }

  const Spec spec;
  const std::uint64_t total;
  std::unique_ptr<const DocumentMaker> documents;
  std::unique_ptr<const Generator> lines;  // where rows are no documents
  const data::SchemaPtr schema;
  std::mutex mutex;  // protects the counts
  DefectCounts counts;
  std::uint64_t rows = 0;
};

namespace {

constexpr std::uint64_t kPartRowsMin = 65'536;

class GenerateReader final : public flow::Reader {
 public:
  GenerateReader(std::shared_ptr<GenerateSource::State> state, std::uint64_t begin, std::uint64_t end,
                 flow::Limits limits)
      : state_(std::move(state)), at_(begin), end_(end), limits_(limits) {
    for (const auto& field : state_->schema->fields) builders_.emplace_back(field.type);
  }

  const data::SchemaPtr& schema() const override { return state_->schema; }
  std::uint64_t bytes_read() const override { return bytes_; }

  Result<std::optional<flow::Delivery>> next(std::stop_token stop) override {
    constexpr std::uint64_t kStepRows = 1024;
    std::size_t rows = 0;
    std::size_t bytes = 0;
    while (at_ < end_ && rows < limits_.batch_rows && bytes < limits_.batch_bytes) {
      if (stop.stop_requested()) return Error::cancelled();
      const auto step = std::min<std::uint64_t>({kStepRows, end_ - at_, limits_.batch_rows - rows});
      bytes += WEIR_TRY(append_rows(at_, at_ + step));
      at_ += step;
      rows += step;
    }
    if (rows == 0) return std::nullopt;
    bytes_ += bytes;
    count(rows);
    std::vector<data::Column> columns;
    for (auto& builder : builders_) columns.push_back(builder.finish());
    return flow::Delivery{data::Batch{state_->schema, std::move(columns), rows}, std::nullopt};
  }

 private:
  static Error does_not_fit(std::uint64_t begin, std::uint64_t end) {
    return Error::user(Code::InvalidProject, "a formula's value does not fit 64 bits, between the rows {} and {}",
                       begin, end);
  }

  Result<std::size_t> append_rows(std::uint64_t begin, std::uint64_t end) {
    if (state_->documents == nullptr) return append_cells(begin, end);
    const auto before = builder_bytes();
    if (!state_->documents->append(begin, end, builders_)) return does_not_fit(begin, end);
    return builder_bytes() - before;
  }

  std::size_t builder_bytes() const {
    std::size_t bytes = 0;
    for (const auto& builder : builders_) bytes += builder.memory_bytes();
    return bytes;
  }

  Result<std::size_t> append_cells(std::uint64_t begin, std::uint64_t end) {
    cells_.clear();
    if (!state_->lines->append_cells(begin, end, scratch_, cells_, counts_)) return does_not_fit(begin, end);
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      auto& builder = builders_[i % builders_.size()];
      // An empty cell is a missing value, as in the CSV file that generate_file writes.
      if (cells_[i].empty()) {
        builder.append_null();
      } else {
        WEIR_TRY(data::append_parsed(builder, cells_[i]));
      }
      bytes += cells_[i].size();
    }
    return bytes;
  }

  void count(std::size_t rows) {
    const std::lock_guard lock{state_->mutex};
    state_->rows += rows;
    state_->counts.resize(counts_.size());
    for (std::size_t i = 0; i < counts_.size(); ++i) state_->counts[i] += counts_[i];
    counts_.clear();
  }

  std::shared_ptr<GenerateSource::State> state_;
  std::uint64_t at_;
  std::uint64_t end_;
  flow::Limits limits_;
  std::vector<data::ColumnBuilder> builders_;
  Generator::Scratch scratch_;
  std::vector<std::string> cells_;
  DefectCounts counts_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

GenerateSource::GenerateSource(Spec spec, Variation variation)
    : state_(std::make_shared<State>(std::move(spec), variation)) {}
GenerateSource::~GenerateSource() = default;

Result<std::vector<flow::Stream>> GenerateSource::discover(std::stop_token) {
  return std::vector{flow::Stream{"generate", *state_->schema, {}, state_->total}};
}

Result<flow::Stream> GenerateSource::describe(const flow::ReadRequest& request, std::stop_token) {
  return flow::Stream{request.stream, *state_->schema, {}, state_->total};
}

Result<std::vector<flow::Partition>> GenerateSource::partitions(const flow::ReadRequest&, int wanted, std::stop_token) {
  const auto rows = state_->total;
  const auto parts = std::clamp<std::uint64_t>(rows / kPartRowsMin, 1, static_cast<std::uint64_t>(std::max(wanted, 1)));
  std::vector<flow::Partition> partitions;
  for (std::uint64_t i = 0; i < parts; ++i) {
    partitions.push_back({fmt::format("{}-{}", rows * i / parts, rows * (i + 1) / parts)});
  }
  return partitions;
}

Result<std::unique_ptr<flow::Reader>> GenerateSource::open(const flow::ReadRequest& request,
                                                           const flow::Partition& partition,
                                                           const std::optional<flow::Checkpoint>& from,
                                                           std::stop_token) {
  if (from) return Error::user(Code::Unsupported, "generated rows are made as a whole, not from a checkpoint");
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  const auto* const text_end = partition.text.data() + partition.text.size();
  const auto first = std::from_chars(partition.text.data(), text_end, begin);
  const bool has_dash = first.ec == std::errc{} && first.ptr != text_end && *first.ptr == '-';
  if (!has_dash || std::from_chars(first.ptr + 1, text_end, end).ptr != text_end || begin > end) {
    return Error::bug("not a partition of generated rows: {}", partition.text);
  }
  return std::make_unique<GenerateReader>(state_, begin, end, request.limits);
}

GenerateReport GenerateSource::report() const {
  const std::lock_guard lock{state_->mutex};
  return make_report(state_->spec, state_->rows, 0, state_->counts);
}

}  // namespace weir::generate
