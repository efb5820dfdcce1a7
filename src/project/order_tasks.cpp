#include <algorithm>
#include <functional>
#include <queue>
#include <unordered_map>
#include <utility>

#include "project/reading.hpp"

namespace weir::project {
namespace {

using Index = std::unordered_map<std::string_view, std::size_t>;

// Follows needs among tasks that wait for each other until one comes again: a cycle, from its first task in the file on.
std::vector<std::size_t> find_cycle(const std::vector<Task>& tasks, const Index& index, const std::vector<bool>& done) {
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
      const auto next = index.find(need);
      if (next != index.end() && !done[next->second]) {
        at = next->second;
        break;
      }
    }
  }
}

}  // namespace

std::vector<Task> order_tasks(std::vector<Task> tasks, std::vector<Error>& mistakes) {
  Index index;
  for (std::size_t i = 0; i < tasks.size(); ++i) index.emplace(tasks[i].name, i);
  // How many needs of each task are still to come; an unknown task is another mistake.
  std::vector<std::size_t> open(tasks.size());
  std::vector<std::vector<std::size_t>> dependents(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    for (const auto& need : tasks[i].needs) {
      const auto upstream = index.find(need);
      if (upstream == index.end()) continue;
      ++open[i];
      dependents[upstream->second].push_back(i);
    }
  }
  std::vector<bool> done(tasks.size());
  std::vector<std::size_t> order;
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;  // the first of the file first
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (open[i] == 0) ready.push(i);
  }
  const auto take = [&](std::size_t i) {
    done[i] = true;
    order.push_back(i);
    for (const auto dependent : dependents[i]) {
      if (--open[dependent] == 0 && !done[dependent]) ready.push(dependent);
    }
  };
  while (order.size() < tasks.size()) {
    if (!ready.empty()) {
      const auto next = ready.top();
      ready.pop();
      take(next);
      continue;
    }
    // Counting the cycle's tasks as done shows whether there is another cycle.
    const auto cycle = find_cycle(tasks, index, done);
    std::string path;
    for (const auto i : cycle) path += tasks[i].name + " → ";
    const auto& first = tasks[cycle.front()];
    mistakes.push_back(Error::user(Code::InvalidProject, "tasks need each other in a circle: {}{}", path, first.name)
                           .hint("remove one of these needs")
                           .at(first.place));
    for (const auto i : cycle) done[i] = true;
    for (const auto i : cycle) take(i);
  }
  std::vector<Task> ordered;
  for (const auto i : order) ordered.push_back(std::move(tasks[i]));
  return ordered;
}

}  // namespace weir::project
