// Pumps numbers into a table and kills itself (SIGKILL) at a chosen point of the pump: what pump_crash_test starts.
// Usage: pump_crash_program STATE_FOLDER CONNECTION_FILE MODE KILL_AT. The last line that it prints is the outcome. The mode
// "marked" appends rows that name their run; "redo" does so again, for a run whose commits so far are to be replaced.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "app/connectors.hpp"
#include "base/file.hpp"
#include "flow/pump.hpp"
#include "ledger/ledger.hpp"

namespace weir {
namespace {

constexpr std::int64_t kRows = 50'000;
constexpr std::int64_t kRowsPerBatch = 5'000;

std::string kill_at;

void maybe_die(std::string_view point) {
  if (point == kill_at) ::kill(::getpid(), SIGKILL);
}

data::SchemaPtr numbers_schema() {
  return std::make_shared<data::Schema>(
      data::Schema{{{"n", data::type_of(data::Kind::Int64), data::Nullable::No},
                    {"text", data::type_of(data::Kind::String), data::Nullable::No}}});
}

class NumbersReader final : public flow::Reader {
 public:
  const data::SchemaPtr& schema() const override { return schema_; }
  Result<std::optional<flow::Delivery>> next(std::stop_token) override {
    if (next_ == kRows) return std::optional<flow::Delivery>{};
    if (next_ == kRows / 2) maybe_die("next");
    data::ColumnBuilder numbers{data::type_of(data::Kind::Int64)};
    data::ColumnBuilder texts{data::type_of(data::Kind::String)};
    for (std::int64_t i = 0; i < kRowsPerBatch; ++i, ++next_) {
      numbers.append(next_);
      texts.append_text(std::to_string(next_));
    }
    std::vector<data::Column> columns;
    columns.push_back(numbers.finish());
    columns.push_back(texts.finish());
    return std::optional<flow::Delivery>{flow::Delivery{data::Batch{schema_, std::move(columns), kRowsPerBatch}, {}}};
  }
  std::uint64_t bytes_read() const override { return 0; }

 private:
  data::SchemaPtr schema_ = numbers_schema();
  std::int64_t next_ = 0;
};

class NumbersSource final : public flow::Source {
 public:
  Result<std::vector<flow::Stream>> discover(std::stop_token) override { return std::vector<flow::Stream>{}; }
  Result<flow::Stream> describe(const flow::ReadRequest&, std::stop_token) override {
    return flow::Stream{"numbers", *numbers_schema(), {"n"}, kRows};
  }
  Result<std::vector<flow::Partition>> partitions(const flow::ReadRequest&, int, std::stop_token) override {
    return std::vector<flow::Partition>{{"all"}};
  }
  Result<std::unique_ptr<flow::Reader>> open(const flow::ReadRequest&, const flow::Partition&,
                                             const std::optional<flow::Checkpoint>&, std::stop_token) override {
    return std::make_unique<NumbersReader>();
  }
};

// The real sink, with a death before and after each of its calls.
class DeadlyWriter final : public flow::Writer {
 public:
  explicit DeadlyWriter(std::unique_ptr<flow::Writer> real) : real_(std::move(real)) {}
  Result<void> write(const data::Batch& batch, std::stop_token stop) override {
    WEIR_TRY(real_->write(batch, stop));
    if (++batches_ == 4) maybe_die("write");
    return {};
  }
  Result<void> finish(std::stop_token stop) override {
    maybe_die("before finish");
    WEIR_TRY(real_->finish(stop));
    maybe_die("after finish");
    return {};
  }

 private:
  std::unique_ptr<flow::Writer> real_;
  int batches_ = 0;
};

class DeadlyLoad final : public flow::Load {
 public:
  explicit DeadlyLoad(std::unique_ptr<flow::Load> real) : real_(std::move(real)) {}
  Result<std::unique_ptr<flow::Writer>> writer(std::stop_token stop) override {
    maybe_die("after open");
    return std::make_unique<DeadlyWriter>(WEIR_TRY(real_->writer(stop)));
  }
  Result<flow::Receipt> commit(const CommitId& commit, std::stop_token stop) override {
    maybe_die("after intend");
    auto receipt = WEIR_TRY(real_->commit(commit, stop));
    maybe_die("after commit");
    return receipt;
  }

