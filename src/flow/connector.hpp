#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "base/setting.hpp"
#include "flow/database.hpp"
#include "flow/dbt_output.hpp"
#include "flow/replication.hpp"
#include "flow/sink.hpp"
#include "flow/source.hpp"

namespace weir::flow {

// A connection as the project describes it, validated and with its secrets in place.
struct Connection {
  std::string name;  // as the project calls it
  std::string type;  // the connector's name
  Settings settings;
};

// What statements of a Database may do. Read: the server itself refuses whatever would change something, whatever a
// statement says (PostgreSQL: a read-only transaction, ClickHouse: readonly = 1).
enum class Rights { All, Read };

// What a connector is opened with.
struct OpenContext {
  Connection connection;
  std::filesystem::path project_folder;      // relative paths start here
  std::filesystem::path run_folder = {};     // <project>/files/<run>: what the run keeps; "" outside of a run
  std::filesystem::path replay_folder = {};  // recordings of a run that this one repeats; "" is none
  Log* log = &silent_log();
  Rights rights = Rights::All;
};

struct Connector;

// One end of a replication: the connector and what it is opened with.
struct ReplicationEnd {
  const Connector* connector = nullptr;
  OpenContext context;
};

// One kind of system that Weir reads or writes: a plain record. A role that a connector lacks is an empty function, known
// before anything runs; there is no method that answers "not implemented".
struct Connector {
  std::string name;
  std::string summary;
  std::vector<Setting> settings;       // the connection's keys in weir.yml
  std::vector<Setting> read_options;   // further keys of a copy's `from`
  std::vector<Setting> write_options;  // further keys of a copy's `to`

  // None of these touches the network; errors of reaching the server come from the first use.
  std::function<Result<std::unique_ptr<Source>>(const OpenContext&)> open_source;
  std::function<Result<std::unique_ptr<Sink>>(const OpenContext&)> open_sink;
  std::function<Result<std::unique_ptr<Database>>(const OpenContext&)> open_database;

  // Lets another system's server read tables of this one by itself. Makes the role and its rights, or changes them.
  std::function<Result<SharedTables>(const OpenContext&, const ShareRequest&, std::stop_token)> share;
  // Offered by the target. The source is of the same type, or one that offers `share`.
  std::function<Result<std::unique_ptr<Replication>>(const ReplicationEnd& source, const OpenContext& target)>
      open_replication;
  // What of its log this server keeps for replications from it, by name; looks only. Offered by sources whose log can grow so.
  std::function<Result<std::vector<HeldLog>>(const OpenContext&, std::stop_token)> held_logs;

  // What can be said of the Database role without a connection: for compiling SQL models. Null without that role.
  const Dialect* dialect = nullptr;
  // The space (schema, database) that unqualified tables of a connection with these settings lie in.
  std::function<std::string(const Settings&)> default_space;
  // How dbt reaches a connection with these settings; empty where dbt has no adapter for the system.
  std::function<Result<DbtOutput>(const Settings&)> dbt_output;
};

// The connectors that are compiled in: the list in app/connectors.cpp, handed to whoever needs it.
class Registry {
 public:
  explicit Registry(std::vector<Connector> connectors);
  const Connector* find(std::string_view type) const;
  std::span<const Connector> all() const { return connectors_; }

 private:
  std::vector<Connector> connectors_;
};

}  // namespace weir::flow
