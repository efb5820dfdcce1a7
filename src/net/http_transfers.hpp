#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "net/http_client.hpp"

namespace weir::net {

// One request that HttpTransfers makes. Redirects are not followed: they are answers like others.
struct Transfer {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::string body;  // "" sends none
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds first_byte_timeout{60'000};  // from the start to the answer's head
  std::chrono::milliseconds whole_timeout{600'000};
  std::uint64_t body_bytes_max = std::uint64_t{1}
                                 << 30;  // of the answer, decompressed: what a gzip bomb comes up against
  std::string ca_file;                   // "" is the system's
  Secret proxy;                          // "" is what the environment says (http_proxy, no_proxy, …)
  enum class Protocol {
    Negotiate,  // HTTP/2 over TLS where the server has it
    Http1,
    Http2,  // also without TLS, by prior knowledge
  } protocol = Protocol::Negotiate;
};

struct FinishedTransfer {
  std::uint64_t id = 0;
  HttpResponse response;       // as far as it came
  std::optional<Error> error;  // Unavailable, TimedOut, ResourceExhausted, or what the taker of the body returned
};

enum class Cookies { Kept, Ignored };

// Many requests at once, on kept-alive connections, without a thread: everything happens in wait(). Bodies are decompressed
// (gzip, deflate, br, zstd) and handed over as they come, so memory does not grow with them. Cookies, when kept, live as
// long as this object. One thread at a time.
class HttpTransfers {
 public:
  using TakeBody = std::function<Result<void>(std::span<const std::byte> bytes)>;
  using SteadyTime = std::chrono::steady_clock::time_point;

  explicit HttpTransfers(int connections_per_host_max, Cookies cookies = Cookies::Kept);
  ~HttpTransfers();
  HttpTransfers(HttpTransfers&&) noexcept;
  HttpTransfers& operator=(HttpTransfers&&) noexcept;

  // The body is taken during wait(). An answer's body is taken whatever its status.
  Result<std::uint64_t> start(Transfer transfer, TakeBody take_body);
  std::size_t under_way() const;
  // The next transfer that has ended, whether well or not. Nothing when `until` comes first. Cancelled at once after a stop
  // request, whatever the servers do.
  Result<std::optional<FinishedTransfer>> wait(std::optional<SteadyTime> until, std::stop_token stop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::net
