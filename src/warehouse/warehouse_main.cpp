// Runs the warehouse for tests, without the rest of `weir`.

#include <fmt/format.h>

#include <cstdlib>
#include <string_view>

#include "warehouse/warehouse.hpp"

int main(int argc, char** argv) {
  weir::warehouse::WarehouseOptions options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--data") options.data_folder = value;
    if (name == "--socket") options.unix_socket = value;
    if (name == "--port") options.port = std::atoi(value.c_str());
    if (name == "--password-file") options.password_file = value;
    if (name == "--ready-file") options.ready_file = value;
    if (name == "--ready-fd") options.ready_fd = std::atoi(value.c_str());
    if (name == "--durability") {
      options.durability = value == "fast" ? weir::warehouse::Durability::Fast : weir::warehouse::Durability::Fsync;
    }
    if (name == "--statements-max") options.statements_max = std::atoi(value.c_str());
    if (name == "--memory-bytes-max") options.memory_bytes_max = std::strtoull(value.c_str(), nullptr, 10);
  }
  weir::warehouse::run_warehouse(options);
}
