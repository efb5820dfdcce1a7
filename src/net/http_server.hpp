#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "net/byte_stream.hpp"
#include "net/http_client.hpp"

namespace weir::net {

// PEM files; the certificate's file may hold its chain after it.
struct TlsFiles {
  std::filesystem::path certificate;
  std::filesystem::path key;
};

struct HttpServerOptions {
  std::string unix_socket;  // "" is none; made with mode 0600, a stale file is replaced
  std::string host = "127.0.0.1";
  std::optional<int> port;                     // none: no TCP; 0: any free port
  std::optional<TlsFiles> tls;                 // of the TCP port; none: plain HTTP
  std::size_t head_bytes_max = 1 << 20;        // request line and headers; queries may stand in the URL
  int connections_max = 1024;                  // further ones are answered with 503
  std::chrono::milliseconds idle{300'000};     // a kept-alive connection without a request is closed after this
  std::chrono::milliseconds silence{300'000};  // within a request, the longest wait for the peer
};

// Where a request came from.
struct Peer {
  enum class Kind { Unix, Tcp } kind = Kind::Unix;
  std::string address;  // "127.0.0.1:51234"; "" for a unix socket
};

// One request as the handler sees it; lives as long as the handler's call.
struct IncomingRequest {
  std::string method;
  std::string target;                                      // as it was sent: "/a%20b?x=1"
  std::string path;                                        // decoded: "/a b"
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  Headers headers;
  ByteSource& body;  // pulled from the socket; bounded memory; an early end is an error
  Peer peer;
  // Requested when the client has gone away or the server is stopping for good. Callbacks run on the server's event
  // thread and must not block.
  std::stop_token gone;

  // The first value of that name.
  std::optional<std::string_view> query_value(std::string_view name) const;
};

// Answers one request: either send(), or start(), write() as often as needed, finish(). A handler that returns without
// an answer sends 500; one that returns without finish() has its connection broken off. Once the client has left, or
// after abort(), write() and finish() are Unavailable.
class ResponseWriter : public ByteSink {
 public:
  // The whole response.
  virtual Result<void> send(int status, const Headers& headers, std::string_view body) = 0;
  // The head; a body of unknown length follows in chunks, each sent at once. Blocks while the client does not read.
  virtual Result<void> start(int status, const Headers& headers) = 0;
  // Breaks the connection off, so that the client knows the body to be incomplete.
  virtual void abort() = 0;
  virtual bool started() const = 0;
};

using HttpHandler = std::function<void(IncomingRequest&, ResponseWriter&)>;

// A small HTTP/1.1 server: keep-alive, streamed bodies both ways, `Expect: 100-continue`.
//
// A thread per connection: handlers block (in a database, on a slow client), and a blocked thread is the simplest
// back-pressure there is. Connections are local and bounded (connections_max). One more thread accepts and notices
// clients that leave while a handler works.
class HttpServer {
 public:
  // Listens when it returns. The handler is called by many threads at once.
  static Result<std::unique_ptr<HttpServer>> start(const HttpServerOptions& options, HttpHandler handler);
  // stop() without patience.
  virtual ~HttpServer() = default;

  // The TCP port in use; 0 without one.
  virtual int port() const = 0;
  // Accepts no more, closes idle connections, gives handlers `patience` to end, then requests their stop and breaks
  // their connections off. Returns when all have ended.
  virtual void stop(std::chrono::milliseconds patience) = 0;
};

}  // namespace weir::net
