#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "connectors/http/timeline.hpp"

namespace weir::http {

// What the requests to one host have in common, whichever task of the project makes them: how many are under way at once, and
// when the next one may start. Each task is a process, so it stands in a file of the project. Places are locks on single bytes of
// it (fcntl's F_OFD_SETLK): the kernel gives them back when their holder is killed. One thread at a time.
class HostLimits {
 public:
  static constexpr std::chrono::milliseconds kKeptMax{10};

  // The file lies in `folder`, which is made, and is named after `origin` ("https://api.example.com"). `concurrency`: at least
  // 1. `interval`: between the starts of two requests; 0 is no limit, and such requests leave no trace in others' intervals.
  static Result<HostLimits> open(const std::filesystem::path& folder, const std::string& origin, int concurrency,
                                 std::chrono::microseconds interval);

  // A place among the requests at once; nothing while all are taken: ask again soon. Who asks again is served before those that
  // come later, so that a task with many requests does not keep others out.
  Result<std::optional<int>> take_place(SteadyTime now);
  // The place is at hand for this object's next request, which spares both the locks. After kKeptMax of such requests in a row
  // it is everybody's.
  Result<void> give_back(int place, SteadyTime now);
  // Makes everybody's what is at hand: call it before waiting.
  Result<void> let_go();
  // When the next request may start: at once, or an interval after the start before it. Nobody else gets that start, and one
  // that its owner does not use is lost.
  Result<SteadyTime> reserve_start(SteadyTime now);

 private:
  HostLimits(Descriptor file, std::string path, int concurrency, std::chrono::microseconds interval)
      : file_(std::move(file)), path_(std::move(path)), concurrency_(concurrency), interval_(interval) {}
  Result<bool> try_lock(int byte);
  Result<void> unlock(int byte);
  Error failed(std::string_view doing) const;

  Descriptor file_;
  std::string path_;
  int concurrency_;
  std::chrono::microseconds interval_;
  // Places of this object's, and since when: a lock does not keep out its own owner.
  std::map<int, SteadyTime> taken_;
  std::vector<int> at_hand_;  // those of them that no request has
  bool is_next_ = false;      // has the lock of who is served next
};

}  // namespace weir::http
