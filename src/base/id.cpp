#include "base/id.hpp"

#include <fmt/format.h>

#include <random>

namespace weir {

RunId generate_run_id(Instant now) {
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{now - day};
  constexpr std::string_view kAlphabet = "abcdefghjkmnpqrstuvwxyz23456789";
  std::random_device device;
  std::uniform_int_distribution<std::size_t> pick(0, kAlphabet.size() - 1);
  std::string tail;
  for (int i = 0; i < 4; ++i) tail += kAlphabet[pick(device)];
  return RunId{fmt::format("{:04}{:02}{:02}-{:02}{:02}{:02}-{}", static_cast<int>(date.year()),
                           static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                           time.minutes().count(), time.seconds().count(), tail)};
}

}  // namespace weir
