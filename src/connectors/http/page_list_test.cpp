#include "connectors/http/page_list.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace weir::http {
namespace {

std::shared_ptr<const std::filesystem::path> path_of(int number) {
  return std::make_shared<const std::filesystem::path>(fmt::format("/tmp/bodies/{}.pack", number));
}

Page page(std::shared_ptr<const std::filesystem::path> file, std::uint64_t begin,
          std::shared_ptr<const std::string> added = nullptr) {
  return {{std::move(file), begin, begin * 3}, std::move(added)};
}

// In memory alone, some of it in a file, and all but the last page.
TEST(PageList, GivesItsPagesInOrder) {
  const auto added = std::make_shared<const std::string>(R"({"parent":1}     )");
  const auto long_one = std::make_shared<const std::string>(100'000, 'x');
  std::vector<Page> expected;
  for (std::uint64_t i = 0; i < 5'000; ++i) {
    expected.push_back(page(path_of(static_cast<int>(i / 1000)), i));  // each time another object of the same path
    if (i % 7 == 0) expected.push_back(page(path_of(0), i, added));
    if (i % 1000 == 0) expected.push_back(page(path_of(9), i, long_one));
  }
  for (const std::size_t memory_bytes : {1U, 1'000U, 1U << 20, 1U << 30}) {
    PageList pages{std::filesystem::temp_directory_path(), memory_bytes};
    for (const auto& each : expected) ASSERT_TRUE(pages.add(each).ok());
    EXPECT_EQ(pages.size(), expected.size());
    // Two who read do not disturb each other.
    PageList::Reader reader{pages};
    PageList::Reader other{pages};
    ASSERT_TRUE(other.next().value().has_value());
    for (const auto& each : expected) {
      const auto read = reader.next().value();
      ASSERT_TRUE(read.has_value());
      ASSERT_EQ(*read->range.file, *each.range.file);
      ASSERT_EQ(read->range.begin, each.range.begin);
      ASSERT_EQ(read->range.bytes, each.range.bytes);
      ASSERT_EQ(read->added == nullptr, each.added == nullptr);
      if (each.added) {
        ASSERT_EQ(*read->added, *each.added);
      }
    }
    EXPECT_FALSE(reader.next().value().has_value());
    EXPECT_EQ(other.next().value()->range.begin, expected[1].range.begin);
  }
}

TEST(PageList, OfNoPagesIsEmpty) {
  const PageList pages{std::filesystem::temp_directory_path()};
  EXPECT_EQ(pages.size(), 0U);
  EXPECT_FALSE(PageList::Reader{pages}.next().value().has_value());
}

}  // namespace
}  // namespace weir::http
