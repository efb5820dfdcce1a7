#include "documents/item_splitter.hpp"

#include <gtest/gtest.h>

#include "documents/json_parser.hpp"

namespace weir::documents {
namespace {

struct Split {
  std::vector<std::string> items;
  std::string envelope;
  bool operator==(const Split&) const = default;
};

Result<Split> split(std::string text, std::vector<std::string> path, std::size_t piece = SIZE_MAX) {
  ItemSplitter splitter{std::move(path), {}};
  Split result;
  const TakeItem take = [&](std::string_view item) -> Result<void> {
    result.items.emplace_back(item);
    return {};
  };
  const auto size = text.size();
  text.resize(size + kJsonPadding);
  for (std::size_t at = 0; at < size; at += std::min(piece, size - at)) {
    WEIR_TRY(splitter.feed(std::string_view{text}.substr(at, std::min(piece, size - at)), take));
  }
  WEIR_TRY(splitter.finish(take));
  result.envelope = splitter.envelope();
  return result;
}

TEST(ItemSplitter, HandsOverTheElementsAtAPath) {
  EXPECT_EQ(*split(R"( [1, "a,]", {"x":[{"y":"}"}]} ,null, [2] ] )", {}),
            (Split{{"1", R"("a,]")", R"({"x":[{"y":"}"}]})", "null", "[2]"}, "[]"}));
  EXPECT_EQ(*split(R"({"meta": {"next": "a"}, "data": {"items": [{"a": 1}, {"a": 2}]}, "n": 2})", {"data", "items"}),
            (Split{{R"({"a": 1})", R"({"a": 2})"}, R"({"meta":{"next":"a"},"data":{"items":[]},"n":2})"}));
}

TEST(ItemSplitter, TakesAValueThatIsNoListAsOneItem) {
  EXPECT_EQ(*split(R"({"a": 1})", {}), (Split{{R"({"a": 1})"}, "[]"}));
  EXPECT_EQ(*split(R"({"data": {"a": [1]}})", {"data"}), (Split{{R"({"a": [1]})"}, R"({"data":[]})"}));
  EXPECT_EQ(*split(R"({"data": null, "x": 1})", {"data"}), (Split{{}, R"({"data":[],"x":1})"}));
  EXPECT_EQ(*split("17", {}), (Split{{"17"}, "[]"}));
  EXPECT_EQ(*split(R"({"x": 1})", {"data"}), (Split{{}, R"({"x":1})"}));
}

TEST(ItemSplitter, OnlyTheNameAtItsPlaceCounts) {
  EXPECT_EQ(split(R"({"other": {"items": [9]}, "items": "x\"items\":[8]", "data": {"items": [1]}})", {"data", "items"})
                ->items,
            std::vector<std::string>{"1"});
}

TEST(ItemSplitter, PiecesOfAnySizeGiveTheSame) {
  const std::string text =
      R"({"meta":{"k":"a\\\"]"},"data":[{"a":"x\\"},{"b":[1,2,{"c":"\\\"}"}]},"s",12.5e3,true],"z":[1,{"y":2}]})";
  const auto whole = split(text, {"data"});
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(whole->items.size(), 5U);
  for (std::size_t piece = 1; piece < text.size(); ++piece) EXPECT_EQ(*split(text, {"data"}, piece), *whole) << piece;
}

TEST(ItemSplitter, EveryTruncationIsAnError) {
  const std::string text = R"({"n":1,"data":[{"a":"x"},{"b":[1,2]}],"z":"w"})";
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(split(text.substr(0, size), {"data"}).ok()) << text.substr(0, size);
  }
}

TEST(ItemSplitter, RefusesListsThatAreNone) {
  for (const auto* text : {"[1 2]", "[1,,2]", "[,1]", "[1,]", "[1]]", "[1] 2", "[}", R"({"a":[1})"}) {
    EXPECT_FALSE(split(text, {}).ok() && split(text, {"a"}).ok()) << text;
  }
}

}  // namespace
}  // namespace weir::documents