 private:
  std::unique_ptr<flow::Load> real_;
};

class DeadlySink final : public flow::Sink {
 public:
  explicit DeadlySink(std::unique_ptr<flow::Sink> real) : real_(std::move(real)) {}
  Result<std::unique_ptr<flow::Load>> open(const flow::WriteRequest& request, std::stop_token stop) override {
    return std::make_unique<DeadlyLoad>(WEIR_TRY(real_->open(request, stop)));
  }
  Result<std::optional<flow::Receipt>> find(const flow::WriteRequest& request, const CommitId& commit,
                                            std::stop_token stop) override {
    return real_->find(request, commit, stop);
  }

 private:
  std::unique_ptr<flow::Sink> real_;
};

Result<flow::Connection> read_connection(const std::string& path) {
  const auto json = WEIR_TRY(parse_json(WEIR_TRY(read_file(path))));
  return flow::Connection{.name = "target", .type = json["type"], .settings = Settings{json["settings"]}};
}

// The moment at which the first try to redo began.
Result<Instant> asked_to_redo(const std::filesystem::path& note) {
  if (!std::filesystem::exists(note))
    WEIR_TRY(write_file(note, std::to_string(system_clock().now().time_since_epoch().count())));
  return Instant{std::chrono::microseconds{std::stoll(WEIR_TRY(read_file(note)))}};
}

Result<void> run(const std::string& state_folder, const std::string& connection_file, const std::string& mode) {
  const auto connection = WEIR_TRY(read_connection(connection_file));
  const auto ledger = WEIR_TRY(ledger::Ledger::open(state_folder, ledger::Ledger::Mode::Write));
  // A destination remembers commit ids for good, so every case has a run of its own.
  const RunId id{std::filesystem::path{state_folder}.filename().string()};
  if (!WEIR_TRY(ledger->find_run(id.text()))) {
    ledger::Run record;
    record.id = id;
    record.pipeline = "numbers";
    record.created_at = system_clock().now();
    WEIR_TRY(ledger->create_run(record));
  }
  std::optional<Instant> redo_since;
  if (mode == "redo") redo_since = WEIR_TRY(asked_to_redo(std::filesystem::path{state_folder} / "redo_since"));
  const auto journal = ledger->journal(id, "numbers", "load", "numbers", redo_since);
  NumbersSource source;
  DeadlySink sink{WEIR_TRY(app::connectors().find(connection.type)->open_sink({.connection = connection}))};
  flow::PumpPlan plan;
  plan.write.table = "numbers";
  plan.write.mode = mode == "replace" ? flow::WriteMode::Replace
                    : mode == "merge" ? flow::WriteMode::Merge
                                      : flow::WriteMode::Append;
  if (mode == "marked" || mode == "redo") {
    plan.run = id.text();
    plan.added = {{{"run_id", data::type_of(data::Kind::String), data::Nullable::No}, id.text()}};
  } else {
    plan.write.key = {"n"};
  }
  flow::PumpProgress progress;
  const auto report = WEIR_TRY(flow::pump(source, sink, plan, *journal, progress, {}));
  maybe_die("after save");
  std::printf("%s %llu\n", report.outcome == flow::PumpReport::Outcome::Committed ? "committed" : "found",
              static_cast<unsigned long long>(report.receipt.rows));
  return {};
}

}  // namespace
}  // namespace weir

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  weir::kill_at = argv[4];
  const auto done = weir::run(argv[1], argv[2], argv[3]);
  if (done.ok()) return 0;
  std::fprintf(stderr, "%s\n", done.error().explain().c_str());
  return 1;
}
