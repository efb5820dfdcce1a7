#pragma once

#include <optional>

#include "flow/checkpoint.hpp"
#include "flow/sink.hpp"

namespace weir::flow {

// A commit that was announced: its id and the checkpoint that it leads to, when the source has any.
struct Intent {
  CommitId commit;
  std::optional<Checkpoint> until;
  bool redo = false;  // pending: the user wants it done again, so its rows are to be replaced if they are there
};

// What the pump tells the ledger. Each call returns only after its content is durable. Called by one thread.
class Journal {
 public:
  virtual ~Journal() = default;
  // An intent whose outcome an earlier attempt left open: to be found out first. It stays pending after its save when it
  // led to no checkpoint, until the run's task has ended: an attempt that died between the save and its report is not to
  // write the stream again. Another run's open intent counts only if it leads to a checkpoint.
  virtual Result<std::optional<Intent>> pending() = 0;
  // The commit without a checkpoint that this run has made and that the user wants done again: the next one takes its
  // place. Nothing once that is saved.
  virtual Result<std::optional<Receipt>> superseded() = 0;
  // The checkpoint of the last save; nothing when this stream was never saved.
  virtual Result<std::optional<Checkpoint>> checkpoint() = 0;
  virtual Result<CommitId> next_commit() = 0;
  virtual Result<void> intend(const Intent& intent) = 0;
  virtual Result<void> save(const Receipt& receipt, const std::optional<Checkpoint>& checkpoint) = 0;
};

}  // namespace weir::flow
