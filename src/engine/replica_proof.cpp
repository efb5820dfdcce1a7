#include "engine/replica_proof.hpp"

#include <algorithm>
#include <set>

#include "engine/reconciliation.hpp"

namespace weir::engine {
namespace {

// A source that is written to faster than it is compared differs each time; then more looks do not help.
constexpr int kLooksMax = 4;
// More rows than this under way are looked at again as a whole.
constexpr int kDifferencesMax = 10'000;

std::set<std::string> texts_of(const Reconciliation& result) {
  std::set<std::string> texts;
  for (const auto& difference : result.differences) texts.insert(difference.text());
  return texts;
}

// What two looks at one table have in common; nothing when that cannot be told.
std::optional<std::vector<std::string>> lasting_differences(const Reconciliation& before, const Reconciliation& now) {
  const auto known = [](const Reconciliation& result) { return result.differences_total == result.differences.size(); };
  if (!known(before) || !known(now)) return std::nullopt;
  // Counts and sums that differ without a row that differs were read at different moments; look again.
  if (now.differences_total == 0 && !now.equal()) return std::nullopt;
  const auto earlier = texts_of(before);
  const auto later = texts_of(now);
  std::vector<std::string> lasting;
  std::ranges::set_intersection(earlier, later, std::back_inserter(lasting));
  return lasting;
}

ledger::CheckResult check_of(const ReconcileRequest& request, const Reconciliation& result, std::uint64_t lasting,
                             bool passed) {
  ledger::CheckResult check;
  check.check = fmt::format("{} = {}", request.left.name, request.right.name);
  check.severity = "error";
  check.passed = passed;
  check.rows_checked = std::max(result.left_rows, result.right_rows);
  check.rows_failed = passed ? 0 : lasting;
  check.detail = fmt::format("{} / {} rows, {} rows differ", result.left_rows, result.right_rows, lasting);
  return check;
}

class Proof {
 public:
  Proof(TaskContext& context, const std::function<Result<void>()>& catch_up) : context_(context), catch_up_(catch_up) {}

  // The table's rows when it is proven, nothing when it differs (then the log says how).
  Result<std::optional<std::uint64_t>> table(const ReconcileRequest& request) {
    auto before = WEIR_TRY(reconcile(request, context_.stop()));
    if (before.equal()) return passed(request, before);
    for (int look = 2; look <= kLooksMax; ++look) {
      WEIR_TRY(catch_up_());
      auto now = WEIR_TRY(reconcile(request, context_.stop()));
      if (now.equal()) return passed(request, now);
      const auto lasting = lasting_differences(before, now);
      if (lasting && lasting->empty()) return passed(request, now);
      if (lasting) return differs(request, now, *lasting);
      before = std::move(now);
    }
    std::vector<std::string> all;
    for (const auto& difference : before.differences) all.push_back(difference.text());
    return differs(request, before, all);
  }

 private:
  Result<std::optional<std::uint64_t>> passed(const ReconcileRequest& request, const Reconciliation& result) {
    WEIR_TRY(context_.report(check_of(request, result, 0, true)));
    context_.log().info("{} = {}: {} rows, every value", request.left.name, request.right.name, result.left_rows);
    return std::optional{result.left_rows};
  }

  Result<std::optional<std::uint64_t>> differs(const ReconcileRequest& request, const Reconciliation& result,
                                               const std::vector<std::string>& differences) {
    constexpr std::size_t kShown = 20;
    const auto total = std::max<std::uint64_t>(differences.size(), result.differences_total);
    WEIR_TRY(context_.report(check_of(request, result, total, false)));
    for (std::size_t i = 0; i < std::min(differences.size(), kShown); ++i) {
      context_.log().error("{}: {}", request.left.name, differences[i]);
    }
    return std::optional<std::uint64_t>{};
  }

  TaskContext& context_;
  const std::function<Result<void>()>& catch_up_;
};

}  // namespace

Result<std::uint64_t> prove_replica(TaskContext& context, const ProofSide& source, const ProofSide& target,
                                    const flow::Replica& replica, const std::function<Result<void>()>& catch_up) {
  Proof proof{context, catch_up};
  std::uint64_t rows = 0;
  std::vector<std::string> different;
  for (const auto& table : replica.tables) {
    const ReconcileRequest request{.left = {.database = &source.database,
                                            .name = fmt::format("{}.{}", source.connection, table.source.text()),
                                            .table = table.source,
                                            .where = {}},
                                   .right = {.database = &target.database,
                                             .name = fmt::format("{}.{}", target.connection, table.target.text()),
                                             .table = table.target,
                                             .where = {}},
                                   .key = table.key,
                                   .ignore = table.not_compared,
                                   .differences_max = kDifferencesMax};
    const auto proven = WEIR_TRY(proof.table(request).while_doing("proving table " + table.source.text()));
    if (proven) {
      rows += *proven;
    } else {
      different.push_back(table.source.text());
    }
    context.progress().rows_read = rows;
  }
  if (different.empty()) return rows;
  return Error::user(Code::CheckFailed, "{} of {} tables are not the same as their source: {}", different.size(),
                     replica.tables.size(), fmt::join(different, ", "))
      .hint(
          "weir logs names the rows. Somebody wrote to the target, or dropped and made anew what replicates: mend the "
          "rows, "
          "or empty the table's entry in the subscription by dropping the table on the target, and run the task again");
}

}  // namespace weir::engine
