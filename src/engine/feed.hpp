#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/file.hpp"
#include "engine/task_log.hpp"
#include "ledger/ledger.hpp"

namespace weir::engine {

// A line of a running task's log.
struct LogEvent {
  RunId run;
  std::string task;
  int attempt = 1;
  TaskLogLine line;
};

// A pipeline has been paused, resumed, or its definition has changed.
struct PipelineEvent {
  std::string pipeline;
};

// The project's files have been read again: the mistakes that keep an edit from being used, none when it is.
struct ProblemEvent {
  std::vector<Error> problems;
};

// Something that has changed. Runs and attempts are as the ledger has them: an event follows the write.
struct FeedEvent {
  std::uint64_t id = 0;  // rising, also over restarts
  std::string pipeline;  // "" for a problem
  std::variant<ledger::Run, ledger::Attempt, LogEvent, PipelineEvent, ProblemEvent> what;
};

// The live changes, for whoever wants to follow. Keeps the last ones, so that a reader that was away goes on where it
// stopped; a slow reader never slows the writer down. Thread-safe.
class Feed {
 public:
  class Reader {
   public:
    Reader(Feed& feed, std::uint64_t after);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    // Readable when there is something to take, for poll().
    int descriptor() const { return signal_.get(); }
    // What has happened since the last call, at most `limit`; empty when nothing has.
    std::vector<std::shared_ptr<const FeedEvent>> take(std::size_t limit = 1000);
    // Waits for something to take; false when the time is over or the feed has closed.
    bool wait(std::chrono::milliseconds timeout);
    // Whether events were dropped before this reader took them: its picture is to be read anew. Reset by the call.
    bool has_missed();

   private:
    friend class Feed;
    Feed& feed_;
    Descriptor signal_;
    std::uint64_t next_ = 0;  // guarded by the feed's mutex
    bool missed_ = false;
  };

  explicit Feed(Instant now, std::size_t capacity = 20'000);

  void publish(std::string pipeline, decltype(FeedEvent::what) what);
  // From the next event on, or from the one that follows `after`.
  std::unique_ptr<Reader> follow(std::optional<std::uint64_t> after = std::nullopt);
  // Wakes all readers for good: the process ends.
  void close();
  bool is_closed() const;

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<const FeedEvent>> events_;
  std::uint64_t next_id_;
  bool closed_ = false;
  std::set<Reader*> readers_;
};

}  // namespace weir::engine
