#pragma once

#include "flow/source.hpp"

namespace weir::flow {

// A source whose rows still arrive while they are read, so that more columns, or wider ones, may turn out to be needed than
// the rows so far have said.
class GrowingSource : public Source {
 public:
  // What describe() would say if the rows that are here by now were all; it does not wait for the rest. A reader that is
  // opened after it fails with outgrown() before it would hand over less than a row.
  virtual Result<Stream> describe_early(const ReadRequest& request, std::stop_token stop) = 0;
};

// describe_early() of a source that offers it, describe() of all others.
Result<Stream> describe_early(Source& source, const ReadRequest& request, std::stop_token stop);

// What was read so far does not count: describe() waits for all rows and says what holds them.
Error outgrown(const std::string& stream);
bool is_outgrown(const Error& error);

}  // namespace weir::flow
