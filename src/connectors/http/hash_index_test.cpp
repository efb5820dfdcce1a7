#include "connectors/http/hash_index.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "net/byte_stream.hpp"

namespace weir::http {
namespace {

net::Hash128 hash_of(std::uint64_t number) { return net::city_hash_128(net::as_bytes(std::to_string(number))); }

// In memory, from memory to a file, and a file that grows: all that a map has, and nothing else.
TEST(HashIndex, HasWhatAMapHas) {
  for (const std::uint64_t memory_slots : {std::uint64_t{16}, std::uint64_t{64}, std::uint64_t{1} << 17}) {
    HashIndex index{std::filesystem::temp_directory_path(), memory_slots};
    EXPECT_EQ(index.find(hash_of(1)).value(), std::nullopt);
    std::map<std::uint64_t, HashIndex::Place> map;
    std::mt19937_64 random{7};
    for (std::uint32_t i = 0; i < 20'000; ++i) {
      const auto number = random() % 15'000;
      const HashIndex::Place place{std::uint64_t{i} << 33, i};
      EXPECT_EQ(index.put(hash_of(number), place).value(), !map.contains(number));
      map[number] = place;
    }
    for (std::uint64_t number = 0; number < 30'000; ++number) {
      const auto found = map.find(number);
      const auto expected = found == map.end() ? std::optional<HashIndex::Place>{} : found->second;
      ASSERT_EQ(index.find(hash_of(number)).value(), expected) << number << " with " << memory_slots;
    }
  }
}

// Hashes that want the same slot, the last one of the table among them.
TEST(HashIndex, CollisionsGoOnBehindTheEnd) {
  HashIndex index{std::filesystem::temp_directory_path(), 64};
  for (std::uint64_t high = 0; high < 40; ++high) EXPECT_TRUE(index.put({~std::uint64_t{0}, high}, {high, 1}).value());
  for (std::uint64_t high = 0; high < 40; ++high)
    EXPECT_EQ(index.find({~std::uint64_t{0}, high}).value(), (HashIndex::Place{high, 1}));
  EXPECT_EQ(index.find({~std::uint64_t{0}, 40}).value(), std::nullopt);
}

TEST(HashIndex, SaysWhereItsFileCannotBe) {
  HashIndex index{"/no/such/folder", 16};
  for (std::uint64_t i = 0; i < 12; ++i) ASSERT_TRUE(index.put(hash_of(i), {}).ok());
  const auto put = index.put(hash_of(12), {});
  ASSERT_FALSE(put.ok());
  EXPECT_NE(put.error().text().find("/no/such/folder"), std::string::npos) << put.error().text();
  EXPECT_TRUE(index.find(hash_of(11)).value().has_value());
}

}  // namespace
}  // namespace weir::http
