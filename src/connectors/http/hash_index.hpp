#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "connectors/http/scratch_file.hpp"
#include "net/city_hash.hpp"

namespace weir::http {

// Where things stand, by their hashes: a table with open addressing. A small one lies in memory, a large one in a scratch file,
// so that memory has an end however many things there are. Used by one thread.
class HashIndex {
 public:
  struct Place {
    std::uint64_t begin = 0;
    std::uint32_t size = 0;
    bool operator==(const Place&) const = default;
  };

  // `scratch`: the folder of the file. `memory_slots`: a power of two; a slot takes 32 bytes, and a quarter of them stays free.
  explicit HashIndex(std::filesystem::path scratch, std::uint64_t memory_slots = std::uint64_t{1} << 17)
      : scratch_(std::move(scratch)), memory_slots_(memory_slots) {}

  Result<std::optional<Place>> find(const net::Hash128& hash) const;
  // False: the hash was there, and has another place now.
  Result<bool> put(const net::Hash128& hash, Place place);

 private:
  struct Slot {
    net::Hash128 hash;
    std::uint64_t begin = 0;
    std::uint32_t size = 0;
    std::uint32_t is_taken = 0;
  };
  struct Found {
    std::uint64_t at = 0;
    Slot slot;
  };

  // The slot of the hash, or the free one where it belongs.
  Result<Found> locate(const net::Hash128& hash) const;
  Result<std::size_t> read(std::uint64_t at, std::span<Slot> slots) const;
  Result<void> write(std::uint64_t at, const Slot& slot);
  Result<void> grow();

  const std::filesystem::path scratch_;
  const std::uint64_t memory_slots_;
  std::uint64_t slots_ = 0;  // a power of two, or none
  std::uint64_t taken_ = 0;
  std::vector<Slot> memory_;
  std::optional<ScratchFile> file_;  // in place of memory
};

}  // namespace weir::http
