#include "engine/render.hpp"

#include <gtest/gtest.h>

namespace weir::engine {
namespace {

const std::vector<Setting> kSettings{
    {.name = "rows", .type = SettingType::Integer},
    {.name = "to", .type = SettingType::Text},
    {.name = "mode", .type = SettingType::Choice, .choices = {"append", "replace"}},
    {.name = "add", .type = SettingType::Map, .fields = {{.name = "value", .type = SettingType::Text}}},
};

Result<Settings> render_json(const Json& values, const Json& variables) {
  sql::TemplateEngine engine;
  const std::map<std::string, Place> places{{"", {"pipelines/p.yml", 3, 5}}, {"rows", {"pipelines/p.yml", 4, 11}}};
  return render(engine, Settings{values}, kSettings, variables, places);
}

TEST(Render, KeepsTypesAndRendersTexts) {
  const auto rendered = render_json(
      {{"rows", "{{ params.rows }}"}, {"to", "files/{{ run.id }}/a.csv"}, {"add", {{"day", "{{ run.id }}!"}}}},
      {{"params", {{"rows", 1000}}}, {"run", {{"id", "r1"}}}});
  ASSERT_TRUE(rendered.ok()) << rendered.error().text();
  EXPECT_EQ(rendered->integer("rows"), 1000);
  EXPECT_EQ(rendered->text("to"), "files/r1/a.csv");
  EXPECT_EQ(rendered->json("add")["day"], "r1!");
}

TEST(Render, TextsBecomeNumbersWhereNumbersAreExpected) {
  EXPECT_EQ(render_json({{"rows", "{{ params.rows }}"}}, {{"params", {{"rows", "25"}}}})->integer("rows"), 25);
}

TEST(Render, ATemplateOfAnotherTypeIsAMistakeAtItsPlace) {
  const auto rendered = render_json({{"rows", "{{ params.rows }}"}}, {{"params", {{"rows", "many"}}}});
  EXPECT_EQ(rendered.error().code(), Code::InvalidProject);
  EXPECT_EQ(rendered.error().place()->text(), "pipelines/p.yml:4:11");
  EXPECT_EQ(rendered.error().message(), "rows takes a whole number, but its template gave another value: many");
  EXPECT_FALSE(render_json({{"mode", "{{ params.mode }}"}}, {{"params", {{"mode", "upsert"}}}}).ok());
}

TEST(Render, AnUndefinedVariableIsNamed) {
  const auto rendered = render_json({{"to", "{{ nope }}"}}, Json::object());
  ASSERT_FALSE(rendered.ok());
  EXPECT_NE(rendered.error().message().find("nope"), std::string::npos) << rendered.error().text();
}

TEST(Render, RunDatesAreOnTheScheduleClock) {
  project::Pipeline pipeline;
  pipeline.schedules.push_back(project::Schedule::parse("45 12 * * TUE", "Europe/Moscow").value());
  const RunFacts facts{
      .id = RunId{"r"}, .started_at = *parse_instant("2026-03-02T22:30:00Z"), .interval_from = {}, .interval_to = {}};
  const auto variables = template_variables(pipeline, Json::object(), facts);
  EXPECT_EQ(variables["run"]["started_at"]["date"], "2026-03-03");
  EXPECT_EQ(variables["run"]["started_at"]["time"], "01:30:00");
  EXPECT_EQ(variables["run"]["started_at"]["text"], "2026-03-02T22:30:00Z");
  EXPECT_EQ(render_json({{"to", "{{ run.started_at }}"}}, variables)->text("to"), "2026-03-02T22:30:00Z");
}

}  // namespace
}  // namespace weir::engine
