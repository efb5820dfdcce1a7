#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/secret.hpp"
#include "connectors/postgres/connection.hpp"
#include "flow/database.hpp"
#include "flow/replication.hpp"

// Roles as which other servers sign in, each made for one purpose. They read the tables that they were made for; a
// connection's own role never goes to another server.
namespace weir::postgres {

// Replicating: may also open a replication connection, which a subscription needs (and which reads every published table).
enum class RolePurpose { Reading, Replicating };

struct ReadingRole {
  std::string name;
  Secret password;
  RolePurpose purpose = RolePurpose::Reading;
};

// Makes the role or corrects it; `address` is how this connection was made. What was changed, "" when nothing.
Result<std::string> ensure_role(Connection& connection, const Address& address, const ReadingRole& role,
                                std::stop_token stop);
// Grants the reading of these tables and takes back that of any others.
Result<void> grant_reading(Connection& connection, const std::string& role, const std::vector<flow::Relation>& tables,
                           std::stop_token stop);

// Where another server reaches this one: host:port as given, else the connection's, with loopback for a local socket.
struct Endpoint {
  std::string host;
  int port = 0;
};
Result<Endpoint> reachable_at(Connection& connection, const Address& address, const std::string& given);

// The connector's `share` (flow/connector.hpp).
Result<flow::SharedTables> share_tables(const Address& address, const std::string& default_schema,
                                        const flow::ShareRequest& request, std::stop_token stop);

}  // namespace weir::postgres
