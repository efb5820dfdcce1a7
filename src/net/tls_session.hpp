#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "base/result.hpp"

namespace weir::net {

// The certificate chain and private key of a server (PEM files), and what it offers: TLS 1.2 and 1.3 (RFC 8446).
// Immutable: sessions of many threads share it.
class TlsIdentity {
 public:
  // InvalidArgument names the file that cannot be read, is no PEM, or whose key does not fit the certificate.
  static Result<std::shared_ptr<const TlsIdentity>> load(const std::filesystem::path& certificate,
                                                         const std::filesystem::path& key);
  ~TlsIdentity();
  TlsIdentity(const TlsIdentity&) = delete;
  TlsIdentity& operator=(const TlsIdentity&) = delete;

 private:
  friend class TlsSession;
  struct State;
  explicit TlsIdentity(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The server's side of one TLS connection over a blocking socket, whose timeouts are the kernel's. One thread at a time.
// Calls leave errno as the socket did (EAGAIN after a timeout) when they return -1; EPROTO when the peer broke the protocol.
class TlsSession {
 public:
  TlsSession(std::shared_ptr<const TlsIdentity> identity, int fd);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // False when the client speaks no TLS, refuses the certificate or leaves.
  bool accept();
  std::ptrdiff_t read(std::span<std::byte> buffer);         // 0 at the end
  std::ptrdiff_t write(std::span<const std::byte> buffer);  // a part, at least one byte
  // Decrypted bytes that a poll of the socket knows nothing of.
  bool has_pending() const;
  // Tells the client that nothing follows.
  void close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir::net
