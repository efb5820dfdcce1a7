#include "connectors/mongodb/server_error.hpp"

#include <algorithm>
#include <array>

#include "connectors/mongodb/document.hpp"

namespace weir::mongodb {
namespace {

// A member that is leaving, joining or changing its part: the driver's specification calls them state change errors, and
// the server may say them of any command.
constexpr std::array<std::int64_t, 13> kPassing = {6,    7,     89,    91,    134,   189,  262,
                                                   9001, 10107, 11600, 11602, 13435, 13436};

Error by_server_code(std::int64_t code, std::string_view message, const Address& address) {
  using namespace server_code;
  switch (code) {
    case kUnauthorized:
      return Error::user(Code::AccessDenied, "{} refuses: {}", address.text(), message)
          .hint("give the user the role that the message asks for: read, and readWrite where Weir writes");
    case kAuthenticationFailed:
      return Error::user(Code::AccessDenied, "{} does not let the user in: {}", address.text(), message)
          .hint("check user, password and authSource of the connection");
    case kNamespaceNotFound: return Error::user(Code::NotFound, "{}: {}", address.text(), message);
    case kNamespaceExists:
    case kDuplicateKey: return Error::user(Code::AlreadyExists, "{}: {}", address.text(), message);
    case kCommandNotFound: return Error::user(Code::Unsupported, "{}: {}", address.text(), message);
    case kTooLarge:
    case 17280:
    case 17419:
    case 17420: return Error{Fault::External, Code::TypeMismatch, fmt::format("{}: {}", address.text(), message)};
    case kCursorNotFound:
    case 136:
    case 237:
    case kQueryPlanKilled:
      return Error::external(Code::Unavailable, "{} gave up a cursor that was being read: {}", address.text(), message);
    case kMaxTimeExpired: return Error::external(Code::TimedOut, "{}: {}", address.text(), message);
    case kChangeStreamHistoryLost:
    case kChangeStreamFatal:
    case kInvalidResumeToken:
      return Error{Fault::External, Code::Conflict,
                   fmt::format("{} cannot tell the changes since the last run: {}", address.text(), message)}
          .hint(
              "its oplog is too short for the time between two runs, or it is another deployment than then; set "
              "on_expired: snapshot to read the collection again, or make the oplog longer");
    default: break;
  }
  if (std::ranges::find(kPassing, code) != kPassing.end())
    return Error::external(Code::Unavailable, "{} is changing: {}", address.text(), message);
  return Error::external(Code::InvalidQuery, "{} refuses: {}", address.text(), message).retry(Retry::Never);
}

Error by_library(const bson_error_t& error, const Address& address) {
  const std::string_view message = error.message;
  const bool signs_in = error.domain == MONGOC_ERROR_SCRAM || error.domain == MONGOC_ERROR_SASL ||
                        (error.domain == MONGOC_ERROR_CLIENT && error.code == MONGOC_ERROR_CLIENT_AUTHENTICATE) ||
                        message.find("uthentication failed") != std::string_view::npos;
  if (signs_in) return by_server_code(server_code::kAuthenticationFailed, message, address);
  switch (error.domain) {
    case MONGOC_ERROR_STREAM:
    case MONGOC_ERROR_SERVER_SELECTION:
    case MONGOC_ERROR_PROTOCOL: {
      auto failure = Error::external(Code::Unavailable, "{} does not answer: {}", address.text(), message);
      if (message.find("TLS") != std::string_view::npos || message.find("certificate") != std::string_view::npos)
        return std::move(failure).hint("check the server's certificate, tls_ca_file and the url's tls options");
      return failure;
    }
    case MONGOC_ERROR_CURSOR:
      return Error::external(Code::Unavailable, "{} gave up a cursor that was being read: {}", address.text(), message);
    case MONGOC_ERROR_WRITE_CONCERN: return Error::external(Code::Unavailable, "{}: {}", address.text(), message);
    case MONGOC_ERROR_BSON:
      return Error{Fault::External, Code::InvalidData, fmt::format("{}: {}", address.text(), message)};
    default: return Error::external(Code::InvalidQuery, "{}: {}", address.text(), message).retry(Retry::Never);
  }
}

}  // namespace

Error server_error(const bson_error_t& error, const bson_t* reply, const Address& address,
                   const std::stop_token& stop) {
  if (stop.stop_requested()) return Error::cancelled();
  std::int64_t code = error.domain == MONGOC_ERROR_SERVER || error.domain == MONGOC_ERROR_WRITE_CONCERN ||
                              error.domain == MONGOC_ERROR_QUERY
                          ? static_cast<std::int64_t>(error.code)
                          : 0;
  if (code == 0 && reply != nullptr && bson_has_field(reply, "code"))
    code = Document{*reply}.integer("code").value_or(0);
  auto failure = code != 0 ? by_server_code(code, error.message, address) : by_library(error, address);
  if (code != 0) return std::move(failure).native_code(std::to_string(code));
  return failure;
}

bool has_server_code(const Error& error, std::int64_t code) { return error.native_code() == std::to_string(code); }

}  // namespace weir::mongodb
