#include "web/password.hpp"

#include <sodium.h>

#include <array>

#include "net/byte_stream.hpp"
#include "net/sha256.hpp"

namespace weir::web {
namespace {

constexpr std::size_t kPasswordMin = 8;
constexpr std::size_t kPasswordMax = 1024;

void prepare() {
  static const bool kReady = sodium_init() >= 0;
  WEIR_CHECK(kReady);
}

}  // namespace

Result<std::string> hash_password(const Secret& password, HashCost cost) {
  prepare();
  if (password.reveal().size() < kPasswordMin || password.reveal().size() > kPasswordMax) {
    return Error::user(Code::InvalidArgument, "a password has {} to {} characters", kPasswordMin, kPasswordMax);
  }
  const auto operations =
      cost == HashCost::Usual ? crypto_pwhash_OPSLIMIT_INTERACTIVE : crypto_pwhash_argon2id_OPSLIMIT_MIN;
  const auto memory =
      cost == HashCost::Usual ? crypto_pwhash_MEMLIMIT_INTERACTIVE : crypto_pwhash_argon2id_MEMLIMIT_MIN;
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (crypto_pwhash_str_alg(hash.data(), password.reveal().data(), password.reveal().size(), operations, memory,
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return Error::system(Code::ResourceExhausted, "hashing a password: not enough memory");
  }
  return std::string{hash.data()};
}

bool verify_password(const std::string& hash, const Secret& password) {
  prepare();
  return hash.size() < crypto_pwhash_STRBYTES &&
         crypto_pwhash_str_verify(hash.c_str(), password.reveal().data(), password.reveal().size()) == 0;
}

void pretend_to_verify(const Secret& password) {
  static const auto kNobody = hash_password(Secret{"nobody has this password"});
  if (kNobody.ok()) (void)verify_password(*kNobody, password);
}

std::string hash_token(std::string_view token) {
  net::Sha256 sha;
  sha.add(net::as_bytes(token));
  return sha.finish();
}

bool equal_in_constant_time(std::string_view left, std::string_view right) {
  return left.size() == right.size() && sodium_memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace weir::web
