#pragma once

#include <memory>

#include "connectors/postgres/address.hpp"
#include "flow/replication.hpp"

namespace weir::postgres {

// One side of a replication.
struct ReplicationSide {
  Address address;
  std::string default_schema;
  std::string server_log;  // "" when it is not on this machine
};

// PostgreSQL's own logical replication from one server to another: a publication and a slot on the publisher, tables and a
// subscription on the subscriber, all of the request's name.
std::unique_ptr<flow::Replication> make_replication(ReplicationSide publisher, ReplicationSide subscriber);

// What the publisher keeps of its log for its subscribers.
Result<std::vector<flow::HeldLog>> held_logs(const ReplicationSide& publisher, std::stop_token stop);

}  // namespace weir::postgres
