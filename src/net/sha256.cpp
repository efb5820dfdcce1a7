#include "net/sha256.hpp"

#include <openssl/evp.h>

#include <array>
#include <string_view>

#include "base/check.hpp"

namespace weir::net {
namespace {

// Looked up once: OpenSSL searches its providers for every digest otherwise.
const EVP_MD* sha256() {
  static const EVP_MD* found = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  WEIR_CHECK(found != nullptr);
  return found;
}

std::string hexadecimal(std::span<const unsigned char> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const auto byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace

struct Sha256::State {
  State() : context(EVP_MD_CTX_new()) {
    WEIR_CHECK(context != nullptr && EVP_DigestInit_ex2(context, sha256(), nullptr) == 1);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }

  EVP_MD_CTX* context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::add(std::span<const std::byte> bytes) {
  WEIR_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

std::string Sha256::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  WEIR_CHECK(EVP_DigestFinal_ex(state_->context, digest.data(), &size) == 1);
  return hexadecimal({digest.data(), size});
}

std::string sha256_of(std::span<const std::byte> bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  WEIR_CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, sha256(), nullptr) == 1);
  return hexadecimal({digest.data(), size});
}

}  // namespace weir::net
