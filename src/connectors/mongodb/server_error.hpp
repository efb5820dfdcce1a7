#pragma once

#include <mongoc/mongoc.h>

#include <stop_token>

#include "base/error.hpp"
#include "connectors/mongodb/address.hpp"

namespace weir::mongodb {

// Numbers of MongoDB's error_codes.yml that something is decided by.
namespace server_code {
constexpr std::int64_t kUnauthorized = 13, kAuthenticationFailed = 18, kNamespaceNotFound = 26, kCursorNotFound = 43,
                       kNamespaceExists = 48, kMaxTimeExpired = 50, kCommandNotFound = 59, kQueryPlanKilled = 175,
                       kInvalidResumeToken = 260, kChangeStreamFatal = 280, kChangeStreamHistoryLost = 286,
                       kTooLarge = 10334, kDuplicateKey = 11000, kNotWritablePrimary = 10107;
}  // namespace server_code

// What libmongoc or the server complains of: who has to act and whether another attempt may help. `reply` may be null.
// Cancelled when a stop was requested, since that is then why the call ended. native_code() is the server's number.
Error server_error(const bson_error_t& error, const bson_t* reply, const Address& address, const std::stop_token& stop);

bool has_server_code(const Error& error, std::int64_t code);

}  // namespace weir::mongodb
