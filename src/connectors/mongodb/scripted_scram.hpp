#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "connectors/mongodb/document.hpp"

namespace weir::mongodb::testing {

// The server's side of SCRAM (RFC 5802; RFC 7677; MongoDB's "Driver Authentication"), for the user "weir" with the password
// "pencil": what a ScriptedServer that offers the mechanism answers.
class Scram {
 public:
  // "SCRAM-SHA-256" or "SCRAM-SHA-1".
  explicit Scram(std::string mechanism = "SCRAM-SHA-256") : mechanism_(std::move(mechanism)) {}

  // Empty for all but saslStart and saslContinue. One call at a time; conversations may take turns.
  Document answer(const std::string& name, const Document& command);

 private:
  // What was said first, by both sides.
  struct Conversation {
    std::string client;
    std::string server;
  };

  bool is_sha1() const { return mechanism_ == "SCRAM-SHA-1"; }
  std::string salted_password() const;
  std::string hash(std::string_view text) const;
  std::string hmac(std::string_view key, std::string_view text) const;
  Document first(const std::string& text);
  Document last(const std::string& text);

  std::string mechanism_;
  std::map<std::string, Conversation> conversations_;  // by both sides' nonce
};

}  // namespace weir::mongodb::testing
