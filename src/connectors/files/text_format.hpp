#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "base/setting.hpp"
#include "connectors/files/csv_splitter.hpp"
#include "connectors/files/file_kind.hpp"
#include "data/type.hpp"

namespace weir::files {

// Which types the columns of a text file get.
struct TypesOption {
  enum class Others { String, Inferred } others = Others::String;  // those that `given` does not name
  std::map<std::string, data::Type, std::less<>> given;
};

// How a text file is read or written: what `from` and `to` say beside the path.
struct TextFormat {
  Marks marks;
  bool has_header = true;
  std::vector<std::string> names;  // instead of the header's
  std::string null_text;           // unquoted, it stands for null
  TypesOption types;
  BadRecords bad_records = BadRecords::Stop;
  std::size_t sample_rows = 10'000;  // for inferring types; 0 is the whole file
};

// The keys that TextFormat and file_kind are made from.
std::vector<Setting> read_settings();
std::vector<Setting> write_settings();

// InvalidArgument for what the settings' types cannot say: a delimiter of two bytes, an unknown type.
Result<TextFormat> text_format(Format format, const Settings& options);

}  // namespace weir::files
