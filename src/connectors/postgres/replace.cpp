#include "connectors/postgres/replace.hpp"

#include "connectors/postgres/statement.hpp"

namespace weir::postgres {
namespace {

// Everything that refers to the table by its number and would be lost or refuse the drop.
constexpr auto kWhyNotSwap = R"(
SELECT reason FROM (
  SELECT 'view ' || r.ev_class::regclass || ' depends on it' AS reason
    FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::oid AND r.ev_class <> $1::oid
  UNION ALL SELECT 'foreign key ' || conname FROM pg_catalog.pg_constraint
    WHERE contype = 'f' AND (confrelid = $1::oid OR conrelid = $1::oid)
  UNION ALL SELECT 'publication ' || p.pubname FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
    WHERE r.prrelid = $1::oid
  UNION ALL SELECT 'trigger ' || tgname FROM pg_catalog.pg_trigger WHERE tgrelid = $1::oid AND NOT tgisinternal
  UNION ALL SELECT 'rule ' || rulename FROM pg_catalog.pg_rewrite WHERE ev_class = $1::oid
  UNION ALL SELECT 'policy ' || polname FROM pg_catalog.pg_policy WHERE polrelid = $1::oid
  UNION ALL SELECT 'inheritance or partitions' FROM pg_catalog.pg_inherits WHERE inhrelid = $1::oid OR inhparent = $1::oid
  UNION ALL SELECT 'sequence ' || objid::regclass FROM pg_catalog.pg_depend
    WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND refobjid = $1::oid AND deptype IN ('a', 'i')
      AND (SELECT relkind FROM pg_catalog.pg_class WHERE oid = objid) = 'S'
  UNION ALL SELECT 'function ' || objid::regprocedure FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_proc'::regclass AND (d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::oid
      OR d.refclassid = 'pg_type'::regclass AND d.refobjid IN (SELECT t.oid FROM pg_catalog.pg_type t
        WHERE t.typrelid = $1::oid OR t.typelem = (SELECT reltype FROM pg_catalog.pg_class WHERE oid = $1::oid)))
  UNION ALL SELECT 'its row type is a column of ' || d.objid::regclass FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_type'::regclass
      AND d.refobjid IN (SELECT oid FROM pg_catalog.pg_type WHERE typrelid = $1::oid)
  UNION ALL SELECT 'its owner is another role' FROM pg_catalog.pg_class WHERE oid = $1::oid AND pg_get_userbyid(relowner) <> current_user
  UNION ALL SELECT 'row level security' FROM pg_catalog.pg_class WHERE oid = $1::oid AND (relrowsecurity OR relforcerowsecurity)
  UNION ALL SELECT 'replica identity' FROM pg_catalog.pg_class WHERE oid = $1::oid AND relreplident <> 'd'
  UNION ALL SELECT 'it is no plain table' FROM pg_catalog.pg_class WHERE oid = $1::oid AND (relkind <> 'r' OR reloftype <> 0)
  UNION ALL SELECT 'it has storage options' FROM pg_catalog.pg_class WHERE oid = $1::oid
    AND (reloptions IS NOT NULL OR reltablespace <> 0 OR relpersistence <> 'p')
  UNION ALL SELECT 'it belongs to an extension' FROM pg_catalog.pg_depend
    WHERE classid = 'pg_class'::regclass AND objid = $1::oid AND deptype = 'e'
  UNION ALL SELECT 'security label' FROM pg_catalog.pg_seclabel WHERE classoid = 'pg_class'::regclass AND objoid = $1::oid
) AS reasons LIMIT 1)";

constexpr auto kConstraints =
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint WHERE conrelid = $1::oid AND contype IN "
    "('p', 'u', 'x') "
    "ORDER BY contype, conname";

constexpr auto kIndexes =
    "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = "
    "i.indexrelid "
    "WHERE i.indrelid = $1::oid AND i.indisvalid AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE "
    "k.conindid = i.indexrelid) "
    "ORDER BY c.relname";

// Statements with %s for the table, for rights on the table and on single columns.
constexpr auto kGrants = R"(
SELECT format('GRANT %s ON TABLE %%s TO %s%s', a.privilege_type,
              CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
              CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM pg_catalog.pg_class c, aclexplode(c.relacl) a WHERE c.oid = $1::regclass AND a.grantee <> c.relowner
UNION ALL
SELECT format('GRANT %s (%I) ON TABLE %%s TO %s%s', a.privilege_type, t.attname,
              CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
              CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM pg_catalog.pg_attribute t, aclexplode(t.attacl) a WHERE t.attrelid = $1::regclass AND NOT t.attisdropped)";

// What default privileges gave to the new table.
constexpr auto kRevokes = R"(
SELECT DISTINCT format('REVOKE ALL ON TABLE %%s FROM %s',
                       CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
  FROM pg_catalog.pg_class c, aclexplode(c.relacl) a WHERE c.oid = $1::regclass AND a.grantee <> c.relowner)";

// The name of a thing on the new table for as long as the old table has the right one.
std::string temporary_name(const flow::Relation& new_table, std::size_t number) {
  const auto suffix = fmt::format("_{}", number);
  return cut_name(new_table.name, kNameBytesMax - suffix.size()) + suffix;
}

Result<void> run_for_table(Connection& connection, const char* select, const flow::Relation& from,
                           const std::string& table, std::stop_token stop) {
  const auto statements = WEIR_TRY(connection.query(select, {quote_relation(from)}, stop));
  for (int row = 0; row < statements.rows(); ++row) {
    auto statement = statements.text(row, 0);
    statement.replace(statement.find("%s"), 2, table);
    WEIR_TRY(connection.run(statement, stop));
  }
  return {};
}

}  // namespace

