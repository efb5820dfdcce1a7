#include "figure.hpp"

#include <gtest/gtest.h>

namespace weir::bench {
namespace {

Figure figure(double ours, double reference, double goal, Better better) {
  return {.name = "part/figure",
          .ours = ours,
          .reference = reference,
          .goal = goal,
          .unit = "s",
          .better = better,
          .against = "it"};
}

TEST(Figure, RatioSaysHowManyTimesBetterWeAre) {
  EXPECT_DOUBLE_EQ(figure(2, 42, 15, Better::Lower).ratio(), 21);
  EXPECT_DOUBLE_EQ(figure(8, 10, 0.9, Better::Higher).ratio(), 0.8);
  EXPECT_DOUBLE_EQ(figure(8, 0, 1, Better::Higher).ratio(), 0);
}

TEST(Figure, HoldsFromTheGoalOn) {
  EXPECT_TRUE(figure(2, 30, 15, Better::Lower).holds());
  EXPECT_FALSE(figure(2.1, 30, 15, Better::Lower).holds());
  EXPECT_FALSE(figure(8, 10, 0.9, Better::Higher).holds());
}

TEST(Figure, JsonHasTheAgreedKeys) {
  EXPECT_EQ(
      to_text(to_json(figure(2, 42, 15, Better::Lower))),
      R"({"name":"part/figure","ours":2.0,"reference":42.0,"ratio":21.0,"goal":15.0,"unit":"s","holds":true,"against":"it"})");
  Figure stated = figure(2, 42, 15, Better::Lower);
  stated.origin = Reference::Stated;
  EXPECT_EQ(to_json(stated).at("reference_is"), "stated, not measured now");
}

TEST(Figure, TableAlignsAndNamesWhatFails) {
  const std::string text = table({figure(2, 42, 50, Better::Lower)});
  EXPECT_NE(text.find("part/figure       2.000        42.0  s          21.00   50.00  NO     it\n"), std::string::npos)
      << text;
}

}  // namespace
}  // namespace weir::bench
