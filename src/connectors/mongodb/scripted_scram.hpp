#pragma once

#include <openssl/sha.h>

#include <array>
#include <string>
#include <string_view>

#include "connectors/mongodb/document.hpp"

namespace weir::mongodb::testing {

// The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), for the password "pencil": what a ScriptedServer that offers it
// answers. Of one conversation at a time.
class Scram {
 public:
  // Empty for all but saslStart and saslContinue.
  Document answer(const std::string& name, const Document& command);

 private:
  Document first(const std::string& text);
  Document last(const std::string& text);

  std::string client_first_;
  std::string server_first_;
  std::string nonce_;
};

}  // namespace weir::mongodb::testing
