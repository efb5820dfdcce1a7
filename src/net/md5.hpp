#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::net {

// MD5 (RFC 1321): where another system computes it too. Keeps no secret and proves no origin.
std::array<std::uint8_t, 16> md5(std::string_view bytes);

}  // namespace weir::net
