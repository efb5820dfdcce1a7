#include "net/md5.hpp"

#include <openssl/evp.h>

#include "base/check.hpp"

namespace weir::net {

std::array<std::uint8_t, 16> md5(std::string_view bytes) {
  // Looking an algorithm up takes longer than hashing a row.
  static const EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "MD5", nullptr);
  std::array<std::uint8_t, 16> digest{};
  unsigned size = 0;
  WEIR_CHECK(kAlgorithm != nullptr &&
             EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, kAlgorithm, nullptr) == 1);
  return digest;
}

}  // namespace weir::net
