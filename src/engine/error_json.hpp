#pragma once

#include "base/json.hpp"

namespace weir::engine {

// An Error as the ledger and the channel carry it: fault, code, retry, message, hint, native_code, place, context.
Json to_json(const Error& error);
Error error_from_json(const Json& json);

}  // namespace weir::engine
