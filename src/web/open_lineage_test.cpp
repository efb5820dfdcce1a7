#include "web/open_lineage.hpp"

#include <gtest/gtest.h>

#include <regex>

#include "web/schema.hpp"

namespace weir::web {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow{std::chrono::seconds{1'780'000'000}};

// The published shapes (openlineage.io/spec/2-0-2/OpenLineage.json and openlineage.io/spec/facets/…), written down here by
// hand: what each requires, and the types of what it may have.
Member base(const char* name) { return {name, text()}; }

Schema facet(std::vector<Member> members) {
  members.push_back(base("_producer"));
  members.push_back(base("_schemaURL"));
  return object(members);
}

const auto kOptional = Need::Optional;

Schema dataset(std::vector<Member> more) {
  const auto fields =
      list_of(object({{"name", text()}, {"type", text(), kOptional}, {"description", text(), kOptional}}));
  more.insert(more.begin(),
              {{"namespace", text()},
               {"name", text()},
               {"facets", object({{"schema", facet({{"fields", fields, kOptional}}), kOptional}}), kOptional}});
  return object(more);
}

Schema run_event() {
  const auto job = object({{"namespace", text()}, {"name", text()}});
  const auto statistics =
      facet({{"rowCount", integer(), kOptional}, {"size", integer(), kOptional}, {"fileCount", integer(), kOptional}});
  return object(
      {{"eventType", one_of({"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"}), kOptional},
       {"eventTime", instant()},
       {"producer", text()},
       {"schemaURL", text()},
       {"run",
        object(
            {{"runId", text()},
             {"facets",
              object({{"parent", facet({{"run", object({{"runId", text()}})}, {"job", job}}), kOptional},
                      {"nominalTime",
                       facet({{"nominalStartTime", instant()}, {"nominalEndTime", instant(), kOptional}}), kOptional},
                      {"errorMessage",
                       facet({{"message", text()}, {"programmingLanguage", text()}, {"stackTrace", text(), kOptional}}),
                       kOptional},
                      {"processing_engine",
                       facet({{"version", text()},
                              {"name", text(), kOptional},
                              {"openlineageAdapterVersion", text(), kOptional}}),
                       kOptional}}),
              kOptional}})},
       {"job",
        object({{"namespace", text()},
                {"name", text()},
                {"facets",
                 object({{"jobType",
                          facet({{"processingType", text()}, {"integration", text()}, {"jobType", text(), kOptional}}),
                          kOptional},
                         {"documentation", facet({{"description", text()}}), kOptional}}),
                 kOptional}})},
       {"inputs", list_of(dataset({})), kOptional},
       {"outputs",
        list_of(dataset({{"outputFacets", object({{"outputStatistics", statistics, kOptional}}), kOptional}})),
        kOptional}});
}

void expect_valid(const Json& event) {
  EXPECT_EQ(mismatch(event, run_event(), Json::object()).value_or(""), "") << event.dump(2);
  EXPECT_EQ(event["schemaURL"], "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent");
  const std::regex uuid{"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"};
  EXPECT_TRUE(std::regex_match(event["run"]["runId"].get<std::string>(), uuid)) << event["run"]["runId"];
}

LineageFacts facts() {
  LineageFacts made{.job_namespace = "shop",
                    .weir_version = "1.2.3",
                    .pipeline = "sales",
                    .run = "20260301-a",
                    .summary = "copy a → b"};
  made.inputs = {{.name_space = "postgres://db:5432", .name = "shop.public.a"}};
  made.outputs = {{.name_space = "clickhouse://dw:8123",
                   .name = "default.b",
                   .fields = Json::array({{{"name", "id"}, {"type", "Int64"}}}),
                   .rows_written = 42}};
  return made;
}

ledger::Attempt attempt(ledger::AttemptState state) {
  return {.run = RunId{"20260301-a"},
          .task = "load",
          .number = 2,
          .state = state,
          .started_at = kNow,
          .finished_at = kNow + 5s};
}

TEST(OpenLineage, TellsOfAnAttemptInPublishedShapes) {
  const auto start = lineage_event(attempt(ledger::AttemptState::Running), facts());
  const auto complete = lineage_event(attempt(ledger::AttemptState::Succeeded), facts());
  expect_valid(start);
  expect_valid(complete);
  EXPECT_EQ(start["eventType"], "START");
  EXPECT_EQ(start["eventTime"], "2026-05-28T20:26:40.000000Z");
  EXPECT_EQ(complete["eventType"], "COMPLETE");
  EXPECT_EQ(complete["run"]["runId"], start["run"]["runId"]);
  EXPECT_EQ(complete["job"]["name"], "sales.load");
  EXPECT_EQ(complete["run"]["facets"]["parent"]["job"]["name"], "sales");
  EXPECT_EQ(complete["run"]["facets"]["parent"]["run"]["runId"], uuid_of("20260301-a"));
  EXPECT_EQ(complete["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"], 42);
  EXPECT_EQ(complete["outputs"][0]["facets"]["schema"]["fields"][0]["type"], "Int64");
  EXPECT_EQ(complete["outputs"][0]["outputFacets"]["outputStatistics"]["_schemaURL"],
            "https://openlineage.io/spec/facets/1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/"
            "OutputStatisticsOutputDatasetFacet");
}

TEST(OpenLineage, TellsOfFailuresAndCancellations) {
  auto failed = attempt(ledger::AttemptState::Failed);
  failed.error = {{"message", "no answer"}};
  const auto event = lineage_event(failed, facts());
  expect_valid(event);
  EXPECT_EQ(event["eventType"], "FAIL");
  EXPECT_EQ(event["run"]["facets"]["errorMessage"]["message"], "no answer");
  EXPECT_EQ(lineage_event(attempt(ledger::AttemptState::Cancelled), facts())["eventType"], "ABORT");
  EXPECT_EQ(lineage_event(attempt(ledger::AttemptState::Lost), facts())["eventType"], "FAIL");
}

TEST(OpenLineage, IsSilentAboutWhatNeverStarted) {
  auto skipped = attempt(ledger::AttemptState::Skipped);
  skipped.number = 0;
  EXPECT_TRUE(lineage_event(skipped, facts()).is_null());
  EXPECT_TRUE(lineage_event(attempt(ledger::AttemptState::Queued), facts()).is_null());
}

TEST(OpenLineage, TellsOfAPipelinesRun) {
  auto known = facts();
  known.interval_from = kNow;
  known.interval_to = kNow + 24h;
  ledger::Run run{.id = RunId{"20260301-a"},
                  .pipeline = "sales",
                  .state = ledger::RunState::Succeeded,
                  .created_at = kNow,
                  .started_at = kNow,
                  .finished_at = kNow + 9s};
  const auto event = lineage_event(run, known);
  expect_valid(event);
  EXPECT_EQ(event["run"]["runId"], uuid_of("20260301-a"));
  EXPECT_EQ(event["run"]["facets"]["nominalTime"]["nominalEndTime"], "2026-05-29T20:26:40.000000Z");
  EXPECT_EQ(event["job"]["facets"]["jobType"]["jobType"], "PIPELINE");
}

}  // namespace
}  // namespace weir::web
