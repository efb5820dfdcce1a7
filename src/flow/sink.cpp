#include "flow/sink.hpp"

namespace weir::flow {

Error changed_since(const Superseded& superseded, std::string_view table, std::uint64_t found) {
  return Error::user(
             Code::CheckFailed,
             "{} holds {} rows of this run and commit {} brought {}: they were changed since, or are not its own, "
             "and are not taken back",
             table, found, superseded.commit.text(), superseded.rows)
      .hint("start a new run: weir run; or use mode: replace or merge, which can be done again");
}

}  // namespace weir::flow
