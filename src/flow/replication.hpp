#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "flow/database.hpp"

// Replication: one system keeps tables equal to another system's by itself, and Weir sets that up, watches it and proves
// it. The rows do not pass through Weir.
namespace weir::flow {

// What another system's server needs in order to read tables by itself.
struct ShareRequest {
  std::vector<std::string> tables;  // names, and patterns with *, in the connection's schema when they name none
  std::string role;                 // made for it: may sign in and read these tables, and nothing else
  Secret password;                  // the role's
  std::string address;              // host:port where that server reaches this one; "" is the connection's own
};

struct SharedTables {
  struct Table {
    Relation name;
    data::Schema schema;
    std::vector<std::string> native_types;  // the source's own names, a column each
    std::vector<std::string> key;
  };

  std::string system;  // the source's connector
  std::string host;
  int port = 0;
  std::string database;
  std::string role;
  Secret password;
  std::vector<Table> tables;
};

// What to do when the source no longer keeps the changes that the target has not had.
enum class OnSlotLost {
  Fail,    // say so, change nothing
  Recopy,  // empty the target's tables and copy everything again
};

struct ReplicationRequest {
  std::string name;                 // of everything that is made for it on both sides; lower-case letters, digits and _
  std::vector<std::string> tables;  // as in ShareRequest
  Secret password;                  // of the role `name` on the source
  std::string address;              // as in ShareRequest
  std::string space;                // where the target's tables lie; "" where they lie in the source
  OnSlotLost on_slot_lost = OnSlotLost::Fail;
};

struct ReplicatedTable {
  Relation source;
  Relation target;
  std::vector<std::string> key;  // empty when the table has none
  // Columns that cannot be compared: the source no longer has them, or the target shows them as another text.
  std::vector<std::string> not_compared;
};

struct Replica {
  std::vector<ReplicatedTable> tables;
  std::vector<std::string> warnings;  // what the user should know
};

// Told of each thing that was made or changed, as soon as it is: "made table launches".
using Changed = std::function<void(std::string)>;

struct ReplicationStatus {
  bool caught_up = false;           // every table is copied, and all is replayed up to the position that was asked for
  std::uint64_t missing_bytes = 0;  // of the source's log, up to that position
  std::uint64_t lag_bytes = 0;      // up to the source's present end
  std::optional<double> lag_seconds;        // how long a change takes to arrive, when the source knows
  std::uint64_t retained_bytes = 0;         // log that the source must keep for this replication
  std::optional<std::uint64_t> free_bytes;  // on the source's disk, when it is ours to see
  std::size_t tables = 0;
  std::size_t tables_copied = 0;
  std::uint64_t rows_copied = 0;  // of first copies under way
  std::string progress;           // differs from the last one when anything has moved
  std::string waits_for;          // for people: "the first copy of launches"
  std::optional<Error> failure;   // what the target keeps failing at; it does not go on by itself
};

// Log that a server keeps for the target of one replication, whether or not that comes for it.
struct HeldLog {
  std::string replication;  // its name
  bool is_read = false;     // the target is connected
  bool is_lost = false;     // the server has thrown away what the target has not had
  std::uint64_t lag_bytes = 0;
  std::uint64_t retained_bytes = 0;
  std::optional<double> lag_seconds;        // while the target is connected and something is under way
  std::optional<std::uint64_t> free_bytes;  // on the server's disk, when it is ours to see
};

// One replication between two connections. Used by one thread. Every call returns Cancelled soon after a stop request.
class Replication {
 public:
  virtual ~Replication() = default;
  // Makes what is missing and changes what differs, on both sides; what stands as requested is left alone. May be called
  // again after it was cut off at any moment. Conflict when the source has lost changes and the request says Fail.
  virtual Result<Replica> establish(const ReplicationRequest& request, const Changed& changed,
                                    std::stop_token stop) = 0;
  // Where the source is now: everything that is committed lies before it. Opaque to all but this class.
  virtual Result<std::string> position(std::stop_token stop) = 0;
  virtual Result<ReplicationStatus> status(const std::string& until, std::stop_token stop) = 0;
};

// Whether a name fits a pattern in which * stands for any letters, also none.
bool matches_pattern(std::string_view name, std::string_view pattern);

}  // namespace weir::flow
