#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "flow/journal.hpp"
#include "flow/sink.hpp"
#include "flow/source.hpp"

namespace weir::flow {

// A column that the pump adds to every row, such as the import date.
struct ConstantColumn {
  data::Field field;
  std::string text;  // read by data::append_parsed
};

struct PumpPlan {
  ReadRequest read;
  WriteRequest write;  // its schema is filled in by the pump: what is read, plus the added columns
  std::vector<ConstantColumn> added;
  std::string run;                         // its id: an added column that holds it tells the run's rows from others
  int partitions = 1;                      // read and written side by side
  std::uint64_t memory_bytes = 48U << 20;  // what all queued batches may occupy together
};

// Counters that grow while the pump runs; any thread may read them.
struct PumpProgress {
  std::atomic<std::uint64_t> rows_read = 0;
  std::atomic<std::uint64_t> rows_written = 0;
  std::atomic<std::uint64_t> bytes_read = 0;
};

struct PumpReport {
  std::uint64_t rows_read = 0;
  Receipt receipt;
  // What an earlier attempt had already brought to the destination, so that this one wrote nothing.
  enum class Outcome { Committed, FoundCommitted } outcome = Outcome::Committed;
};

// Moves one stream from a source to a sink as one atomic commit:
//
//   next → bounded queue → write → intend → commit → save → confirm
//
// Each partition has a reading and a writing thread, so reading, converting and writing overlap; memory is bounded by
// memory_bytes whatever the table's size. An intent that an earlier attempt left open is settled first by asking the
// destination for its receipt: a commit that is there is saved and not repeated. One that
// the user wants done again is replaced: by the new rows where they replace or merge; appended rows are taken away by the
// commit that appends the new ones, for which a column must name the run (Unsupported). Returns the first error of any thread;
// then nothing is committed. Cancelled within about a second of a stop request.
Result<PumpReport> pump(Source& source, Sink& sink, const PumpPlan& plan, Journal& journal, PumpProgress& progress,
                        std::stop_token stop);

}  // namespace weir::flow
