#include "engine/vocabulary.hpp"

#include <algorithm>
#include <array>

#include "connectors/generate/spec.hpp"
#include "engine/task_kind.hpp"

namespace weir::engine {
namespace {

// The connectors whose server Weir can run itself.
constexpr std::array<std::string_view, 2> kManageable{"clickhouse", "postgres"};

}  // namespace

project::Vocabulary vocabulary(const flow::Registry& registry) {
  project::Vocabulary vocabulary;
  for (const auto& connector : registry.all()) {
    vocabulary.connections.push_back(
        {.name = connector.name,
         .summary = connector.summary,
         .settings = connector.settings,
         .manageable = std::ranges::find(kManageable, connector.name) != kManageable.end()});
  }
  for (const auto& kind : task_kinds()) {
    project::KindDescription description{.name = kind.name, .summary = kind.summary, .settings = kind.settings};
    description.endpoints = kind.reads;
    description.endpoints.insert(description.endpoints.end(), kind.writes.begin(), kind.writes.end());
    description.connection_settings = kind.connections;
    vocabulary.tasks.push_back(std::move(description));
  }

  vocabulary.generators = generate::generator_settings();
  return vocabulary;
}

}  // namespace weir::engine
