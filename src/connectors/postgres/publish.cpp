#include "connectors/postgres/publish.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "connectors/postgres/statement.hpp"
#include "data/batch.hpp"

namespace weir::postgres {
namespace {

constexpr std::size_t kIndexSuffixBytesMax = 40;  // of a name's 63 bytes: the rest is the table's

std::string quoted_list(const std::vector<std::string>& names) {
  std::vector<std::string> quoted;
  for (const auto& name : names) quoted.push_back(quote_identifier(name));
  return fmt::format("{}", fmt::join(quoted, ", "));
}

std::string column_list(const LoadPlan& plan) {
  std::vector<std::string> names;
  for (const auto& column : plan.columns) names.push_back(column.name);
  return quoted_list(names);
}

// The stage's columns in the table's types.
std::string stage_values(const LoadPlan& plan) {
  std::vector<std::string> values;
  for (const auto& column : plan.columns) {
    const auto name = quote_identifier(column.name);
    values.push_back(column.staged_type.empty() ? name : fmt::format("{0}::{1} AS {0}", name, column.native_type));
  }
  return fmt::format("{}", fmt::join(values, ", "));
}

std::string equal_columns(const std::vector<std::string>& columns, std::string_view left, std::string_view right) {
  std::vector<std::string> terms;
  for (const auto& column : columns)
    terms.push_back(fmt::format("{1}.{0} = {2}.{0}", quote_identifier(column), left, right));
  return fmt::format("{}", fmt::join(terms, " AND "));
}

std::string equal_keys(const LoadPlan& plan, std::string_view left, std::string_view right) {
  return equal_columns(plan.key(), left, right);
}

// Writers of others wait, readers do not.
Result<void> lock_against_writers(Connection& connection, const LoadPlan& plan, std::stop_token stop) {
  WEIR_TRY(connection.run(fmt::format("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", quote_relation(plan.target)), stop));
  return {};
}

// Does a unique index make ON CONFLICT (key) possible?
Result<bool> has_unique_key(Connection& connection, const LoadPlan& plan, std::stop_token stop) {
  std::vector<std::string> literals;
  for (const auto& column : plan.key()) literals.push_back(quote_literal(column));
  const auto found = WEIR_TRY(connection.query(
      fmt::format("SELECT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = to_regclass($1) AND "
                  "i.indisunique AND i.indimmediate "
                  "AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND "
                  "(SELECT array_agg(a.attname::text ORDER BY a.attname::text) FROM pg_catalog.pg_attribute a "
                  "WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])) = "
                  "(SELECT array_agg(k ORDER BY k) FROM unnest(ARRAY[{}]) k))",
                  fmt::join(literals, ", ")),
      {quote_relation(plan.target)}, stop));
  return found.flag(0, 0);
}

// Inserts the rows, or updates those whose key is there. `rows` is a SELECT of the columns, one row a key.
Result<void> upsert(Connection& connection, const LoadPlan& plan, const std::string& rows, std::stop_token stop) {
  const auto target = quote_relation(plan.target);
  const auto columns = column_list(plan);
  std::vector<std::string> changed;
  for (const auto& column : plan.columns) {
    if (std::ranges::find(plan.key(), column.name) == plan.key().end())
      changed.push_back(quote_identifier(column.name));
  }
  const auto assign_from = [&](std::string_view source) {
    std::vector<std::string> assignments;
    for (const auto& column : changed) assignments.push_back(fmt::format("{0} = {1}.{0}", column, source));
    return fmt::format("{}", fmt::join(assignments, ", "));
  };
  if (WEIR_TRY(has_unique_key(connection, plan, stop))) {
    const auto action = changed.empty() ? "DO NOTHING" : "DO UPDATE SET " + assign_from("EXCLUDED");
    WEIR_TRY(connection.run(fmt::format("INSERT INTO {} ({}) SELECT {} FROM ({}) AS weir_rows ON CONFLICT ({}) {}",
                                        target, columns, columns, rows, quoted_list(plan.key()), action),
                            stop));
    return {};
  }
  // Without a unique index nothing but the lock keeps another session from inserting the same key in between.
  WEIR_TRY(lock_against_writers(connection, plan, stop));
  const auto match = equal_keys(plan, "weir_old", "weir_rows");
  if (!changed.empty()) {
    WEIR_TRY(connection.run(fmt::format("UPDATE {} AS weir_old SET {} FROM ({}) AS weir_rows WHERE {}", target,
                                        assign_from("weir_rows"), rows, match),
                            stop));
  }
  WEIR_TRY(connection.run(
      fmt::format("INSERT INTO {} ({}) SELECT {} FROM ({}) AS weir_rows WHERE NOT EXISTS (SELECT FROM {} AS weir_old "
                  "WHERE {})",
                  target, columns, columns, rows, target, match),
      stop));
  return {};
}

Result<bool> is_referenced(Connection& connection, const LoadPlan& plan, std::stop_token stop) {
  const auto found = WEIR_TRY(connection.query(
      "SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confrelid = to_regclass($1))",
      {quote_relation(plan.target)}, stop));
  return found.flag(0, 0);
}

// An index on exactly these columns, in this order.
Result<bool> has_index(Connection& connection, const flow::Relation& table, const flow::Index& index,
                       std::stop_token stop) {
  std::vector<std::string> literals;
  for (const auto& column : index.columns) literals.push_back(quote_literal(column));
  const auto found = WEIR_TRY(connection.query(
      fmt::format(
          "SELECT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = to_regclass($1) AND i.indpred IS NULL "
          "AND i.indexprs IS NULL AND (SELECT array_agg(a.attname::text ORDER BY k.place) "
          "FROM unnest(i.indkey) WITH ORDINALITY k (attnum, place) JOIN pg_catalog.pg_attribute a "
          "ON a.attrelid = i.indrelid AND a.attnum = k.attnum) = ARRAY[{}]::text[])",
          fmt::join(literals, ", ")),
      {quote_relation(table)}, stop));
  return found.flag(0, 0);
}

// `name` is quoted and ends with a space, or empty: PostgreSQL then chooses one that is free.
Result<void> build_index(Connection& connection, const LoadPlan& plan, std::string_view name,
                         const flow::Relation& table, const flow::Index& index, std::stop_token stop) {
  WEIR_TRY(
      connection
          .run(fmt::format("CREATE INDEX {}ON {} ({})", name, quote_relation(table), quoted_list(index.columns)), stop)
          .while_doing("building an index of " + plan.target.text()));
  return {};
}

}  // namespace

Result<void> take_back(Connection& connection, const LoadPlan& plan, std::stop_token stop) {
  const auto& superseded = plan.request.superseded;
  if (!superseded) return {};
  std::vector<std::string> terms;
  for (const auto& [column, text] : superseded->marks)
    terms.push_back(fmt::format("{} = {}", quote_identifier(column), quote_literal(text)));
  const auto deleted = WEIR_TRY(connection.query(
      fmt::format("DELETE FROM {} WHERE {}", quote_relation(plan.target), fmt::join(terms, " AND ")), {}, stop));
  const auto rows = static_cast<std::uint64_t>(deleted.affected());
  if (rows == superseded->rows) return {};
  WEIR_TRY(connection.run("ROLLBACK", stop));
  return flow::changed_since(*superseded, plan.target.text(), rows);
}

Result<void> publish_append(Connection& connection, const LoadPlan& plan, const flow::Relation& stage,
                            std::stop_token stop) {
  WEIR_TRY(connection.run(fmt::format("INSERT INTO {} ({}) SELECT {} FROM {}", quote_relation(plan.target),
                                      column_list(plan), stage_values(plan), quote_relation(stage)),
                          stop));
  return {};
}

Result<void> publish_new_table(Connection& connection, const LoadPlan& plan, const flow::Relation& stage,
                               const std::vector<PendingName>& names, std::stop_token stop) {
  const auto existing = WEIR_TRY(find_relation(connection, plan.target, stop));
  if (!existing) return name_table(connection, plan.target, stage, names, stop);
  if (plan.request.mode == flow::WriteMode::Append) return publish_append(connection, plan, stage, stop);
  // What came to depend on the table since the load was opened counts too.
  const auto reason = WEIR_TRY(why_not_swap(connection, existing->oid, stop));
  if (!reason.empty()) {
    WEIR_TRY(alter_table(connection, plan, plan.target, stop));
    return publish_in_place(connection, plan, stage, stop);
  }
  return swap_tables(connection, plan.target, stage, names, stop);
}

Result<void> publish_in_place(Connection& connection, const LoadPlan& plan, const flow::Relation& stage,
                              std::stop_token stop) {
  WEIR_TRY(lock_against_writers(connection, plan, stop));
  const auto target = quote_relation(plan.target);
  // Rows that foreign keys point to must stay: they are updated, and only those that are gone are deleted.
  if (!plan.key().empty() && WEIR_TRY(is_referenced(connection, plan, stop))) {
    const auto rows = fmt::format("SELECT {} FROM {}", stage_values(plan), quote_relation(stage));
    WEIR_TRY(connection.run(
        fmt::format("DELETE FROM {} AS weir_old WHERE NOT EXISTS (SELECT FROM ({}) AS weir_rows WHERE {})", target,
                    rows, equal_keys(plan, "weir_old", "weir_rows")),
        stop));
    return upsert(connection, plan, rows, stop);
  }
  // TRUNCATE would empty the table also for readers whose snapshot is older.
  WEIR_TRY(connection.run("DELETE FROM " + target, stop));
  return publish_append(connection, plan, stage, stop);
}

Result<void> publish_merge(Connection& connection, const LoadPlan& plan, const flow::Relation& stage, Deletes deletes,
                           std::stop_token stop) {
  if (!plan.existing) WEIR_TRY(connection.run(create_table(plan, plan.target), stop));
  const auto& origin = plan.request.origin.empty() ? plan.key() : plan.request.origin;
  const auto deleted = static_cast<int>(data::Change::Delete);
  const auto staged =
      fmt::format("SELECT {}, {}, {} FROM {}", stage_values(plan), kChangeColumn, kPlaceColumn, quote_relation(stage));
  if (deletes == Deletes::Some) {
    // All rows of an origin go, even if some come back; a row of its own stays where it is, if it comes back.
    const auto gone =
        plan.request.origin.empty()
            ? fmt::format("SELECT DISTINCT ON ({0}) * FROM ({1}) AS weir_stage ORDER BY {0}, {2} DESC",
                          quoted_list(origin), staged, kPlaceColumn)
            : fmt::format("SELECT DISTINCT {}, {} FROM ({}) AS weir_stage", quoted_list(origin), kChangeColumn, staged);
    WEIR_TRY(
        connection.run(fmt::format("DELETE FROM {} AS weir_old USING ({}) AS weir_rows WHERE weir_rows.{} = {} AND {}",
                                   quote_relation(plan.target), gone, kChangeColumn, deleted,
                                   equal_columns(origin, "weir_old", "weir_rows")),
                       stop));
  }
  // The last change of every key, in the table's types; of rows that a later Delete takes away, none.
  const auto cleared = deletes == Deletes::Some
                           ? fmt::format(", max({}) FILTER (WHERE {} = {}) OVER (PARTITION BY {}) AS weir_cleared",
                                         kPlaceColumn, kChangeColumn, deleted, quoted_list(origin))
                           : std::string{", NULL::bigint AS weir_cleared"};
  const auto rows = fmt::format(
      "SELECT DISTINCT ON ({0}) {1} FROM (SELECT *{2} FROM ({3}) AS weir_stage) AS weir_changes WHERE {4} <> {5} AND "
      "(weir_cleared IS NULL OR {6} > weir_cleared) ORDER BY {0}, {6} DESC",
      quoted_list(plan.key()), column_list(plan), cleared, staged, kChangeColumn, deleted, kPlaceColumn);
  return upsert(connection, plan, rows, stop);
}

Result<std::vector<PendingName>> build_new_indexes(Connection& connection, const LoadPlan& plan,
                                                   const flow::Relation& stage, std::stop_token stop) {
  std::vector<PendingName> names;
  // PostgreSQL's own way of naming, with the name of the table that the stage becomes.
  const auto name = [&](const std::string& suffix) {
    return cut_name(plan.target.name, kNameBytesMax - suffix.size()) + suffix;
  };
  const auto temporary = [&](const std::string& suffix) {
    return cut_name(stage.name, kNameBytesMax - suffix.size()) + suffix;
  };
  if (!plan.key().empty() && (!plan.existing || plan.existing->key.empty())) {
    names.push_back({temporary("_pkey"), name("_pkey"), true});
    WEIR_TRY(connection
                 .run(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} PRIMARY KEY ({})", quote_relation(stage),
                                  quote_identifier(names.back().from), quoted_list(plan.key())),
                      stop)
                 .while_doing("building the primary key of " + plan.target.text()));
  }
  for (const auto& index : plan.request.indexes) {
    if (WEIR_TRY(has_index(connection, stage, index, stop))) continue;
    const auto columns = cut_name(fmt::format("_{}", fmt::join(index.columns, "_")), kIndexSuffixBytesMax) + "_idx";
    names.push_back({temporary(fmt::format("_idx{}", names.size())), name(columns), false});
    WEIR_TRY(build_index(connection, plan, quote_identifier(names.back().from) + " ", stage, index, stop));
  }
  return names;
}

Result<void> add_missing_indexes(Connection& connection, const LoadPlan& plan, std::stop_token stop) {
  for (const auto& index : plan.request.indexes) {
    if (WEIR_TRY(has_index(connection, plan.target, index, stop))) continue;
    WEIR_TRY(build_index(connection, plan, "", plan.target, index, stop));
  }
  return {};
}

}  // namespace weir::postgres
