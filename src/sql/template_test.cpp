#include "sql/template.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace weir::sql {
namespace {

std::string render(TemplateEngine& engine, std::string_view text, const Json& variables = Json::object()) {
  auto rendered = engine.render("models/a.sql", text, variables);
  return rendered.ok() ? *rendered : "error: " + rendered.error().text();
}

Json json(std::string_view text) { return parse_json(text).value(); }

std::string render(std::string_view text, const Json& variables = Json::object()) {
  TemplateEngine engine;
  return render(engine, text, variables);
}

TEST(Template, RendersVariablesLoopsAndFilters) {
  EXPECT_EQ(render("{{ run.started_at.date }}", json(R"({"run": {"started_at": {"date": "2026-03-03"}}})")),
            "2026-03-03");
  const auto instant =
      json(R"({"at": {"text": "2026-03-02T22:30:00Z", "date": "2026-03-03", "time": "01:30:00", "epoch": 1}})");
  EXPECT_EQ(render("began {{ at }}", instant), "began 2026-03-02T22:30:00Z");
  EXPECT_EQ(render("{% for c in ['a', 'b'] %}{{ loop.index }}{{ c | upper }}{{ ',' if not loop.last }}{% endfor %}"),
            "1A,2B");
  EXPECT_EQ(render("{% set xs = [1, 2] %}{{ xs | join('+') }} {{ (xs + [3]) | length }}"), "1+2 3");
  EXPECT_EQ(render("{% for k, v in {'a': 1}.items() %}{{ k }}={{ v }}{% endfor %} {{ 'x,y'.split(',')[1] }}"), "a=1 y");
  EXPECT_EQ(render("a\n{#- note #}\n"), "a\n");
  EXPECT_EQ(
      render("{% set ns = namespace(n=0) %}{% for i in range(3) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}"),
      "3");
}

TEST(Template, TextIsNeverEscaped) { EXPECT_EQ(render("{{ '<a> & \"b\"' }}"), "<a> & \"b\""); }

TEST(Template, FunctionsGetArgumentsAndKeywords) {
  TemplateEngine engine;
  Json seen;
  engine.add_function("config", [&](const Json& arguments, const Json& keywords) -> Result<Json> {
    seen = Json{{"arguments", arguments}, {"keywords", keywords}};
    return Json("");
  });
  engine.add_function("var", [](const Json& arguments, const Json&) -> Result<Json> {
    return arguments.size() > 1 ? arguments[1] : Json(7);
  });
  EXPECT_EQ(render(engine,
                   "{{ config(materialized='table', order_by=['a', 'b'], 1) }}-{{ var('x') + 1 }}-{{ var('y', 'z') }}"),
            "error: models/a.sql:1:54: syntax error: non-keyword arg after keyword arg");
  EXPECT_EQ(
      render(engine, "{{ config(true, materialized='table', order_by=['a']) }}-{{ var('x') + 1 }}-{{ var('y', 'z') }}"),
      "-8-z");
  EXPECT_EQ(to_text(seen), R"({"arguments":[true],"keywords":{"materialized":"table","order_by":["a"]}})");
}

TEST(Template, AFunctionsErrorKeepsItsCodeAndGetsThePlaceOfTheCall) {
  TemplateEngine engine;
  engine.add_function("ref", [](const Json& arguments, const Json&) -> Result<Json> {
    return Error::user(Code::NotFound, "unknown model: {}", arguments[0].get<std::string>())
        .hint("did you mean sales?");
  });
  const auto rendered = engine.render("models/a.sql", "select *\nfrom {{ ref('slaes') }}", Json::object());
  ASSERT_FALSE(rendered.ok());
  EXPECT_EQ(rendered.error().text(), "models/a.sql:2:9: unknown model: slaes");
  EXPECT_EQ(rendered.error().code(), Code::NotFound);
  EXPECT_EQ(rendered.error().hint(), "did you mean sales?");
}

TEST(Template, UndefinedVariablesAreNamedWithTheirPlace) {
  EXPECT_EQ(render("select\n  {{ params.rowz }}", json(R"({"params": {"rows": 1}})")),
            "error: models/a.sql:2:6: undefined variable: params.rowz");
  EXPECT_EQ(render("{{ nothing }}"), "error: models/a.sql:1:4: undefined variable: nothing");
  EXPECT_EQ(render("{{ nothing.at.all }}"), "error: models/a.sql:1:4: undefined variable: nothing.at");
  EXPECT_EQ(render("{% if nothing %}{% endif %}"), "error: models/a.sql:1:7: undefined variable: nothing");
  EXPECT_EQ(render("{{ nothing | default('x') }}{{ nothing is defined }}"), "xFalse");
}

TEST(Template, FirstLineMovesThePlace) {
  TemplateEngine engine;
  const auto rendered = engine.render("weir.yml", "a\n{{ b }}", Json::object(), 10);
  EXPECT_EQ(rendered.error().text(), "weir.yml:11:4: undefined variable: b");
}

TEST(Template, MacrosCallEachOtherAcrossFilesAndSeeFunctionsAndVariables) {
  TemplateEngine engine;
  engine.add_function("var", [](const Json&, const Json&) -> Result<Json> { return Json(3); });
  engine.add_variable("target", json(R"({"name": "prod"})"));
  ASSERT_TRUE(
      engine.add_macros("macros/a.sql", "{% macro outer(x) %}[{{ inner(x, y=var('n')) }}]{% endmacro %}\n").ok());
  ASSERT_TRUE(engine
                  .add_macros("macros/b.sql",
                              "\n{% macro inner(x, y=1) -%}{{ x }}/{{ y }}/{{ target.name }}/{{ this }}{%- endmacro %}")
                  .ok());
  EXPECT_EQ(render(engine, "{{ outer('a') }} {{ inner(1) }}", json(R"({"this": "t"})")), "[a/3/prod/t] 1/1/prod/t");
  EXPECT_EQ(render(engine, "{{ x }}"), "error: models/a.sql:1:4: undefined variable: x");
  EXPECT_EQ(engine.evaluate("a", "{{ inner(1) }}", json(R"({"this": "t"})")).value(), "1/1/prod/t");
}

TEST(Template, MacrosTakeACallBlock) {
  TemplateEngine engine;
  ASSERT_TRUE(engine.add_macros("macros/a.sql", "{% macro wrap() %}<{{ caller() }}>{% endmacro %}").ok());
  EXPECT_EQ(render(engine, "{% call wrap() %}x{% endcall %}"), "<x>");
}

TEST(Template, AMistakeInAMacroNamesItsFile) {
  TemplateEngine engine;
  ASSERT_TRUE(engine.add_macros("macros/a.sql", "{% macro a() %}\n{% endmacro %}\n").ok());
  ASSERT_TRUE(engine.add_macros("macros/b.sql", "\n{% macro b(x) %}\n  {{ x.y.z }}{% endmacro %}").ok());
  EXPECT_EQ(render(engine, "{{ b({}) }}"), "error: macros/b.sql:3:6: undefined variable: x.y.z");
  EXPECT_EQ(engine.add_macros("macros/c.sql", "{% macro c( %}").error().text(),
            "macros/c.sql:1:13: syntax error: unexpected `%`, expected identifier");
  EXPECT_EQ(render(engine, "{{ a() }}"), "\n");
}

TEST(Template, GenericTestsAreMacros) {
  TemplateEngine engine;
  ASSERT_TRUE(engine
                  .add_macros("tests/generic/a.sql",
                              "{% test positive(model, column) %}{{ model }}.{{ column }} <= 0{%- endtest -%}")
                  .ok());
  EXPECT_EQ(render(engine, "{{ test_positive('m', column='c') }}"), "m.c <= 0");
}

TEST(Template, ObjectsWithATextPrintAsIt) {
  const auto variables = json(R"({"this": {"__text__": "\"s\".\"t\"", "schema": "s"}})");
  EXPECT_EQ(render("{{ this }} {{ this.schema }}", variables), "\"s\".\"t\" s");
}

