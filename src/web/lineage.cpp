#include "web/lineage.hpp"

#include <algorithm>
#include <set>

namespace weir::web {
namespace {

// Versions that are not the current one and are kept in memory.
constexpr std::size_t kKeptMax = 4;

// Tables and files are shown under their own names, steps under their pipeline's.
std::string step_id(const LineageStep& step) { return fmt::format("{}/{}", step.pipeline, step.step); }

}  // namespace

Lineage::Lineage(const engine::ProjectVersion& version) : project_(version.project) {
  const engine::RunFacts facts{
      .id = RunId{"lineage"}, .started_at = version.loaded_at, .interval_from = {}, .interval_to = {}};
  for (const auto& pipeline : project_.pipelines) {
    engine::PlanRequest request;
    request.pipeline = pipeline.name;
    auto plan = engine::plan(project_, version.graph, request, facts);
    if (!plan.ok()) {
      unplanned_.emplace(pipeline.name, std::move(plan).error());
      continue;
    }
    for (const auto& step : plan->steps) {
      const auto number = steps_.size();
      steps_.push_back({pipeline.name, step.name, step.kind, step.node, step.reads, step.writes});
      for (const auto& table : step.reads) readers_.emplace(table, number);
      for (const auto& table : step.writes) writers_.emplace(table, number);
    }
    plans_.emplace(pipeline.name, std::move(*plan));
  }
}

const engine::Plan* Lineage::plan(std::string_view pipeline) const {
  const auto found = plans_.find(std::string{pipeline});
  return found == plans_.end() ? nullptr : &found->second;
}

bool Lineage::is_table(const std::string& object) const {
  return !project::parse_endpoint(project_, object).connection.empty();
}

std::vector<std::string> Lineage::tables() const {
  std::set<std::string> names;
  for (const auto& step : steps_) {
    for (const auto* list : {&step.reads, &step.writes}) {
      std::ranges::copy_if(*list, std::inserter(names, names.end()), [&](const auto& name) { return is_table(name); });
    }
  }
  return {names.begin(), names.end()};
}

std::pair<std::vector<std::string>, std::vector<std::size_t>> Lineage::reach(const std::string& object,
                                                                             Direction direction) const {
  const bool upstream = direction == Direction::Upstream;
  const auto& steps_at = upstream ? writers_ : readers_;
  std::set<std::string> seen{object};
  std::set<std::size_t> steps;
  std::vector<std::string> waiting{object};
  std::vector<std::string> order;
  while (!waiting.empty()) {
    order.push_back(waiting.back());
    waiting.pop_back();
    const auto [begin, end] = steps_at.equal_range(order.back());
    for (auto at = begin; at != end; ++at) {
      if (!steps.insert(at->second).second) continue;
      const auto& step = steps_[at->second];
      for (const auto& next : upstream ? step.reads : step.writes) {
        if (seen.insert(next).second) waiting.push_back(next);
      }
    }
  }
  return {order, {steps.begin(), steps.end()}};
}

std::vector<std::string> Lineage::tables_along(const std::string& table, Direction direction) const {
  auto names = reach(table, direction).first;
  std::erase_if(names, [&](const auto& name) { return name == table || !is_table(name); });
  std::ranges::sort(names);
  return names;
}

Json Lineage::graph_around(const std::string& table) const {
  std::set<std::string> objects;
  std::set<std::size_t> steps;
  for (const auto direction : {Direction::Upstream, Direction::Downstream}) {
    auto [names, numbers] = reach(table, direction);
    objects.insert(names.begin(), names.end());
    steps.insert(numbers.begin(), numbers.end());
  }
  auto nodes = Json::array();
  auto edges = Json::array();
  for (const auto& name : objects) {
    nodes.push_back(
        {{"id", name}, {"kind", is_table(name) ? "table" : "file"}, {"label", name}, {"pipeline", nullptr}});
  }
  for (const auto number : steps) {
    const auto& step = steps_[number];
    nodes.push_back({{"id", step_id(step)},
                     {"kind", step.node.empty() ? "task" : "model"},
                     {"label", step.step},
                     {"pipeline", step.pipeline}});
    for (const auto& name : step.reads) {
      if (objects.contains(name)) edges.push_back({{"from", name}, {"to", step_id(step)}});
    }
    for (const auto& name : step.writes) {
      if (objects.contains(name)) edges.push_back({{"from", step_id(step)}, {"to", name}});
    }
  }
  return {{"nodes", std::move(nodes)}, {"edges", std::move(edges)}};
}

std::shared_ptr<const Lineage> Versions::lineage(const std::shared_ptr<const engine::ProjectVersion>& version) {
  const std::lock_guard guard(mutex_);
  if (lineage_version_ != version) {
    lineage_ = std::make_shared<const Lineage>(*version);
    lineage_version_ = version;
  }
  return lineage_;
}

std::shared_ptr<const engine::ProjectVersion> Versions::version_of(
    const ledger::Run& run, const std::shared_ptr<const engine::ProjectVersion>& current) {
  if (run.code_version.empty() || run.code_version == current->hash) return current;
  const std::lock_guard guard(mutex_);
  if (const auto found = kept_.find(run.code_version); found != kept_.end()) return found->second;
  auto read = engine::read_kept_version(source_, run.code_version, nullptr);
  if (!read.ok() || !read->version) return nullptr;
  if (kept_.size() == kKeptMax) kept_.erase(kept_.begin());
  kept_.emplace(run.code_version, read->version);
  return read->version;
}

Result<engine::Plan> Versions::plan_of(const ledger::Run& run, const engine::ProjectVersion& version) const {
  engine::PlanRequest request;
  request.pipeline = run.pipeline;
  if (run.params.is_object()) request.params = run.params;
  if (run.selection.is_object()) {
    request.from = run.selection.value("from", std::string{});
    for (const auto& task : run.selection.value("select", Json::array()))
      request.select.push_back(task.get<std::string>());
  }
  return engine::plan(version.project, version.graph, request,
                      {.id = run.id,
                       .started_at = run.started_at.value_or(run.created_at),
                       .interval_from = run.interval_from,
                       .interval_to = run.interval_to});
}

}  // namespace weir::web
