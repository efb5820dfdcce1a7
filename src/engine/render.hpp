#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "project/project.hpp"
#include "sql/template.hpp"

namespace weir::engine {

// What is known of a run when it is planned: the values behind `run` and `interval` in templates.
struct RunFacts {
  RunId id;
  Instant started_at;
  std::optional<Instant> interval_from;
  std::optional<Instant> interval_to;
};

// The variables that templates of this pipeline see:
//   run.id, run.pipeline, run.started_at.{text,date,time,epoch} (on the clock of the pipeline's first schedule, else UTC),
//   interval.from and interval.to (the same fields; the run's start when it has no interval), params.*, env.*
Json template_variables(const project::Pipeline& pipeline, const Json& params, const RunFacts& facts);
// This process's environment, as templates see it under `env`.
Json environment_variables();

// The nearest known place of a path: its own, or that of what holds it.
Place place_of(std::string path, const std::map<std::string, Place>& places);

// Renders every text in the values and checks the results against the descriptions: a template may not yield another type
// than its key takes. Errors are InvalidProject at the place of the key, where it is known.
Result<Settings> render(sql::TemplateEngine& engine, const Settings& settings, std::span<const Setting> descriptions,
                        const Json& variables, const std::map<std::string, Place>& places);

}  // namespace weir::engine
