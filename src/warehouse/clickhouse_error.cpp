#include "warehouse/clickhouse_error.hpp"

#include <cstdlib>

namespace weir::warehouse {

int clickhouse_code(const Error& error) {
  if (const int native = std::atoi(error.native_code().c_str()); native != 0) return native;
  switch (error.code()) {
    case Code::InvalidArgument: return 36;  // BAD_ARGUMENTS
    case Code::InvalidData: return 117;     // INCORRECT_DATA
    case Code::InvalidQuery: return 62;     // SYNTAX_ERROR
    case Code::AccessDenied: return 497;    // ACCESS_DENIED
    case Code::Unavailable: return 210;     // NETWORK_ERROR
    case Code::TimedOut: return 209;        // SOCKET_TIMEOUT
    case Code::Cancelled: return 394;       // QUERY_WAS_CANCELLED
    case Code::Unsupported: return 48;      // NOT_IMPLEMENTED
    default: return 49;                     // LOGICAL_ERROR
  }
}

int http_status_of(int clickhouse_code) {
  switch (clickhouse_code) {
    case 194:  // REQUIRED_PASSWORD
      return 401;
    case 192:  // UNKNOWN_USER
    case 193:  // WRONG_PASSWORD
    case 497:  // ACCESS_DENIED
    case 512:  // SET_NON_GRANTED_ROLE
    case 516:  // AUTHENTICATION_FAILED
      return 403;
    case 6:    // CANNOT_PARSE_TEXT
    case 10:   // NOT_FOUND_COLUMN_IN_BLOCK
    case 15:   // DUPLICATE_COLUMN
    case 16:   // NO_SUCH_COLUMN_IN_TABLE
    case 25:   // CANNOT_PARSE_ESCAPE_SEQUENCE
    case 26:   // CANNOT_PARSE_QUOTED_STRING
    case 27:   // CANNOT_PARSE_INPUT_ASSERTION_FAILED
    case 36:   // BAD_ARGUMENTS
    case 38:   // CANNOT_PARSE_DATE
    case 41:   // CANNOT_PARSE_DATETIME
    case 44:   // ILLEGAL_COLUMN
    case 53:   // TYPE_MISMATCH
    case 62:   // SYNTAX_ERROR
    case 67:   // UNKNOWN_ELEMENT_IN_AST
    case 72:   // CANNOT_PARSE_NUMBER
    case 117:  // INCORRECT_DATA
    case 167:  // TOO_DEEP_AST
    case 168:  // TOO_BIG_AST
    case 223:  // UNEXPECTED_AST_STRUCTURE
    case 321:  // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
    case 376:  // CANNOT_PARSE_UUID
    case 427:  // CANNOT_COMPILE_REGEXP
    case 675:  // CANNOT_PARSE_IPV4
    case 676:  // CANNOT_PARSE_IPV6
      return 400;
    case 46:   // UNKNOWN_FUNCTION
    case 47:   // UNKNOWN_IDENTIFIER
    case 50:   // UNKNOWN_TYPE
    case 56:   // UNKNOWN_STORAGE
    case 60:   // UNKNOWN_TABLE
    case 63:   // UNKNOWN_AGGREGATE_FUNCTION
    case 73:   // UNKNOWN_FORMAT
    case 78:   // UNKNOWN_TYPE_OF_QUERY
    case 81:   // UNKNOWN_DATABASE
    case 115:  // UNKNOWN_SETTING
    case 336:  // UNKNOWN_DATABASE_ENGINE
    case 372:  // SESSION_NOT_FOUND
    case 511:  // UNKNOWN_ROLE
      return 404;
    case 159:  // TIMEOUT_EXCEEDED
      return 408;
    case 381:  // HTTP_LENGTH_REQUIRED
      return 411;
    case 229:  // QUERY_IS_TOO_LARGE
      return 413;
    case 415:  // UNSUPPORTED_MEDIA_TYPE, as HTTP numbers it
      return 415;
    case 48:  // NOT_IMPLEMENTED
      return 501;
    case 76:   // CANNOT_OPEN_FILE
    case 202:  // TOO_MANY_SIMULTANEOUS_QUERIES
    case 209:  // SOCKET_TIMEOUT
    case 439:  // CANNOT_SCHEDULE_TASK
      return 503;
    default: return 500;
  }
}

std::string clickhouse_error_text(const Error& error, std::string_view version) {
  const auto suffix = fmt::format("(version {})", version);
  std::string text = error.message();
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (!text.starts_with("Code: ")) text = fmt::format("Code: {}. DB::Exception: {}", clickhouse_code(error), text);
  if (text.find("(version ") == std::string::npos) text += " " + suffix;
  return text += "\n";
}

}  // namespace weir::warehouse
