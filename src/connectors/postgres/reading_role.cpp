#include "connectors/postgres/reading_role.hpp"

#include <charconv>
#include <set>

#include "connectors/postgres/catalog.hpp"
#include "connectors/postgres/read_query.hpp"
#include "connectors/postgres/replica_table.hpp"
#include "connectors/postgres/server_error.hpp"
#include "connectors/postgres/statement.hpp"

namespace weir::postgres {
namespace {

// Whether one can sign in with this password. Errors other than a refusal are passed on.
Result<bool> accepts_password(Address address, const ReadingRole& role, std::stop_token stop) {
  address.set("user", role.name);
  address.password = role.password;
  const auto opened = Connection::open(address, stop);
  if (opened.ok()) return true;
  if (opened.error().native_code().starts_with("28")) return false;
  return opened.error();
}

Result<std::string> set_role(Connection& connection, const ReadingRole& role, bool exists, std::stop_token stop) {
  const auto verifier = WEIR_TRY(connection.password_verifier(role.name, role.password));
  const auto name = quote_identifier(role.name);
  WEIR_TRY(connection.run(
      fmt::format("{} ROLE {} LOGIN {} NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}", exists ? "ALTER" : "CREATE",
                  name, role.purpose == RolePurpose::Replicating ? "REPLICATION" : "NOREPLICATION",
                  quote_literal(verifier)),
      stop));
  if (role.purpose == RolePurpose::Reading) {
    WEIR_TRY(connection.run(fmt::format("ALTER ROLE {} SET default_transaction_read_only = on", name), stop));
  }
  return exists ? fmt::format("gave role {} its password", role.name) : fmt::format("made role {}", role.name);
}

}  // namespace

Result<std::string> ensure_role(Connection& connection, const Address& address, const ReadingRole& role,
                                std::stop_token stop) {
  const auto found = WEIR_TRY(connection.query(
      "SELECT rolcanlogin AND NOT rolsuper AND rolreplication = $2 FROM pg_catalog.pg_roles WHERE rolname = $1",
      {role.name, role.purpose == RolePurpose::Replicating ? "t" : "f"}, stop));
  const bool exists = found.rows() > 0;
  if (exists && found.flag(0, 0) && WEIR_TRY(accepts_password(address, role, stop))) return std::string{};
  return set_role(connection, role, exists, stop);
}

Result<void> grant_reading(Connection& connection, const std::string& role, const std::vector<flow::Relation>& tables,
                           std::stop_token stop) {
  const auto name = quote_identifier(role);
  const auto granted =
      WEIR_TRY(connection.query("SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
                                "ON n.oid = c.relnamespace, "
                                "aclexplode(c.relacl) a WHERE a.grantee = $1::regrole AND a.privilege_type = 'SELECT'",
                                {name}, stop));
  std::set<flow::Relation> present;
  for (int row = 0; row < granted.rows(); ++row) present.insert({granted.text(row, 0), granted.text(row, 1)});
  const std::set<flow::Relation> wanted(tables.begin(), tables.end());
  const auto database = WEIR_TRY(connection.query("SELECT quote_ident(current_database())", {}, stop)).text(0, 0);
  const auto may_connect =
      WEIR_TRY(connection.query("SELECT has_database_privilege($1, current_database(), 'CONNECT')", {role}, stop));
  if (!may_connect.flag(0, 0)) {
    WEIR_TRY(connection.run(fmt::format("GRANT CONNECT ON DATABASE {} TO {}", database, name), stop));
  }
  std::set<std::string> schemas;
  for (const auto& table : wanted) {
    if (schemas.insert(table.space).second) {
      WEIR_TRY(
          connection.run(fmt::format("GRANT USAGE ON SCHEMA {} TO {}", quote_identifier(table.space), name), stop));
    }
    if (present.contains(table)) continue;
    WEIR_TRY(connection.run(fmt::format("GRANT SELECT ON {} TO {}", quote_relation(table), name), stop));
  }
  for (const auto& table : present) {
    if (wanted.contains(table)) continue;
    WEIR_TRY(connection.run(fmt::format("REVOKE SELECT ON {} FROM {}", quote_relation(table), name), stop));
  }
  return {};
}

Result<Endpoint> reachable_at(Connection& connection, const Address& address, const std::string& given) {
  if (given.empty()) {
    const auto host = address.keyword("host");
    const bool local = host.empty() || host.starts_with('/') || host.starts_with('@');
    return Endpoint{local ? "127.0.0.1" : host, connection.port()};
  }
  const auto colon = given.rfind(':');
  Endpoint endpoint{given.substr(0, colon), 5432};
  if (colon != std::string::npos) {
    const auto* const end = given.data() + given.size();
    const auto parsed = std::from_chars(given.data() + colon + 1, end, endpoint.port);
    if (parsed.ec != std::errc{} || parsed.ptr != end || endpoint.port < 1 || endpoint.port > 65535) {
      return Error::user(Code::InvalidProject, "not an address: {}", given).hint("write host:port");
    }
  }
  return endpoint;
}

Result<flow::SharedTables> share_tables(const Address& address, const std::string& default_schema,
                                        const flow::ShareRequest& request, std::stop_token stop) {
  auto connection = WEIR_TRY(Connection::open(address, stop));
  WEIR_TRY(connection.run("SET search_path = pg_catalog", stop));
  const auto chosen = WEIR_TRY(choose_tables(connection, request.tables, default_schema, stop));
  const ReadingRole role{request.role, request.password, RolePurpose::Reading};
  WEIR_TRY(ensure_role(connection, address, role, stop));
  const auto endpoint = WEIR_TRY(reachable_at(connection, address, request.address));
  flow::SharedTables shared{.system = "postgres",
                            .host = endpoint.host,
                            .port = endpoint.port,
                            .database = connection.database(),
                            .role = request.role,
                            .password = request.password,
                            .tables = {}};
  std::vector<flow::Relation> names;
  for (const auto& table : chosen) {
    names.push_back(table.name);
    const auto relation = WEIR_TRY(find_relation(connection, table.name, stop));
    if (!relation) return Error::external(Code::Conflict, "a table vanished meanwhile: {}", table.name.text());
    const auto query = WEIR_TRY(relation_query(connection, *relation, {}, {}, stop));
    flow::SharedTables::Table entry{.name = table.name, .schema = {}, .native_types = {}, .key = table.key};
    for (const auto& column : query.columns) {
      entry.schema.fields.push_back({column.name, column.type, column.nullable});
    }
    for (const auto& column : relation->columns) entry.native_types.push_back(column.native_type);
    shared.tables.push_back(std::move(entry));
  }
  WEIR_TRY(grant_reading(connection, request.role, names, stop));
  return shared;
}

}  // namespace weir::postgres
