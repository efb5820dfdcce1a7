#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "flow/source.hpp"

namespace weir::flow {

// A table or view by name. `space` is PostgreSQL's schema or ClickHouse's database; empty is the connection's default.
struct Relation {
  std::string space;
  std::string name;

  // "space.name", or "name" without a space: what people read, not what SQL takes (Dialect::quote).
  std::string text() const { return space.empty() ? name : space + "." + name; }
  auto operator<=>(const Relation&) const = default;
};

// "name" or "space.name".
Relation parse_relation(std::string_view text);

enum class RelationKind { Table, View, MaterializedView };

// What the database knows about a relation.
struct RelationInfo {
  RelationKind kind = RelationKind::Table;
  data::Schema schema;
  std::vector<std::string> native_types;  // the database's own names, a column each
  std::vector<std::string> key;
};

enum class Materialized { View, Table, Incremental, MaterializedView };

// What a SQL model becomes, in words that every dialect understands.
struct Materialization {
  Relation target;
  Materialized materialized = Materialized::View;
  std::string select;                    // compiled SQL
  std::optional<RelationInfo> existing;  // what stands at the target now
  std::string strategy;                  // Incremental: append, delete+insert, merge; "" is the dialect's default
  std::vector<std::string> unique_key;
  bool full_refresh = false;  // Incremental: rebuild from scratch
  Json config;                // the model's own config: engine, order_by, partition_by, indexes, …
};

// A statement list that publishes one change. In an atomic script either all statements take effect or none, where the
// database has transactions; without them the list is ordered so that readers see the old relation or the new.
struct Script {
  std::vector<std::string> statements;
  std::vector<std::string> cleanup;  // run after success or failure; each may fail
};

// How a database writes SQL: pure, no connection. Everything that models, checks and reconciliation need to say
// differently for each database is said here.
class Dialect {
 public:
  virtual ~Dialect() = default;

  virtual std::string_view name() const = 0;  // "clickhouse", "postgres": also what dbt's target.type says
  virtual std::string quote(std::string_view identifier) const = 0;
  virtual std::string quote(const Relation& relation) const = 0;
  virtual std::string literal(std::string_view text) const = 0;
  virtual std::string type_name(const data::Type& type, data::Nullable nullable) const = 0;

  virtual Result<Script> materialize(const Materialization& what) const = 0;

  // Expressions for checks.
  virtual std::string count_if(std::string_view condition) const = 0;
  // True when one of the conditions is; none of them is ever NULL. At least one, each evaluated for every row.
  virtual std::string any_of(std::span<const std::string> conditions) const = 0;
  // Text `expression` matches the regular expression (RE2 and POSIX common subset), unanchored.
  virtual std::string matches(std::string_view expression, std::string_view pattern) const = 0;
  virtual std::string count_distinct(std::span<const std::string> expressions) const = 0;
  virtual std::string cast_text(std::string_view expression) const = 0;
  // How many seconds ago a date or timestamp was, as a number; NULL stays NULL.
  virtual std::string age_seconds(std::string_view expression) const = 0;

  // Expressions for reconciliation. Values that are equal by value have the same text in every dialect: 1.50 and 1.5 are
  // "1.5", an instant is its microseconds, a float its shortest digits, -0 is 0. NULL stays NULL.
  virtual std::string canonical(std::string_view expression, const data::Type& type) const = 0;
  // Whether canonical() tells json by its value. Where not, its text is its value.
  virtual bool compares_json() const { return false; }
  // A signed 64-bit integer: the first eight bytes, big endian, of the MD5 of the canonical texts, each written as
  // "length:text" and NULL as "N".
  virtual std::string digest(std::span<const std::string> canonical) const = 0;
  // The exact sum of signed 64-bit integers, as text; 0 over no rows.
  virtual std::string exact_sum(std::string_view expression) const = 0;
  // A bucket in 0..count-1 of a digest; count is a power of two.
  virtual std::string bucket(std::string_view digest, int count) const = 0;
};

// The role of a connection that executes SQL: what models, checks and reconciliation stand on. Thread-safe; each call
// may use a connection of its own.
class Database {
 public:
  virtual ~Database() = default;
  virtual const Dialect& dialect() const = 0;
  // The space that a Relation without one lies in.
  virtual const std::string& default_space() const = 0;

  // One statement without rows. Returns the rows that it changed, as far as the server says.
  virtual Result<std::uint64_t> execute(std::string_view sql, std::stop_token stop) = 0;
  // All of a script, atomically where the database can.
  virtual Result<std::uint64_t> execute(const Script& script, std::stop_token stop) = 0;
  // One statement with rows.
  virtual Result<std::unique_ptr<Reader>> select(std::string_view sql, const Limits& limits, std::stop_token stop) = 0;
  // Nothing when there is no such relation.
  virtual Result<std::optional<RelationInfo>> describe(const Relation& relation, std::stop_token stop) = 0;
};

// The rows of a small select, all at once.
Result<std::vector<data::Batch>> select_all(Database& database, std::string_view sql, std::stop_token stop);

}  // namespace weir::flow
