#include <fmt/ranges.h>

#include <algorithm>

#include "connectors/postgres/catalog.hpp"
#include "connectors/postgres/dialect.hpp"
#include "connectors/postgres/statement.hpp"

// How a model's SELECT becomes a relation. Every script runs in one transaction; what depends on what stands in the
// database is decided there, in DO blocks, since a dialect has no connection.
namespace weir::postgres {
namespace {

using flow::Materialization;
using flow::Materialized;
using flow::RelationKind;

// An ACCESS EXCLUSIVE lock that waits makes every later reader wait behind it: rather fail and be tried again.
constexpr auto kLimitLockWait = "SET LOCAL lock_timeout = '10s'";

flow::Relation beside(const flow::Relation& target, std::string_view suffix) {
  return {target.space, cut_name(target.name, kNameBytesMax - suffix.size()) + std::string{suffix}};
}

flow::Relation fresh_name(const flow::Relation& target) { return beside(target, "__weir_new"); }

// The dollar quotes get a tag that the body does not hold: it may be a block itself.
std::string do_block(std::string_view declarations, std::string_view body) {
  std::string tag = "$weir$";
  while (body.find(tag) != std::string_view::npos) tag.insert(tag.size() - 1, "_");
  return fmt::format("DO {}\nDECLARE {}\nBEGIN\n{}\nEND {}", tag, declarations, body, tag);
}

// to_regclass takes the name as text, with the quotes inside.
std::string regclass(const flow::Relation& relation) {
  return fmt::format("to_regclass({})", quote_literal(quote_relation(relation)));
}

std::string drop_if_exists(const flow::Relation& relation) {
  const auto name = quote_relation(relation);
  return do_block(
      "kind \"char\" := (SELECT relkind FROM pg_catalog.pg_class WHERE oid = " + regclass(relation) + ");",
      fmt::format("  IF kind = 'v' THEN DROP VIEW {0};\n  ELSIF kind = 'm' THEN DROP MATERIALIZED VIEW {0};\n"
                  "  ELSIF kind IS NOT NULL THEN DROP TABLE {0};\n  END IF;",
                  name));
}

// Puts the fresh relation in the target's place. Rights and comments go over to it. When views depend on an old table
// with the same columns, its rows are replaced instead, so that they keep working; with other columns the views are made
// anew from their definitions, and a view that uses a column which is gone stops the script.
std::string swap_in(const flow::Relation& target, const flow::Relation& fresh) {
  constexpr auto kDeclarations =
      "old oid := {old}; fresh oid := {fresh}; kind \"char\"; item record; columns text; same boolean; views text[] := "
      "'{{}}';";
  constexpr auto kBody = R"(  IF old IS NOT NULL THEN
    SELECT relkind INTO kind FROM pg_catalog.pg_class WHERE oid = old;
    FOR item IN SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee,
                  a.privilege_type, a.is_grantable
                FROM pg_catalog.pg_class c, aclexplode(c.relacl) a WHERE c.oid = old AND a.grantee <> c.relowner LOOP
      EXECUTE format('GRANT %s ON %s TO %s%s', item.privilege_type, fresh::regclass, item.grantee,
                     CASE WHEN item.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
    IF obj_description(old, 'pg_class') IS NOT NULL THEN
      EXECUTE format('COMMENT ON %s %s IS %L', CASE (SELECT relkind FROM pg_catalog.pg_class WHERE oid = fresh)
                     WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, fresh::regclass, obj_description(old, 'pg_class'));
    END IF;
    IF kind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.refobjid = old AND d.classid = 'pg_rewrite'::regclass) THEN
      SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns
        FROM pg_catalog.pg_attribute WHERE attrelid = fresh AND attnum > 0 AND NOT attisdropped;
      SELECT NOT EXISTS (
        (SELECT attname, atttypid, atttypmod FROM pg_catalog.pg_attribute WHERE attrelid = fresh AND attnum > 0 AND NOT attisdropped)
        EXCEPT ALL
        (SELECT attname, atttypid, atttypmod FROM pg_catalog.pg_attribute WHERE attrelid = old AND attnum > 0 AND NOT attisdropped))
        AND (SELECT count(*) FROM pg_catalog.pg_attribute WHERE attrelid = fresh AND attnum > 0 AND NOT attisdropped) =
            (SELECT count(*) FROM pg_catalog.pg_attribute WHERE attrelid = old AND attnum > 0 AND NOT attisdropped)
        INTO same;
      IF same THEN
        EXECUTE format('DELETE FROM %s', old::regclass);
        EXECUTE format('INSERT INTO %s (%s) SELECT %s FROM %s', old::regclass, columns, columns, fresh::regclass);
        EXECUTE format('DROP TABLE %s', fresh::regclass);
        RETURN;
      END IF;
      FOR item IN
        WITH RECURSIVE dependent AS (
          SELECT r.ev_class AS oid, 1 AS depth FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
          WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid = old AND r.ev_class <> old
          UNION
          SELECT r.ev_class, dependent.depth + 1 FROM dependent JOIN pg_catalog.pg_depend d ON d.refobjid = dependent.oid
          JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
          WHERE d.classid = 'pg_rewrite'::regclass AND r.ev_class <> dependent.oid)
        SELECT c.oid, c.relkind, max(dependent.depth) AS depth FROM dependent JOIN pg_catalog.pg_class c USING (oid)
        GROUP BY c.oid, c.relkind ORDER BY max(dependent.depth) LOOP
        IF item.relkind <> 'v' THEN
          RAISE EXCEPTION USING ERRCODE = '2BP01', MESSAGE = format('%s depends on the table, whose columns change', item.oid::regclass),
            HINT = 'drop it, or build it as a model downstream of the table';
        END IF;
        views := views || format('CREATE VIEW %s AS %s', item.oid::regclass, pg_get_viewdef(item.oid));
      END LOOP;
    END IF;
    EXECUTE format('DROP %s %s%s', CASE kind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END,
                   old::regclass, CASE WHEN cardinality(views) > 0 THEN ' CASCADE' ELSE '' END);
  END IF;
  EXECUTE format('ALTER %s %s RENAME TO {name}', CASE (SELECT relkind FROM pg_catalog.pg_class WHERE oid = fresh)
                 WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, fresh::regclass);
  FOR i IN 1 .. cardinality(views) LOOP
    EXECUTE views[i];
  END LOOP;)";
  // format() reads % itself, and the name stands inside a text.
  auto name = quote_identifier(target.name);
  for (auto at = name.find_first_of("'%"); at != std::string::npos; at = name.find_first_of("'%", at + 2))
    name.insert(at, 1, name[at]);
  return do_block(fmt::format(kDeclarations, fmt::arg("old", regclass(target)), fmt::arg("fresh", regclass(fresh))),
                  [&] {
                    std::string body = kBody;
                    constexpr std::string_view kName = "{name}";
                    body.replace(body.find(kName), kName.size(), name);
                    return body;
                  }());
}

// The model's `indexes`, as dbt writes them: [{columns: [a, b], unique: true, type: btree}]. PostgreSQL names them.
Result<std::vector<std::string>> index_statements(const Json& config, const flow::Relation& relation) {
  std::vector<std::string> statements;
  const auto indexes = config.is_object() && config.contains("indexes") ? config["indexes"] : Json::array();
  for (const auto& index : indexes) {
    const auto is_valid = index.is_object() && index.contains("columns") && index["columns"].is_array() &&
                          !index["columns"].empty() &&
                          std::ranges::all_of(index["columns"], [](const Json& column) { return column.is_string(); });
    if (!is_valid) {
      return Error::user(Code::InvalidProject, "an index of the model has no columns: {}", to_text(index))
          .hint("write indexes: [{columns: [sale_id], unique: true}]");
    }
    std::vector<std::string> columns;
    for (const auto& column : index["columns"]) columns.push_back(quote_identifier(column.get<std::string>()));
    const auto unique = index.contains("unique") && index["unique"].is_boolean() && index["unique"].get<bool>();
    const auto method =
        index.contains("type") && index["type"].is_string() ? index["type"].get<std::string>() : "btree";
    statements.push_back(fmt::format("CREATE {}INDEX ON {} USING {} ({})", unique ? "UNIQUE " : "",
                                     quote_relation(relation), quote_identifier(method), fmt::join(columns, ", ")));
  }
  return statements;
}

void append(std::vector<std::string>& to, std::vector<std::string> more) {
  std::ranges::move(more, std::back_inserter(to));
}

Result<flow::Script> as_view(const Materialization& what) {
  const auto target = quote_relation(what.target);
  const auto select = trim_statement(what.select);
  flow::Script script;
  script.statements.emplace_back(kLimitLockWait);
  if (what.existing && what.existing->kind != RelationKind::View)
    script.statements.push_back(drop_if_exists(what.target));
  // A view whose columns stay keeps its rights and what depends on it; other columns need another view.
  script.statements.push_back(
      do_block("", fmt::format("  CREATE OR REPLACE VIEW {0} AS\n{1}\n;\nEXCEPTION WHEN invalid_table_definition THEN\n"
                               "  DROP VIEW {0};\n  CREATE VIEW {0} AS\n{1}\n;",
                               target, select)));
  return script;
}

Result<flow::Script> as_table(const Materialization& what) {
  const auto fresh = fresh_name(what.target);
  const auto unlogged = what.config.is_object() && what.config.contains("unlogged") && what.config["unlogged"] == true;
  flow::Script script;
  script.statements.push_back(drop_if_exists(fresh));
  script.statements.push_back(fmt::format("CREATE {}TABLE {} AS\n{}", unlogged ? "UNLOGGED " : "",
                                          quote_relation(fresh), trim_statement(what.select)));
  append(script.statements, WEIR_TRY(index_statements(what.config, fresh)));
  script.statements.emplace_back(kLimitLockWait);
  script.statements.push_back(swap_in(what.target, fresh));
  script.statements.push_back("ANALYZE " + quote_relation(what.target));
  return script;
}

// A matview knows its SELECT only in the server's words, so its comment keeps ours: "weir:<md5>".
Result<flow::Script> as_materialized_view(const Materialization& what) {
  const auto target = quote_relation(what.target);
  const auto fresh = fresh_name(what.target);
  const auto select = std::string{trim_statement(what.select)};
  auto indexes = WEIR_TRY(index_statements(what.config, fresh));
  const auto identity =
      fmt::format("'weir:' || md5({})", quote_literal(select + fmt::format("{}", fmt::join(indexes, ";"))));
  std::string rebuild = fmt::format("  CREATE MATERIALIZED VIEW {} AS\n{}\n;\n", quote_relation(fresh), select);
  for (const auto& index : indexes) rebuild += "  " + index + ";\n";
  // CONCURRENTLY lets readers read, and needs a unique index over all rows.
  const auto body = fmt::format(
      "  IF NOT {full} AND obj_description({regclass}, 'pg_class') = {identity} THEN\n"
      "    IF EXISTS (SELECT FROM pg_catalog.pg_index WHERE indrelid = {regclass} AND indisunique AND indisvalid AND "
      "indpred IS NULL "
      "AND indexprs IS NULL) AND (SELECT relispopulated FROM pg_catalog.pg_class WHERE oid = {regclass}) THEN\n"
      "      REFRESH MATERIALIZED VIEW CONCURRENTLY {target};\n    ELSE\n      REFRESH MATERIALIZED VIEW {target};\n   "
      " END IF;\n"
      "    RETURN;\n  END IF;\n{rebuild}",
      fmt::arg("full", what.full_refresh ? "true" : "false"), fmt::arg("regclass", regclass(what.target)),
      fmt::arg("identity", identity), fmt::arg("target", target), fmt::arg("rebuild", rebuild));
  flow::Script script;
  script.statements.push_back(drop_if_exists(fresh));
  script.statements.push_back(do_block("", body));
  script.statements.emplace_back(kLimitLockWait);
  const auto if_rebuilt = [&](const std::string& statement) {
    return do_block("", fmt::format("  IF {} IS NOT NULL THEN\n    EXECUTE {};\n  END IF;", regclass(fresh),
                                    quote_literal(statement)));
  };
  script.statements.push_back(if_rebuilt(swap_in(what.target, fresh)));
  script.statements.push_back(
      do_block("", fmt::format("  EXECUTE format('COMMENT ON MATERIALIZED VIEW %s IS %L', {}, {});",
                               regclass(what.target) + "::regclass", identity)));
  return script;
}

std::string equal_keys(const std::vector<std::string>& key, std::string_view left, std::string_view right) {
  std::vector<std::string> terms;
  for (const auto& column : key) {
    const auto name = quote_identifier(column);
    terms.push_back(fmt::format("{}.{} = {}.{}", left, name, right, name));
  }
  return fmt::format("{}", fmt::join(terms, " AND "));
}

Result<std::string> incremental_strategy(const Materialization& what) {
  auto strategy = what.strategy.empty() ? (what.unique_key.empty() ? "append" : "delete+insert") : what.strategy;
  if (strategy != "append" && strategy != "delete+insert" && strategy != "merge") {
    return Error::user(Code::InvalidProject, "PostgreSQL has no such incremental strategy: {}", strategy)
        .hint("use append, delete+insert or merge");
  }
  if (strategy != "append" && what.unique_key.empty()) {
    return Error::user(Code::InvalidProject, "the incremental strategy needs a unique_key: {}", strategy);
  }
  return strategy;
}

Result<flow::Script> as_increment(const Materialization& what) {
  const auto strategy = WEIR_TRY(incremental_strategy(what));
  if (!what.existing || what.existing->kind != RelationKind::Table || what.full_refresh) return as_table(what);
  std::vector<std::string> columns;
  for (const auto& field : what.existing->schema.fields) columns.push_back(quote_identifier(field.name));
  const auto column_list = fmt::format("{}", fmt::join(columns, ", "));
  const auto target = quote_relation(what.target);
  const auto select = trim_statement(what.select);
  flow::Script script;
  if (strategy == "append") {
    script.statements.push_back(fmt::format("INSERT INTO {} ({}) SELECT {} FROM (\n{}\n) AS weir_new", target,
                                            column_list, column_list, select));
    return script;
  }
  script.statements.push_back(fmt::format("CREATE TEMPORARY TABLE weir_new ON COMMIT DROP AS\n{}", select));
  const auto keys = equal_keys(what.unique_key, "weir_new", "weir_old");
  if (strategy == "delete+insert") {
    script.statements.push_back(fmt::format("DELETE FROM {} AS weir_old USING weir_new WHERE {}", target, keys));
    script.statements.push_back(
        fmt::format("INSERT INTO {} ({}) SELECT {} FROM weir_new", target, column_list, column_list));
    return script;
  }
  // UPDATE would take any one of several rows with the same key, so that is an error first.
  std::vector<std::string> key_columns;
  for (const auto& column : what.unique_key) key_columns.push_back(quote_identifier(column));
  script.statements.push_back(
      do_block("", fmt::format("  IF EXISTS (SELECT FROM weir_new GROUP BY {} HAVING count(*) > 1) THEN\n"
                               "    RAISE EXCEPTION USING ERRCODE = '23505', MESSAGE = 'the model returns several rows "
                               "for one unique_key';\n  END IF;",
                               fmt::join(key_columns, ", "))));
  // Nobody may add one of the keys between the two statements.
  script.statements.emplace_back(kLimitLockWait);
  script.statements.push_back(fmt::format("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", target));
  std::vector<std::string> assignments;
  for (const auto& column : columns) {
    if (std::ranges::find(key_columns, column) == key_columns.end())
      assignments.push_back(fmt::format("{0} = weir_new.{0}", column));
  }
  if (!assignments.empty()) {
    script.statements.push_back(
        fmt::format("UPDATE {} AS weir_old SET {} FROM weir_new WHERE {}", target, fmt::join(assignments, ", "), keys));
  }
  script.statements.push_back(
      fmt::format("INSERT INTO {} ({}) SELECT {} FROM weir_new WHERE NOT EXISTS (SELECT FROM {} AS weir_old WHERE {})",
                  target, column_list, column_list, target, keys));
  return script;
}

}  // namespace

Result<flow::Script> materialize(const Materialization& what) {
  switch (what.materialized) {
    case Materialized::View: return as_view(what);
    case Materialized::Table: return as_table(what);
    case Materialized::Incremental: return as_increment(what);
    case Materialized::MaterializedView: return as_materialized_view(what);
  }
  return Error::bug("an unknown materialization");
}

}  // namespace weir::postgres
