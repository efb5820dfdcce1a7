#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "connectors/mongodb/document.hpp"

namespace weir::mongodb {

// Documents on their way from the thread that receives them to the one that looks at them, a megabyte or one document at most.
class DocumentQueue {
 public:
  // False when nobody takes them any more.
  bool add(BsonBytes document);
  // Hands over the rest; then next() says that there is nothing more, or the error.
  void end(std::optional<Error> error);

  // The next document, valid until the next call; nothing at the end.
  Result<std::optional<BsonBytes>> next();
  void give_up();

 private:
  bool hand_over();

  std::string filling_;  // of the thread that adds
  std::string taken_;    // of the thread that takes
  std::size_t at_ = 0;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<std::string> blocks_;
  std::size_t queued_bytes_ = 0;
  std::string spare_;  // a block's memory, to be filled again
  bool is_ended_ = false;
  bool is_given_up_ = false;
  std::optional<Error> error_;
};

}  // namespace weir::mongodb
