#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace weir::net {

// SHA-256 (FIPS 180-4) over bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void add(std::span<const std::byte> bytes);
  // 64 lower-case hexadecimal digits; nothing can be added afterwards.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The digest of bytes that are there at once, as finish() writes it.
std::string sha256_of(std::span<const std::byte> bytes);

}  // namespace weir::net
