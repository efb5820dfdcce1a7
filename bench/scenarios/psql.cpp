#include "scenarios/psql.hpp"

#include <fmt/format.h>

namespace weir::bench {

Program psql(const services::ServiceAddress& address, const std::vector<std::string>& commands) {
  Program program{.arguments = {"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"},
                  .folder = "/",
                  .environment = {{"PGHOST", address.host},
                                  {"PGPORT", fmt::format("{}", address.port)},
                                  {"PGUSER", address.user},
                                  {"PGPASSWORD", address.password.reveal()},
                                  {"PGDATABASE", address.database}}};
  for (const std::string& command : commands) program.arguments.insert(program.arguments.end(), {"-c", command});
  return program;
}

}  // namespace weir::bench
