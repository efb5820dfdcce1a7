#include "connectors/clickhouse/server_error.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace weir::clickhouse {
namespace {

constexpr std::string_view kCode = "Code: ";
constexpr std::string_view kMark = "DB::Exception: ";

// The message without what follows it: the version, a stream's closing mark (26.x), the exception's class (before 20.x).
std::string_view message_of(std::string_view text) {
  for (const std::string_view end : {"\r\n__exception__", " (version ", ", e.what() = "}) {
    text = text.substr(0, text.find(end));
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

struct Meaning {
  int code;
  Fault fault;
  Code weir;
  Retry retry;
};

constexpr std::array kMeanings{
    // What the query says does not exist or exists already.
    Meaning{16, Fault::User, Code::NotFound, Retry::Never},          // NO_SUCH_COLUMN_IN_TABLE
    Meaning{60, Fault::User, Code::NotFound, Retry::Never},          // UNKNOWN_TABLE
    Meaning{81, Fault::User, Code::NotFound, Retry::Never},          // UNKNOWN_DATABASE
    Meaning{218, Fault::External, Code::Unavailable, Retry::Later},  // TABLE_IS_DROPPED, being dropped just now
    Meaning{57, Fault::User, Code::AlreadyExists, Retry::Never},     // TABLE_ALREADY_EXISTS
    Meaning{82, Fault::User, Code::AlreadyExists, Retry::Never},     // DATABASE_ALREADY_EXISTS
    // Values and types.
    Meaning{6, Fault::User, Code::TypeMismatch, Retry::Never},    // CANNOT_PARSE_TEXT
    Meaning{27, Fault::User, Code::TypeMismatch, Retry::Never},   // CANNOT_PARSE_INPUT_ASSERTION_FAILED
    Meaning{38, Fault::User, Code::TypeMismatch, Retry::Never},   // CANNOT_PARSE_DATE
    Meaning{41, Fault::User, Code::TypeMismatch, Retry::Never},   // CANNOT_PARSE_DATETIME
    Meaning{43, Fault::User, Code::TypeMismatch, Retry::Never},   // ILLEGAL_TYPE_OF_ARGUMENT
    Meaning{53, Fault::User, Code::TypeMismatch, Retry::Never},   // TYPE_MISMATCH
    Meaning{69, Fault::User, Code::TypeMismatch, Retry::Never},   // ARGUMENT_OUT_OF_BOUND
    Meaning{70, Fault::User, Code::TypeMismatch, Retry::Never},   // CANNOT_CONVERT_TYPE
    Meaning{72, Fault::User, Code::TypeMismatch, Retry::Never},   // CANNOT_PARSE_NUMBER
    Meaning{131, Fault::User, Code::TypeMismatch, Retry::Never},  // TOO_LARGE_STRING_SIZE
    Meaning{349, Fault::User, Code::TypeMismatch, Retry::Never},  // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
    Meaning{407, Fault::User, Code::TypeMismatch, Retry::Never},  // DECIMAL_OVERFLOW
    // Rights.
    Meaning{164, Fault::User, Code::AccessDenied, Retry::Never},  // READONLY
    Meaning{192, Fault::User, Code::AccessDenied, Retry::Never},  // UNKNOWN_USER
    Meaning{193, Fault::User, Code::AccessDenied, Retry::Never},  // WRONG_PASSWORD
    Meaning{194, Fault::User, Code::AccessDenied, Retry::Never},  // REQUIRED_PASSWORD
    Meaning{195, Fault::User, Code::AccessDenied, Retry::Never},  // IP_ADDRESS_NOT_ALLOWED
    Meaning{291, Fault::User, Code::AccessDenied, Retry::Never},  // DATABASE_ACCESS_DENIED
    Meaning{497, Fault::User, Code::AccessDenied, Retry::Never},  // ACCESS_DENIED
    Meaning{516, Fault::User, Code::AccessDenied, Retry::Never},  // AUTHENTICATION_FAILED
    // Limits: the same query may pass when the server has less to do.
    Meaning{201, Fault::External, Code::ResourceExhausted, Retry::Later},  // QUOTA_EXCEEDED
    Meaning{202, Fault::External, Code::ResourceExhausted, Retry::Later},  // TOO_MANY_SIMULTANEOUS_QUERIES
    Meaning{241, Fault::External, Code::ResourceExhausted, Retry::Later},  // MEMORY_LIMIT_EXCEEDED
    Meaning{243, Fault::External, Code::ResourceExhausted, Retry::Later},  // NOT_ENOUGH_SPACE
    Meaning{252, Fault::External, Code::ResourceExhausted, Retry::Later},  // TOO_MANY_PARTS
    Meaning{439, Fault::External, Code::ResourceExhausted, Retry::Later},  // CANNOT_SCHEDULE_TASK
    // The server or something behind it does not answer.
    Meaning{3, Fault::External, Code::Unavailable, Retry::Later},        // UNEXPECTED_END_OF_FILE
    Meaning{209, Fault::External, Code::Unavailable, Retry::Reconnect},  // SOCKET_TIMEOUT
    Meaning{210, Fault::External, Code::Unavailable, Retry::Reconnect},  // NETWORK_ERROR
    Meaning{225, Fault::External, Code::Unavailable, Retry::Later},      // NO_ZOOKEEPER
    Meaning{242, Fault::External, Code::Unavailable, Retry::Later},      // TABLE_IS_READ_ONLY
    Meaning{279, Fault::External, Code::Unavailable, Retry::Later},      // ALL_CONNECTION_TRIES_FAILED
    Meaning{285, Fault::External, Code::Unavailable, Retry::Later},      // TOO_FEW_LIVE_REPLICAS
    Meaning{319, Fault::External, Code::Unavailable, Retry::Later},      // UNKNOWN_STATUS_OF_INSERT
    Meaning{999, Fault::External, Code::Unavailable, Retry::Later},      // KEEPER_EXCEPTION
    Meaning{159, Fault::External, Code::TimedOut, Retry::Later},         // TIMEOUT_EXCEEDED
    Meaning{160, Fault::External, Code::TimedOut, Retry::Later},         // TOO_SLOW
    Meaning{473, Fault::External, Code::Conflict, Retry::Later},         // DEADLOCK_AVOIDED
    Meaning{373, Fault::External, Code::Conflict, Retry::Later},         // SESSION_IS_LOCKED
    Meaning{394, Fault::External, Code::Cancelled, Retry::Never},        // QUERY_WAS_CANCELLED
    Meaning{735, Fault::External, Code::Cancelled, Retry::Never},        // QUERY_WAS_CANCELLED_BY_CLIENT
    Meaning{48, Fault::User, Code::Unsupported, Retry::Never},           // NOT_IMPLEMENTED
    Meaning{344, Fault::User, Code::Unsupported, Retry::Never},          // SUPPORT_IS_DISABLED
};

std::string_view hint_for(const Error& error) {
  switch (error.code()) {
    case Code::AccessDenied: return "check user and password of the connection, and the user's grants";
    case Code::ResourceExhausted:
      return "the server is at one of its limits: free memory or disk there, or lower the load";
    default: return {};
  }
}

}  // namespace

std::optional<ServerException> find_exception(std::string_view text) {
  for (auto at = text.rfind(kMark); at != std::string_view::npos; at = at == 0 ? at - 1 : text.rfind(kMark, at - 1)) {
    const auto begin = text.substr(0, at).rfind(kCode);
    if (begin == std::string_view::npos) return std::nullopt;
    ServerException exception;
    const auto head = text.substr(begin + kCode.size(), at - begin - kCode.size());
    const auto [end, error] = std::from_chars(head.data(), head.data() + head.size(), exception.code);
    if (error != std::errc{}) continue;
    const auto between = head.substr(static_cast<std::size_t>(end - head.data()));
    if (between != ". " && between != ", e.displayText() = ") continue;
    exception.message = message_of(text.substr(at + kMark.size()));
    return exception;
  }
  return std::nullopt;
}

Error to_error(const ServerException& exception) {
  const auto* found = std::find_if(kMeanings.begin(), kMeanings.end(),
                                   [&](const Meaning& meaning) { return meaning.code == exception.code; });
  // What is not listed is nearly always the query's: syntax, unknown functions and identifiers, aggregation rules.
  const Meaning meaning =
      found != kMeanings.end() ? *found : Meaning{exception.code, Fault::User, Code::InvalidQuery, Retry::Never};
  auto error = Error{meaning.fault, meaning.weir, "ClickHouse: " + exception.message}
                   .retry(meaning.retry)
                   .native_code(std::to_string(exception.code));
  if (const auto hint = hint_for(error); !hint.empty()) return std::move(error).hint(std::string{hint});
  return error;
}

}  // namespace weir::clickhouse
