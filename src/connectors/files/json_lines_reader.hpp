#pragma once

#include "connectors/files/csv_reader.hpp"

namespace weir::files {

// The columns of a JSON lines file: every name of the sampled rows, in the order of their first appearance. Types widen
// over the sample: integers to float64, different kinds of values and nested ones to json.
Result<std::vector<data::Field>> read_json_fields(const TextFile& file, std::stop_token stop);

// One object a line. A name that a row lacks is null. A name that `fields` lacks is an error, since leaving it out would
// lose data. `columns` are the fields that are wanted, by index.
Result<std::unique_ptr<flow::Reader>> open_json_lines(const TextFile& file, const std::vector<data::Field>& fields,
                                                      const std::vector<std::size_t>& columns,
                                                      const flow::Limits& limits, Log& log);

}  // namespace weir::files
