// dbt's node selection (https://docs.getdbt.com/reference/node-selection/syntax): union by blanks, intersection by
// commas, `+` and `N+` for ancestors and descendants, methods before a colon.
#include <algorithm>
#include <charconv>
#include <limits>

#include "models/config.hpp"
#include "models/models.hpp"
#include "models/properties.hpp"
#include "project/nearest.hpp"

namespace weir::models {

namespace {

using Names = std::set<std::string>;
constexpr int kAll = std::numeric_limits<int>::max();

// "2+tag:nightly+" → two generations up, all down.
struct Criterion {
  std::string method = "name";
  std::string value;
  int up = 0;
  int down = 0;
};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    if (end != 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool all_digits(std::string_view text) { return text.find_first_not_of("0123456789") == std::string_view::npos; }

int generations(std::string_view text) {
  if (text.empty()) return kAll;
  int count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  return failure == std::errc() ? count : kAll;
}

Result<Criterion> parse_criterion(std::string_view text) {
  Criterion criterion;
  const auto written = text;
  if (const auto plus = text.find('+'); plus != std::string_view::npos && all_digits(text.substr(0, plus))) {
    criterion.up = generations(text.substr(0, plus));
    text.remove_prefix(plus + 1);
  }
  if (const auto plus = text.rfind('+'); plus != std::string_view::npos && all_digits(text.substr(plus + 1))) {
    criterion.down = generations(text.substr(plus + 1));
    text.remove_suffix(text.size() - plus);
  }
  if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    criterion.method = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  } else if (text.find('/') != std::string_view::npos || text.ends_with(".sql")) {
    criterion.method = "path";
  }
  criterion.value = text;
  if (text.empty()) return Error::user(Code::InvalidArgument, "a selector without a name: {}", written);
  return criterion;
}

// `*` is any text, `?` one letter.
bool matches_glob(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*') {
    return matches_glob(pattern.substr(1), text) || (!text.empty() && matches_glob(pattern, text.substr(1)));
  }
  return !text.empty() && (pattern.front() == '?' || pattern.front() == text.front()) &&
         matches_glob(pattern.substr(1), text.substr(1));
}

bool matches_path(std::string_view pattern, std::string_view path) {
  while (pattern.ends_with('/')) pattern.remove_suffix(1);
  if (pattern.starts_with("./")) pattern.remove_prefix(2);
  return matches_glob(pattern, path) || (path.starts_with(pattern) && path.substr(pattern.size()).starts_with('/'));
}

class Selection {
 public:
  explicit Selection(const Graph& graph) : graph_(graph) {
    for (const auto& node : graph.nodes) {
      for (const auto& parent : node.depends_on) children_[parent].insert(node.name);
    }
  }

  // The models and tests that a selector names, with the tests of the models among them.
  Result<Names> all_of(std::string_view selector) const {
    Names names;
    for (const auto union_part : split(selector, ' ')) {
      auto part = WEIR_TRY(intersection(union_part));
      names.merge(part);
    }
    for (const auto& node : graph_.nodes) {
      if (node.kind != NodeKind::Test) continue;
      if (std::ranges::any_of(node.depends_on, [&](const auto& parent) { return names.contains(parent); })) {
        names.insert(node.name);
      }
    }
    return names;
  }

 private:
  Result<Names> intersection(std::string_view text) const {
    std::optional<Names> names;
    for (const auto part : split(text, ',')) {
      const auto found = WEIR_TRY(expand(part));
      if (!names) {
        names = found;
      } else {
        std::erase_if(*names, [&](const auto& name) { return !found.contains(name); });
      }
    }
    return names.value_or(Names{});
  }

  Result<Names> expand(std::string_view text) const {
    const auto criterion = WEIR_TRY(parse_criterion(text));
    Names names;
    for (const auto& node : graph_.nodes) {
      if (WEIR_TRY(matches(criterion, node))) names.insert(node.name);
    }
    if (names.empty()) return nothing_matches(criterion);
    const auto seeds = names;
    for (const auto& seed : seeds) {
      walk(names, seed, criterion.up, [&](const std::string& name) -> const Names& { return parents_of(name); });
      walk(names, seed, criterion.down, [&](const std::string& name) -> const Names& { return children_of(name); });
    }
    return names;
  }

