#include <algorithm>
#include <utility>

#include "project/reading.hpp"

namespace weir::project {
namespace {

std::size_t index_of(const std::vector<Task>& tasks, std::string_view name) {
  return static_cast<std::size_t>(std::ranges::find(tasks, name, &Task::name) - tasks.begin());
}

// Follows needs among tasks that wait for each other until one comes again: a cycle, from its first task in the file on.
std::vector<std::size_t> find_cycle(const std::vector<Task>& tasks, const std::vector<bool>& done) {
  std::vector<std::size_t> path;
  auto at = static_cast<std::size_t>(std::ranges::find(done, false) - done.begin());
  for (;;) {
    const auto again = std::ranges::find(path, at);
    if (again != path.end()) {
      path.erase(path.begin(), again);
      std::ranges::rotate(path, std::ranges::min_element(path));
      return path;
    }
    path.push_back(at);
    for (const auto& need : tasks[at].needs) {
      const auto next = index_of(tasks, need);
      if (next < tasks.size() && !done[next]) {
        at = next;
        break;
      }
    }
  }
}

}  // namespace

std::vector<Task> order_tasks(std::vector<Task> tasks, std::vector<Error>& mistakes) {
  std::vector<bool> done(tasks.size());
  std::vector<std::size_t> order;
  const auto ready = [&](std::size_t i) {
    return std::ranges::all_of(tasks[i].needs, [&](const auto& need) {
      const auto upstream = index_of(tasks, need);
      return upstream == tasks.size() || done[upstream];  // an unknown task is another mistake
    });
  };
  while (order.size() < tasks.size()) {
    std::size_t next = 0;
    while (next < tasks.size() && (done[next] || !ready(next))) ++next;
    if (next == tasks.size()) {
      // Counting the cycle's tasks as done shows whether there is another cycle.
      const auto cycle = find_cycle(tasks, done);
      std::string path;
      for (const auto i : cycle) path += tasks[i].name + " → ";
      const auto& first = tasks[cycle.front()];
      mistakes.push_back(Error::user(Code::InvalidProject, "tasks need each other in a circle: {}{}", path, first.name)
                             .hint("remove one of these needs")
                             .at(first.place));
      for (const auto i : cycle) {
        done[i] = true;
        order.push_back(i);
      }
      continue;
    }
    done[next] = true;
    order.push_back(next);
  }
  std::vector<Task> ordered;
  for (const auto i : order) ordered.push_back(std::move(tasks[i]));
  return ordered;
}

}  // namespace weir::project
