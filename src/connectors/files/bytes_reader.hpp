#pragma once

#include "connectors/files/byte_input.hpp"
#include "flow/source.hpp"

namespace weir::files {

// A file of any kind as rows: its bytes in pieces, one after the other, in the only column `bytes`. The pieces are nothing
// but a way into another file, where they stand behind each other again.
data::Schema bytes_schema();

// NotFound when there is no such file.
Result<std::unique_ptr<flow::Reader>> open_bytes(const std::filesystem::path& path, ByteRange range,
                                                 const flow::Limits& limits);

}  // namespace weir::files
