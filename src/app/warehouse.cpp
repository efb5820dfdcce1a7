#include "warehouse/warehouse.hpp"

#include "app/verbs.hpp"

namespace weir::app {

void add_warehouse(CLI::App& app, Outcome&) {
  auto options = std::make_shared<warehouse::WarehouseOptions>();
  auto durability = std::make_shared<std::string>("fsync");
  auto port = std::make_shared<int>(0);
  auto* verb = app.add_subcommand("warehouse", "The embedded ClickHouse's process; Weir starts it itself")->group("");
  verb->add_option("--data", options->data_folder, "Where the tables lie")->required();
  verb->add_option("--library", options->library, "libchdb.so; default: the cache's");
  verb->add_option("--socket", options->unix_socket, "A unix socket to listen on");
  verb->add_option("--port", *port, "A loopback port to listen on; 0: any");
  verb->add_option("--password-file", options->password_file, "The password of the user `default`")->required();
  verb->add_option("--ready-fd", options->ready_fd, "Gets a JSON line when the warehouse answers");
  verb->add_option("--ready-file", options->ready_file, "Gets the same line");
  verb->add_option("--durability", *durability, "fsync: an acknowledged insert survives a power cut; fast: it may not")
      ->check(CLI::IsMember({"fsync", "fast"}));
  verb->add_option("--memory", options->memory_bytes_max, "The most memory for queries, in bytes");
  verb->add_option("--source", options->sources,
                   "A kind of server that statements may reach, such as postgres; may be repeated");
  verb->callback([options, durability, port] {
    options->port = *port;
    options->durability = *durability == "fast" ? warehouse::Durability::Fast : warehouse::Durability::Fsync;
    warehouse::run_warehouse(*options);
  });
}

}  // namespace weir::app