Result<std::string> why_not_swap(Connection& connection, Oid table, std::stop_token stop) {
  const auto reasons = WEIR_TRY(connection.query(kWhyNotSwap, {std::to_string(table)}, stop));
  return reasons.rows() == 0 ? std::string{} : reasons.text(0, 0);
}

std::string create_like(const CatalogRelation& table, const flow::Relation& name) {
  return fmt::format("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING INDEXES)", quote_relation(name),
                     quote_relation(table.name));
}

Result<std::vector<PendingName>> copy_indexes(Connection& connection, Oid table, const flow::Relation& old_name,
                                              const flow::Relation& new_table, std::stop_token stop) {
  std::vector<PendingName> names;
  const auto constraints = WEIR_TRY(connection.query(kConstraints, {std::to_string(table)}, stop));
  for (int row = 0; row < constraints.rows(); ++row) {
    names.push_back({temporary_name(new_table, names.size()), constraints.text(row, 0), true});
    WEIR_TRY(connection.run(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}", quote_relation(new_table),
                                        quote_identifier(names.back().from), constraints.text(row, 1)),
                            stop));
  }
  const auto indexes = WEIR_TRY(connection.query(kIndexes, {std::to_string(table)}, stop));
  for (int row = 0; row < indexes.rows(); ++row) {
    // "CREATE [UNIQUE] INDEX name ON schema.table USING …": what follows USING holds for the new table too.
    const auto definition = indexes.text(row, 1);
    const auto using_at = definition.find(" USING ", definition.find(" ON "));
    if (using_at == std::string::npos) return Error::bug("an index definition without USING: {}", definition);
    names.push_back({temporary_name(new_table, names.size()), indexes.text(row, 0), false});
    WEIR_TRY(connection
                 .run(fmt::format("CREATE {}INDEX {} ON {}{}", definition.starts_with("CREATE UNIQUE") ? "UNIQUE " : "",
                                  quote_identifier(names.back().from), quote_relation(new_table),
                                  definition.substr(using_at)),
                      stop)
                 .while_doing("building the index " + indexes.text(row, 0) + " of " + old_name.text()));
  }
  return names;
}

Result<void> swap_tables(Connection& connection, const flow::Relation& old_table, const flow::Relation& new_table,
                         const std::vector<PendingName>& names, std::stop_token stop) {
  const auto old_name = quote_relation(old_table);
  const auto new_name = quote_relation(new_table);
  WEIR_TRY(connection.run(fmt::format("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", old_name), stop));
  WEIR_TRY(run_for_table(connection, kRevokes, new_table, new_name, stop));
  WEIR_TRY(run_for_table(connection, kGrants, old_table, new_name, stop));
  const auto comment = WEIR_TRY(connection.query("SELECT obj_description($1::regclass, 'pg_class')", {old_name}, stop));
  if (!comment.is_null(0, 0)) {
    WEIR_TRY(
        connection.run(fmt::format("COMMENT ON TABLE {} IS {}", new_name, quote_literal(comment.text(0, 0))), stop));
  }
  WEIR_TRY(connection.run("DROP TABLE " + old_name, stop));
  return name_table(connection, old_table, new_table, names, stop);
}

Result<void> name_table(Connection& connection, const flow::Relation& target, const flow::Relation& new_table,
                        const std::vector<PendingName>& names, std::stop_token stop) {
  WEIR_TRY(connection.run(
      fmt::format("ALTER TABLE {} RENAME TO {}", quote_relation(new_table), quote_identifier(target.name)), stop));
  for (const auto& name : names) {
    const auto taken = WEIR_TRY(
        connection.query("SELECT to_regclass($1) IS NOT NULL", {quote_relation({target.space, name.to})}, stop));
    if (taken.flag(0, 0)) continue;  // another table's index is called so: this one keeps its own name
    const auto statement = name.constraint
                               ? fmt::format("ALTER TABLE {} RENAME CONSTRAINT {} TO {}", quote_relation(target),
                                             quote_identifier(name.from), quote_identifier(name.to))
                               : fmt::format("ALTER INDEX {} RENAME TO {}", quote_relation({target.space, name.from}),
                                             quote_identifier(name.to));
    WEIR_TRY(connection.run(statement, stop));
  }
  return {};
}

}  // namespace weir::postgres
