// What `weir warehouse` adds to the engine inside it, and how fast Weir decodes what it sends: against the same engine
// in process (weir_bench_engine), and against the bare transfer of the same bytes.

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "connectors/clickhouse/connector.hpp"
#include "connectors/clickhouse/native_decoder.hpp"
#include "scenarios/engine.hpp"
#include "scenarios/http.hpp"
#include "scenarios/load.hpp"
#include "scenarios/parts.hpp"
#include "scenarios/sales_rows.hpp"
#include "scenarios/timing.hpp"
#include "scenarios/workspace.hpp"

namespace weir::bench {

namespace {

constexpr int kSmallQueries = 500;
constexpr double kSmallQueryLimitMs = 1.6;
constexpr double kDecodeGoalGb = 3;

using Bytes = std::vector<std::byte>;

Result<double> small_query_ms(Http& http) {
  std::vector<double> seconds;
  for (int query = 0; query < kSmallQueries; ++query) {
    seconds.push_back(WEIR_TRY(seconds_of([&] { return http.query("SELECT 1"); })));
  }
  std::ranges::nth_element(seconds, seconds.begin() + kSmallQueries / 2);
  return seconds[kSmallQueries / 2] * 1000;
}

class MemorySource final : public net::ByteSource {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min(buffer.size(), bytes_.size());
    std::copy_n(bytes_.begin(), count, buffer.begin());
    bytes_ = bytes_.subspan(count);
    return count;
  }

 private:
  std::span<const std::byte> bytes_;
};

Result<void> decode(const Bytes& native) {
  MemorySource source(native);
  clickhouse::NativeDecoder decoder(source, {}, "UTC", [](std::size_t) -> Result<std::string> {
    return Error::bug("the sales table has no DateTime");
  });
  WEIR_TRY(decoder.start());
  while (WEIR_TRY(decoder.next())) {
  }
  return {};
}

Result<void> read_table(flow::Source& source) {
  const flow::ReadRequest request{.stream = "bench_sales", .query = {}, .columns = {}, .options = {}, .limits = {}};
  const auto partitions = WEIR_TRY(source.partitions(request, 1, {}));
  const auto reader = WEIR_TRY(source.open(request, partitions.front(), std::nullopt, {}));
  while (WEIR_TRY(reader->next({}))) {
  }
  return {};
}

Result<Bytes> native_bytes(Http& http) {
  Bytes bytes;
  WEIR_TRY(http.query("SELECT * FROM bench_sales FORMAT Native", {}, [&](std::span<const std::byte> piece) {
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  }));
  return bytes;
}

Result<Figures> measure_reading(const Setup& setup, Http& http, flow::Source& source, const Bytes& native) {
  const double gigabytes = static_cast<double>(native.size()) / 1e9;
  const double decoding =
      WEIR_TRY(best_of(setup.repeats, [&] { return processor_seconds_of([&] { return decode(native); }); }));
  const double reading =
      WEIR_TRY(best_of(setup.repeats, [&] { return seconds_of([&] { return read_table(source); }); }));
  const double transfer = WEIR_TRY(best_of(setup.repeats, [&] {
    return seconds_of([&] { return http.query("SELECT * FROM bench_sales FORMAT Native"); });
  }));
  return Figures{{.name = "warehouse/native_decode",
                  .ours = gigabytes / decoding,
                  .reference = kDecodeGoalGb,
                  .unit = "GB/s",
                  .origin = Reference::Stated,
                  .against = "the goal, one core, from memory"},
                 {.name = "warehouse/native_read",
                  .ours = gigabytes / reading,
                  .reference = gigabytes / transfer,
                  .goal = 0.8,
                  .unit = "GB/s",
                  .against = "the same bytes over HTTP, not decoded"}};
}

Result<Figures> measure_writing(const Setup& setup, Http& http, const Bytes& native) {
  const std::string file = setup.folder / "sales.native";
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(native.data()), static_cast<std::streamsize>(native.size()));
  const auto rows = static_cast<double>(setup.rows);
  WEIR_TRY(http.query("CREATE TABLE bench_insert AS bench_sales"));
  double ours = 1e9;
  double engine = 1e9;
  for (int repeat = 0; repeat < setup.repeats; ++repeat) {
    WEIR_TRY(http.query("TRUNCATE TABLE bench_insert"));
    ours = std::min(ours,
                    WEIR_TRY(seconds_of([&] { return http.query("INSERT INTO bench_insert FORMAT Native", native); })));
    engine = std::min(engine, WEIR_TRY(engine_seconds(setup, "native", file)));
  }
  return Figures{{.name = "warehouse/native_insert",
                  .ours = rows / ours,
                  .reference = rows / engine,
                  .goal = 0.6,
                  .unit = "rows/s",
                  .against = "chdb_stream_insert in process"}};
}

}  // namespace

Result<Figures> measure_warehouse(const Setup& setup) {
  const Workspace workspace = WEIR_TRY(Workspace::open(setup, "sales"));
  const flow::Connector connector = clickhouse_connector();
  const flow::OpenContext context{.connection = WEIR_TRY(workspace.connection("warehouse", connector)),
                                  .project_folder = workspace.folder()};
  const auto sink = WEIR_TRY(connector.open_sink(context));
  const auto source = WEIR_TRY(connector.open_source(context));
  Http http(WEIR_TRY(workspace.address("warehouse")));
  const std::vector<data::Batch> batches = sales_rows(setup.rows);
  WEIR_TRY(load_seconds(*sink,
                        {.table = "bench_sales",
                         .schema = sales_schema(),
                         .mode = flow::WriteMode::Replace,
                         .key = {},
                         .indexes = {},
                         .options = {}},
                        batches, 1));
  const Bytes native = WEIR_TRY(native_bytes(http));

  Figures figures{{.name = "warehouse/select_1",
                   .ours = WEIR_TRY(small_query_ms(http)),
                   .reference = kSmallQueryLimitMs,
                   .unit = "ms",
                   .better = Better::Lower,
                   .origin = Reference::Stated,
                   .against = "the limit, median over the unix socket"}};
  for (Figures part :
       {WEIR_TRY(measure_reading(setup, http, *source, native)), WEIR_TRY(measure_writing(setup, http, native))}) {
    std::ranges::move(part, std::back_inserter(figures));
  }
  return figures;
}

}  // namespace weir::bench