TEST(Template, EvaluateKeepsTypes) {
  TemplateEngine engine;
  const auto variables =
      json(R"({"params": {"rows": 1000000, "rate": 0.5, "on": true, "keys": ["a", "b"], "none": null}})");
  const auto value = [&](std::string_view text) { return engine.evaluate("f", text, variables).value(); };
  EXPECT_EQ(value("{{ params.rows }}"), Json(1000000));
  EXPECT_EQ(value(" {{- params.rows * 2 -}} "), Json(2000000));
  EXPECT_EQ(value("{{ params.rate }}"), Json(0.5));
  EXPECT_EQ(value("{{ params.on }}"), Json(true));
  EXPECT_EQ(value("{{ params.keys }}"), (Json{"a", "b"}));
  EXPECT_EQ(value("{{ params.none }}"), Json(nullptr));
  EXPECT_EQ(value("{{ params }}"), variables["params"]);
  EXPECT_EQ(value("{{ params.rows }}{{ params.rows }}"), Json("10000001000000"));
  EXPECT_EQ(value("plain"), Json("plain"));
  EXPECT_EQ(engine.evaluate("f", "{{ params.rowz }}", variables).error().text(),
            "f:1:4: undefined variable: params.rowz");
}

TEST(Template, MistakesOfSyntaxHaveAPlace) {
  EXPECT_EQ(check_syntax("a.sql", "select 1\n{% if x %}").error().text(),
            "a.sql:2:9: syntax error: unexpected end of input, expected end of block");
  EXPECT_TRUE(check_syntax("a.sql", "{% test t(model) %}{{ ref('x') }}{% endtest %}").ok());
  EXPECT_EQ(check_syntax("a.sql", "x\n  \xff").error().text(), "a.sql:2:3: not valid UTF-8");
}

TEST(Template, ChangingAListInPlaceSaysWhatToWrite) {
  EXPECT_EQ(render("{% set xs = [] %}{% do xs.append(1) %}"),
            "error: models/a.sql:1:24: unknown method: lists do not change in place, so there is no append(): write {% "
            "set list = list + "
            "[item] %}");
}

TEST(Template, FreeNamesAreWhatATemplateTakesFromOutside) {
  EXPECT_EQ(free_names("{% set a = 1 %}{{ a }} {{ params.rows }} {{ ref('x') }} {% for i in xs %}{{ i }}{% endfor %}"),
            (std::vector<std::string>{"params.rows", "ref", "xs"}));
  EXPECT_TRUE(free_names("plain").empty());
}

TEST(Template, DeepRecursionIsAnError) {
  TemplateEngine engine;
  ASSERT_TRUE(engine.add_macros("macros/a.sql", "{% macro a() %}{{ a() }}{% endmacro %}").ok());
  EXPECT_NE(render(engine, "{{ a() }}").find("recursion limit"), std::string::npos);
}

TEST(Template, AnEngineIsMadeInLessThanAMillisecond) {
  const auto begin = std::chrono::steady_clock::now();
  constexpr int kRounds = 100;
  for (int i = 0; i < kRounds; ++i) TemplateEngine engine;
  EXPECT_LT((std::chrono::steady_clock::now() - begin) / kRounds, std::chrono::milliseconds{1});
}

}  // namespace
}  // namespace weir::sql
