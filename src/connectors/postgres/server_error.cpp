#include "connectors/postgres/server_error.hpp"

#include <algorithm>
#include <array>

namespace weir::postgres {
namespace {

struct Meaning {
  std::string_view sqlstate;  // a code, or the begin of a class of codes; the first that fits counts
  Fault fault;
  Code code;
  Retry retry;
  std::string_view hint = {};
};

constexpr auto kMeanings = std::to_array<Meaning>({
    {"08", Fault::External, Code::Unavailable, Retry::Reconnect},
    {"0A", Fault::User, Code::Unsupported, Retry::Never},
    {"22P02", Fault::User, Code::TypeMismatch, Retry::Never},
    {"22003", Fault::User, Code::TypeMismatch, Retry::Never},
    {"22001", Fault::User, Code::TypeMismatch, Retry::Never},
    {"22007", Fault::User, Code::TypeMismatch, Retry::Never},
    {"22008", Fault::User, Code::TypeMismatch, Retry::Never},
    {"22P03", Fault::User, Code::TypeMismatch, Retry::Never},
    {"22P05", Fault::External, Code::InvalidData, Retry::Never,
     "jsonb holds neither U+0000 nor half a surrogate pair: make the table yourself, with a column of type json or "
     "text"},
    {"22", Fault::User, Code::InvalidData, Retry::Never},
    {"23505", Fault::User, Code::InvalidData, Retry::Never,
     "use mode: merge with the key, or remove the duplicates first"},
    {"23", Fault::User, Code::InvalidData, Retry::Never},
    {"25006", Fault::User, Code::AccessDenied, Retry::Never,
     "the server is a standby or read only: connect to the primary"},
    {"28", Fault::User, Code::AccessDenied, Retry::Never, "check the connection's user and password"},
    {"2BP01", Fault::User, Code::Conflict, Retry::Never},
    {"3D000", Fault::User, Code::NotFound, Retry::Never, "check the connection's database"},
    {"3F000", Fault::User, Code::NotFound, Retry::Never, "create the schema, or name another"},
    {"40", Fault::External, Code::Conflict, Retry::Later},
    {"42501", Fault::User, Code::AccessDenied, Retry::Never, "grant the right to the connection's user"},
    {"42P01", Fault::User, Code::NotFound, Retry::Never},
    {"42P06", Fault::User, Code::AlreadyExists, Retry::Never},
    {"42P07", Fault::User, Code::AlreadyExists, Retry::Never},
    {"42710", Fault::User, Code::AlreadyExists, Retry::Never},
    {"42804", Fault::User, Code::TypeMismatch, Retry::Never},
    {"42", Fault::User, Code::InvalidQuery, Retry::Never},
    {"53100", Fault::External, Code::ResourceExhausted, Retry::Later, "free space on the server's disk"},
    {"53300", Fault::External, Code::ResourceExhausted, Retry::Later,
     "the server has no free connection: raise max_connections"},
    {"53", Fault::External, Code::ResourceExhausted, Retry::Later},
    {"54", Fault::User, Code::Unsupported, Retry::Never},
    {"55006", Fault::External, Code::Conflict, Retry::Later},
    {"55P03", Fault::External, Code::Conflict, Retry::Later, "another session holds a lock on the table"},
    {"57014", Fault::External, Code::Cancelled, Retry::Later},
    {"57P", Fault::External, Code::Unavailable, Retry::Reconnect},
    {"58", Fault::External, Code::ResourceExhausted, Retry::Later, "see the server's log"},
    {"P0", Fault::User, Code::InvalidQuery, Retry::Never},
    {"XX", Fault::External, Code::Internal, Retry::Never, "see the server's log"},
});

constexpr Meaning kUnknown{{}, Fault::External, Code::InvalidQuery, Retry::Never};

const Meaning& meaning_of(std::string_view sqlstate) {
  const auto* found =
      std::ranges::find_if(kMeanings, [&](const Meaning& meaning) { return sqlstate.starts_with(meaning.sqlstate); });
  return found == kMeanings.end() ? kUnknown : *found;
}

std::string field(const PGresult* result, int code) {
  const auto* text = PQresultErrorField(result, code);
  return text == nullptr ? "" : text;
}

std::string_view trimmed(std::string_view text) {
  const auto end = text.find_last_not_of(" \t\r\n");
  return end == std::string_view::npos ? std::string_view{} : text.substr(0, end + 1);
}

bool is_sqlstate_text(std::string_view text) {
  return text.size() == 5 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
}

// "connection to server … failed: FATAL:  28P01: password authentication failed for user "x"\nLOCATION:  …"
ServerMessage parse_verbose(std::string_view text) {
  ServerMessage message;
  const auto marker = text.find(":  ");
  if (marker == std::string_view::npos || text.size() < marker + 10 || !is_sqlstate_text(text.substr(marker + 3, 5))) {
    return message;
  }
  message.sqlstate = text.substr(marker + 3, 5);
  auto rest = text.substr(marker + 8);
  if (rest.starts_with(": ")) rest.remove_prefix(2);
  message.primary = rest.substr(0, rest.find('\n'));
  return message;
}

}  // namespace

ServerMessage ServerMessage::from(const PGresult* result) {
  return {.sqlstate = field(result, PG_DIAG_SQLSTATE),
          .primary = field(result, PG_DIAG_MESSAGE_PRIMARY),
          .detail = field(result, PG_DIAG_MESSAGE_DETAIL),
          .hint = field(result, PG_DIAG_MESSAGE_HINT),
          .context = field(result, PG_DIAG_CONTEXT),
          .position = field(result, PG_DIAG_STATEMENT_POSITION)};
}

Error classify(const ServerMessage& message) {
  const auto& meaning = meaning_of(message.sqlstate);
  auto text = message.primary;
  if (!message.position.empty()) text += " (at character " + message.position + ")";
  if (!message.detail.empty()) text += ": " + message.detail;
  // Both a statement_timeout and somebody's pg_cancel_backend() arrive as 57014.
  const auto timed_out = message.sqlstate == "57014" && message.primary.find("timeout") != std::string::npos;
  Error error{meaning.fault, timed_out ? Code::TimedOut : meaning.code, std::move(text)};
  auto classified = std::move(error)
                        .retry(meaning.retry)
                        .native_code(message.sqlstate)
                        .hint(message.hint.empty() ? std::string{meaning.hint} : message.hint);
  // COPY says where in the data it stopped: "COPY sales, line 17, column amount: …".
  if (message.context.starts_with("COPY ")) {
    return std::move(classified).while_doing(message.context.substr(0, message.context.find('\n')));
  }
  return classified;
}

Error connect_error(std::string_view text, std::string_view address) {
  auto message = parse_verbose(text);
  if (!message.sqlstate.empty()) return classify(message).while_doing(fmt::format("connecting to {}", address));
  if (text.find("no password supplied") != std::string_view::npos) {
    return Error::user(Code::AccessDenied, "the server wants a password and the connection has none")
        .hint("set password, for example \"{{ env.DATABASE_PASSWORD }}\"")
        .while_doing(fmt::format("connecting to {}", address));
  }
  return Error::external(Code::Unavailable, "cannot connect to PostgreSQL: {}", trimmed(text))
      .retry(Retry::Reconnect)
      .hint("check that the server runs and that host and port are right")
      .while_doing(fmt::format("connecting to {}", address));
}

Error broken_connection(std::string_view text) {
  return Error::external(Code::Unavailable, "the connection to PostgreSQL broke: {}", trimmed(text))
      .retry(Retry::Reconnect);
}

bool is_sqlstate(const Error& error, std::string_view sqlstate) { return error.native_code() == sqlstate; }

}  // namespace weir::postgres
