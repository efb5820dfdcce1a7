#pragma once

#include <string_view>

// What Weir notes in tables beside the rows that it brings.
namespace weir::engine {

inline constexpr std::string_view kRunColumn = "_weir_run";                 // the run that brought the row
inline constexpr std::string_view kExtractedColumn = "_weir_extracted_at";  // and when that began

}  // namespace weir::engine
