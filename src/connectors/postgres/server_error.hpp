#pragma once

#include <libpq-fe.h>

#include <string>
#include <string_view>

#include "base/error.hpp"

// What PostgreSQL's SQLSTATE codes (manual, appendix A) mean to the engine: who has to act, and may it try again.
namespace weir::postgres {

// A server's answer in the parts that it sends.
struct ServerMessage {
  std::string sqlstate;
  std::string primary;
  std::string detail;
  std::string hint;
  std::string context;
  std::string position;  // of the mistake in the statement, in characters from 1

  static ServerMessage from(const PGresult* result);
};

Error classify(const ServerMessage& message);

// An attempt to connect that failed: libpq only says it as text, which carries the SQLSTATE when verbosity is VERBOSE.
Error connect_error(std::string_view text, std::string_view address);

// A connection that broke while it was in use.
Error broken_connection(std::string_view text);

bool is_sqlstate(const Error& error, std::string_view sqlstate);

}  // namespace weir::postgres
