#include "net/tls_session.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace weir::net {
namespace {

std::string last_reason() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "not a PEM file" : reason;
}

Error unusable(std::string_view what, const std::filesystem::path& path) {
  return Error::user(Code::InvalidArgument, "cannot use the TLS {}: {}: {}", what, path.string(), last_reason())
      .hint("both files are PEM; the certificate's file holds the server's certificate first, then its chain");
}

int clamp_size(std::size_t size) {
  return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max()));
}

}  // namespace

struct TlsIdentity::State {
  SSL_CTX* context = nullptr;
  ~State() { SSL_CTX_free(context); }
};

TlsIdentity::TlsIdentity(std::unique_ptr<State> state) : state_(std::move(state)) {}
TlsIdentity::~TlsIdentity() = default;

Result<std::shared_ptr<const TlsIdentity>> TlsIdentity::load(const std::filesystem::path& certificate,
                                                             const std::filesystem::path& key) {
  ERR_clear_error();
  auto state = std::make_unique<State>();
  state->context = SSL_CTX_new(TLS_server_method());
  if (state->context == nullptr) return Error::system(Code::ResourceExhausted, "preparing TLS: {}", last_reason());
  SSL_CTX_set_min_proto_version(state->context, TLS1_2_VERSION);
  SSL_CTX_set_mode(state->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(state->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  if (SSL_CTX_use_certificate_chain_file(state->context, certificate.c_str()) != 1) {
    return unusable("certificate", certificate);
  }
  if (SSL_CTX_use_PrivateKey_file(state->context, key.c_str(), SSL_FILETYPE_PEM) != 1) return unusable("key", key);
  return std::shared_ptr<const TlsIdentity>(new TlsIdentity(std::move(state)));
}

struct TlsSession::State {
  std::shared_ptr<const TlsIdentity> identity;
  SSL* ssl = nullptr;
  ~State() { SSL_free(ssl); }
};

TlsSession::TlsSession(std::shared_ptr<const TlsIdentity> identity, int fd)
    : state_(std::make_unique<State>(State{std::move(identity), nullptr})) {
  state_->ssl = SSL_new(state_->identity->state_->context);
  WEIR_CHECK(state_->ssl != nullptr && SSL_set_fd(state_->ssl, fd) == 1);
}

TlsSession::~TlsSession() {
  state_.reset();
  // What OpenSSL keeps of a thread goes when the thread ends, and nobody waits for the end of those of a server.
  OPENSSL_thread_stop();
}

bool TlsSession::accept() {
  ERR_clear_error();
  const bool accepted = SSL_accept(state_->ssl) == 1;
  ERR_clear_error();
  return accepted;
}

namespace {

// What a failed call means for a caller that knows sockets.
std::ptrdiff_t outcome(const SSL* ssl, int result) {
  if (result > 0) return result;
  const auto socket_error = errno;
  const auto kind = SSL_get_error(ssl, result);
  ERR_clear_error();
  if (kind == SSL_ERROR_ZERO_RETURN) return 0;
  // A blocking socket wants to be asked again only after its timeout.
  if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
    errno = EAGAIN;
  } else if (kind == SSL_ERROR_SYSCALL) {
    if (socket_error == 0) return 0;
    errno = socket_error;
  } else {
    errno = EPROTO;
  }
  return -1;
}

}  // namespace

std::ptrdiff_t TlsSession::read(std::span<std::byte> buffer) {
  ERR_clear_error();
  errno = 0;
  return outcome(state_->ssl, SSL_read(state_->ssl, buffer.data(), clamp_size(buffer.size())));
}

std::ptrdiff_t TlsSession::write(std::span<const std::byte> buffer) {
  ERR_clear_error();
  errno = 0;
  return outcome(state_->ssl, SSL_write(state_->ssl, buffer.data(), clamp_size(buffer.size())));
}

bool TlsSession::has_pending() const { return SSL_pending(state_->ssl) > 0; }

void TlsSession::close() {
  // A second call would wait for the client's own goodbye.
  if ((SSL_get_shutdown(state_->ssl) & SSL_SENT_SHUTDOWN) != 0) return;
  ERR_clear_error();
  SSL_shutdown(state_->ssl);
  ERR_clear_error();
}

}  // namespace weir::net
