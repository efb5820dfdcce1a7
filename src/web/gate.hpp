#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/secret.hpp"
#include "ledger/access_store.hpp"
#include "net/http_server.hpp"
#include "web/password.hpp"
#include "web/route.hpp"
#include "web/throttle.hpp"

namespace weir::web {

// Why somebody does not come in: the status is more exact than an Error's code.
struct Refusal {
  int status = 403;
  Error error;
  std::optional<std::chrono::seconds> retry_after = {};
};

// Who may come in, and as whom.
//
// While no user exists, whoever sits at this machine (a loopback address, no proxy in between) is admin; as soon as there is
// one, everybody signs in. Cookies are the only credentials that a browser adds by itself, and SameSite=Strict keeps other
// sites from using them; a header that no form can send (X-Weir-Request) and the Origin keep them out a second time. Names
// in the Host header are checked, so that a site whose name is made to mean 127.0.0.1 gets nothing (DNS rebinding).
class Gate {
 public:
  struct Options {
    std::vector<std::string> host_names;  // further names by which browsers may call this server
    bool tls = false;
    HashCost hash_cost = HashCost::Usual;
    std::chrono::hours session_length{24 * 14};
  };
  Gate(ledger::AccessStore& store, const Clock& clock, Options options);

  std::optional<Refusal> check_host(const net::IncomingRequest& request) const;
  // For requests that change something: that no other site has made the browser send them.
  std::optional<Refusal> check_origin(const net::IncomingRequest& request) const;

  // Nothing for a stranger.
  Result<std::optional<Principal>> recognise(const net::IncomingRequest& request);
  // No users yet, and the request comes from this machine itself.
  Result<bool> is_open_to(const net::IncomingRequest& request);

  struct SignedIn {
    Principal principal;
    std::string cookie;  // the value of Set-Cookie
  };
  // A wrong name and a wrong password look the same.
  std::variant<SignedIn, Refusal> sign_in(const std::string& name, const Secret& password, const std::string& address);
  // Ends the session of the request's cookie; returns the Set-Cookie that takes it away.
  Result<std::string> sign_out(const net::IncomingRequest& request);

  Result<std::string> hash(const Secret& password) const { return hash_password(password, options_.hash_cost); }
  const Clock& clock() const { return clock_; }

 private:
  std::string cookie_text(const std::string& value, std::chrono::seconds length) const;

  ledger::AccessStore& store_;
  const Clock& clock_;
  const Options options_;
  Throttle throttle_;
  std::mutex hashing_;  // one at a time: each takes 64 MiB
};

// "127.0.0.1:51234" → "127.0.0.1".
std::string address_of(const net::Peer& peer);
// Whether this address means this machine only.
bool is_loopback(std::string_view address);
// A cookie's value in a Cookie header (RFC 6265, section 4.2).
std::optional<std::string> find_cookie(const net::Headers& headers, std::string_view name);

}  // namespace weir::web
