#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.hpp"

// What Weir notes in tables beside the rows that it brings.
namespace weir::engine {

inline constexpr std::string_view kRunColumn = "_weir_run";                 // the run that brought the row
inline constexpr std::string_view kExtractedColumn = "_weir_extracted_at";  // and when that began

// What stands in kExtractedColumn: whole milliseconds, which MongoDB can keep too when the rows travel on.
inline std::string extracted_text(Instant began) {
  return format_instant(std::chrono::floor<std::chrono::milliseconds>(began));
}

}  // namespace weir::engine