  Result<bool> matches(const Criterion& criterion, const Node& node) const {
    const auto& method = criterion.method;
    if (method == "name" || method == "model" || method == "fqn") return matches_glob(criterion.value, node.name);
    if (method == "path" || method == "file") {
      const auto& folder = graph_.dbt_folder;
      return matches_path(criterion.value, node.path) ||
             (!folder.empty() && node.path.starts_with(folder + "/") &&
              matches_path(criterion.value, std::string_view(node.path).substr(folder.size() + 1)));
    }
    if (method == "tag") {
      return std::ranges::any_of(node.tags, [&](const auto& tag) { return matches_glob(criterion.value, tag); });
    }
    if (method == "connection") return node.connection == criterion.value;
    if (method == "resource_type") {
      if (node.kind == NodeKind::Test) return criterion.value == "test";
      return criterion.value == (node.config.contains("seed") ? "seed" : "model");
    }
    if (method.starts_with("config."))
      return text_of(node.config, std::string_view(method).substr(7)) == criterion.value;
    static constexpr std::string_view kMethods[] = {"name",       "path",          "tag",
                                                    "connection", "resource_type", "config.materialized"};
    return Error::user(Code::InvalidArgument, "no such selector method: {}", method)
        .hint(project::suggestion(method, kMethods));
  }

  Error nothing_matches(const Criterion& criterion) const {
    std::vector<std::string_view> candidates;
    if (criterion.method == "name") candidates = project::names_of(graph_.nodes);
    if (criterion.method == "tag") {
      for (const auto& node : graph_.nodes) candidates.insert(candidates.end(), node.tags.begin(), node.tags.end());
    }
    const auto prefix = criterion.method == "name" ? std::string() : criterion.method + ":";
    return Error::user(Code::InvalidArgument, "no model or test matches: {}{}", prefix, criterion.value)
        .hint(project::suggestion(criterion.value, candidates, "weir compile lists every model"));
  }

  const Names& parents_of(const std::string& name) const {
    const auto* node = graph_.find(name);
    return node == nullptr ? none_ : node->depends_on;
  }
  const Names& children_of(const std::string& name) const {
    const auto found = children_.find(name);
    return found == children_.end() ? none_ : found->second;
  }

  // Breadth first, so that each node is reached by its shortest way and the number of generations is right.
  template <typename Next>
  static void walk(Names& names, const std::string& seed, int depth, const Next& next) {
    Names seen{seed};
    std::vector<std::string> level{seed};
    for (int generation = 0; generation < depth && !level.empty(); ++generation) {
      std::vector<std::string> following;
      for (const auto& name : level) {
        for (const auto& other : next(name)) {
          if (seen.insert(other).second) following.push_back(other);
        }
      }
      names.insert(following.begin(), following.end());
      level = std::move(following);
    }
  }

  const Graph& graph_;
  std::map<std::string, Names> children_;
  const Names none_;
};

}  // namespace

Result<std::vector<const Node*>> select(const Graph& graph, std::string_view selector, std::string_view exclude) {
  const Selection selection(graph);
  const bool everything = split(selector, ' ').empty();
  const auto wanted = everything ? Names{} : WEIR_TRY(selection.all_of(selector));
  if (!everything && wanted.empty()) {
    return Error::user(Code::InvalidArgument, "no model or test matches all of: {}", selector);
  }
  const auto unwanted = split(exclude, ' ').empty() ? Names{} : WEIR_TRY(selection.all_of(exclude));
  std::vector<const Node*> nodes;
  for (const auto& node : graph.nodes) {
    if ((everything || wanted.contains(node.name)) && !unwanted.contains(node.name)) nodes.push_back(&node);
  }
  return nodes;
}

}  // namespace weir::models
