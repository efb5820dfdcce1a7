#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

namespace weir::warehouse {

// Stops statements of the engine from outside. The engine's query ids cannot be set and closing its output does not stop
// it, so each statement carries a tag in a comment and is stopped by KILL QUERY on another connection.
class Cancellation {
 public:
  // `kill` asks the engine to stop what carries the tag; called by one thread, again and again until the statement ends,
  // since a statement that is only just beginning is not there to be killed yet.
  explicit Cancellation(std::function<void(const std::string& tag)> kill);
  ~Cancellation();

  // One statement that may be stopped, from before it begins until after it ended.
  class Watch {
   public:
    // Stopping `stop` stops the statement.
    Watch(Cancellation& cancellation, std::stop_token stop);
    ~Watch();
    const std::string& tag() const { return entry_->tag; }
    void cancel() { cancellation_.request(*entry_); }
    bool cancelled() const;

   private:
    friend class Cancellation;
    struct Entry {
      std::string tag;
      bool requested = false;
    };
    Cancellation& cancellation_;
    std::list<Entry>::iterator entry_;
    std::optional<std::stop_callback<std::function<void()>>> on_stop_;
  };

 private:
  void request(Watch::Entry& entry);
  void run(std::stop_token stop);

  std::function<void(const std::string&)> kill_;
  std::string prefix_;
  std::uint64_t count_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::list<Watch::Entry> running_;
  std::jthread thread_;
};

}  // namespace weir::warehouse
