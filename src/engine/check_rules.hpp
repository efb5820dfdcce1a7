#pragma once

#include <string>
#include <vector>

#include "base/id.hpp"
#include "base/setting.hpp"
#include "flow/database.hpp"
#include "ledger/ledger.hpp"

// The rules of a check and the SQL that evaluates them: pure.
namespace weir::engine {

enum class RuleSeverity { Warn, Error, Quarantine };

// A rule about each row (violation), or about the table as a whole (figure, judged by its bounds).
struct Rule {
  enum class Kind { NotNull, AcceptedValues, Range, Matches, References, Expression, Unique, RowCount, Freshness } kind;
  std::string name;
  RuleSeverity severity = RuleSeverity::Error;
  std::vector<std::string> columns;  // names or SQL expressions
  std::vector<std::string> values;   // AcceptedValues
  std::string pattern;               // Matches
  std::string table;                 // References: of the same database
  std::string field;                 // References: its column
  std::string min;                   // Range, RowCount: SQL literals; "" is open
  std::string max;
  std::chrono::milliseconds within{0};  // Freshness
};

std::vector<Setting> rule_settings();

// Mistakes: not exactly one kind, a quarantine rule about the whole table, quarantine without a rejects table.
Result<std::vector<Rule>> parse_rules(const std::vector<Settings>& rules, bool has_rejects);

// One row: count of all rows, then a figure for every rule (rows that break it; for Unique the rows whose values occur
// before: of one column without NULLs, of several with NULL as a value; for RowCount the rows; for Freshness the age of the newest value
// in seconds). On the rejects table it tells how many rows broke which quarantine rule.
std::string scan_sql(const std::vector<Rule>& rules, const flow::Relation& table, const flow::Dialect& dialect);
// The rows that break quarantine rules, with the columns weir_rule, weir_reason and weir_run.
std::string rejects_sql(const std::vector<Rule>& rules, const flow::Relation& table, const RunId& run,
                        const flow::Dialect& dialect);
std::string accepted_sql(const std::vector<Rule>& rules, const flow::Relation& table, const flow::Dialect& dialect);

// What a rule's figure means. A quarantine rule always passes: its rows are kept apart.
ledger::CheckResult judge(const Rule& rule, std::uint64_t rows, const std::string& figure);

}  // namespace weir::engine
