#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>

// The binary forms of values on the wire: what PostgreSQL's typsend and typreceive functions exchange
// (src/backend/utils/adt/*.c), framed by COPY BINARY (manual, COPY, "Binary Format"). All numbers are big endian.
namespace weir::postgres {

enum class Wire : std::uint8_t {
  Bool,
  Char,  // the type "char": one byte
  Int2,
  Int4,
  Int8,
  Oid,
  Float4,
  Float8,
  Numeric,
  Text,  // also varchar, bpchar, name, json, enums
  Bytea,
  Date,
  Time,
  Timestamp,  // also timestamptz
  Interval,
  Uuid,
  Jsonb,  // a version byte, then text
  Array,
};

constexpr char kCopySignature[] = "PGCOPY\n\377\r\n";  // with its final zero byte: 11 bytes
constexpr std::size_t kCopySignatureBytes = sizeof kCopySignature;
constexpr std::size_t kCopyHeaderBytes = kCopySignatureBytes + 8;  // then flags and the extension's length

constexpr std::int32_t kDaysTo2000 = 10'957;  // PostgreSQL counts days and microseconds from 2000-01-01
constexpr std::int64_t kMicrosecondsTo2000 = 946'684'800'000'000;

template <std::integral T>
T load_big_endian(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  return value;
}

template <std::integral T>
void store_big_endian(std::byte* to, T value) {
  if constexpr (sizeof(T) == 2) value = static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
  if constexpr (sizeof(T) == 4) value = static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
  if constexpr (sizeof(T) == 8) value = static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
  std::memcpy(to, &value, sizeof value);
}

}  // namespace weir::postgres
