#include "scenarios/load.hpp"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

namespace weir::bench {

namespace {

Result<void> write_share(flow::Load& load, std::span<const data::Batch> batches, int first, int step) {
  const auto writer = WEIR_TRY(load.writer({}));
  for (auto at = static_cast<std::size_t>(first); at < batches.size(); at += static_cast<std::size_t>(step)) {
    WEIR_TRY(writer->write(batches[at], {}));
  }
  return writer->finish({});
}

// An id that no earlier start of the benchmark has used.
CommitId next_commit() {
  static std::atomic<int> number = 0;
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  return CommitId(fmt::format("bench-{}-{}", now, ++number));
}

}  // namespace

Result<double> load_seconds(flow::Sink& sink, const flow::WriteRequest& request, std::span<const data::Batch> batches,
                            int writers) {
  const auto begin = std::chrono::steady_clock::now();
  const auto load = WEIR_TRY(sink.open(request, {}));
  std::vector<std::optional<Result<void>>> outcomes(static_cast<std::size_t>(writers));
  {
    std::vector<std::jthread> threads;
    for (int writer = 0; writer < writers; ++writer) {
      threads.emplace_back(
          [&, writer] { outcomes[static_cast<std::size_t>(writer)] = write_share(*load, batches, writer, writers); });
    }
  }
  for (auto& outcome : outcomes) WEIR_TRY(std::move(*outcome));
  WEIR_TRY(load->commit(next_commit(), {}));
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace weir::bench
