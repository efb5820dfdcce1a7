#pragma once

#include <functional>
#include <optional>
#include <string>

#include "connectors/http/api.hpp"
#include "connectors/http/timeline.hpp"

namespace weir::http {

// What proves who we are, on its way to requests; knows everything that must not be seen. One thread at a time.
class Credentials {
 public:
  explicit Credentials(const Api& api);

  // Asks the token's URL: a form, and whether the client's name and secret go along as basic authentication. Returns the
  // answer's body.
  using AskToken = std::function<Result<std::string>(const std::string& url, const std::string& form)>;

  // Whether a token has to be asked for before the next request.
  bool needs_token(SteadyTime now) const;
  Result<void> ask_token(const AskToken& ask, SteadyTime now);
  // The server has refused the token: the next request needs another. False when there is no way to get one.
  bool refuse_token();

  // Adds what the request needs; the URL may get a parameter.
  void apply(net::Headers& headers, std::string& url) const;

  const Redactor& redactor() const { return redactor_; }
  std::size_t secret_bytes_max() const { return secret_bytes_max_; }  // 0 when nothing is secret

 private:
  void hide(const Secret& secret);

  const Api& api_;
  Redactor redactor_;
  std::size_t secret_bytes_max_ = 0;
  Secret access_token_;
  Secret refresh_token_;
  std::optional<SteadyTime> expires_at_;
};

}  // namespace weir::http
