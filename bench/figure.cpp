#include "figure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace weir::bench {

namespace {

// Enough digits to compare, no more: 7,812,345 · 43.2 · 0.61.
std::string short_number(double value) {
  if (std::abs(value) >= 1e6) return fmt::format("{:.2f}M", value / 1e6);
  if (std::abs(value) >= 1000) return fmt::format("{:.0f}", value);
  if (std::abs(value) >= 10) return fmt::format("{:.1f}", value);
  return fmt::format("{:.3f}", value);
}

double rounded(double value) { return std::round(value * 1e4) / 1e4; }

}  // namespace

double Figure::ratio() const {
  const double numerator = better == Better::Higher ? ours : reference;
  const double denominator = better == Better::Higher ? reference : ours;
  return denominator > 0 ? numerator / denominator : 0;
}

Json to_json(const Figure& figure) {
  Json json = {{"name", figure.name},
               {"ours", rounded(figure.ours)},
               {"reference", rounded(figure.reference)},
               {"ratio", rounded(figure.ratio())},
               {"goal", figure.goal},
               {"unit", figure.unit},
               {"holds", figure.holds()},
               {"against", figure.against}};
  if (figure.origin == Reference::Stated) json["reference_is"] = "stated, not measured now";
  return json;
}

std::string table(const std::vector<Figure>& figures) {
  std::size_t width = 6;
  for (const Figure& figure : figures) width = std::max(width, figure.name.size());
  std::string text = fmt::format("{:<{}}  {:>10}  {:>10}  {:<8} {:>7}  {:>6}  {:<5}  {}\n", "figure", width, "ours",
                                 "reference", "unit", "ratio", "goal", "holds", "reference is");
  for (const Figure& figure : figures) {
    text += fmt::format("{:<{}}  {:>10}  {:>10}  {:<8} {:>7.2f}  {:>6.2f}  {:<5}  {}{}\n", figure.name, width,
                        short_number(figure.ours), short_number(figure.reference), figure.unit, figure.ratio(),
                        figure.goal, figure.holds() ? "yes" : "NO", figure.against,
                        figure.origin == Reference::Stated ? " (stated, not measured now)" : "");
  }
  return text;
}

}  // namespace weir::bench
