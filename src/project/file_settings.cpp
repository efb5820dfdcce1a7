#include "project/file_settings.hpp"

namespace weir::project {
namespace {

using enum SettingType;
constexpr auto kShorthand = Setting::Shorthand::Allowed;

Setting text(std::string name, std::string doc, Need need = Need::Optional) {
  return {.name = std::move(name), .type = Text, .doc = std::move(doc), .need = need};
}

Setting any(std::string name, std::string doc) { return {.name = std::move(name), .type = Any, .doc = std::move(doc)}; }

Setting list_of(std::string name, std::string doc, Setting element) {
  return {.name = std::move(name),
          .type = List,
          .doc = std::move(doc),
          .fields = {std::move(element)},
          .shorthand = kShorthand};
}

Setting open_map(std::string name, std::string doc, Need need = Need::Optional) {
  return {.name = std::move(name), .type = Map, .doc = std::move(doc), .need = need, .fields = {any("", "any value")}};
}

Setting retry() {
  return {
      .name = "retry",
      .type = Group,
      .doc = "how a failed attempt is repeated; a single number is the attempts",
      .fields = {{.name = "attempts", .type = Integer, .doc = "how often a task is tried, the first time included"},
                 {.name = "delay", .type = Duration, .doc = "before the second attempt"},
                 {.name = "backoff",
                  .type = Choice,
                  .doc = "whether the delay doubles with each attempt",
                  .choices = {"exponential", "fixed"}},
                 {.name = "max_delay", .type = Duration, .doc = "the longest delay"},
                 {.name = "jitter", .type = Number, .doc = "each delay varies at random by this part of it, 0 to 1"}},
      .shorthand = kShorthand};
}

Setting timeout() { return {.name = "timeout", .type = Duration, .doc = "how long one attempt of a task may take"}; }

Setting parallel() { return {.name = "parallel", .type = Integer, .doc = "how many tasks run at once, 4 by default"}; }

Setting choice(std::string name, std::string doc, std::vector<std::string> choices, Json default_value = nullptr) {
  return {.name = std::move(name),
          .type = Choice,
          .doc = std::move(doc),
          .default_value = std::move(default_value),
          .choices = std::move(choices)};
}

Setting schedule() {
  Setting one{
      .name = "schedule",
      .type = Group,
      .fields =
          {text("cron", "five fields, or six with seconds first, or @daily and the like"),
           {.name = "every", .type = Duration, .doc = "an interval, such as 15m, instead of cron"},
           {.name = "timezone", .type = Text, .doc = "an IANA name such as Europe/Moscow", .default_value = "UTC"},
           choice("gap", "a local time that a clock change skips: run at the change, or skip it", {"run", "skip"}),
           choice("overlap", "a local time that a clock change repeats: run the first time, or both",
                  {"first", "both"}),
           choice("catchup", "which fires that were missed while Weir was down run later",
                  {"none", "last", "all", "false", "true"}, "none"),
           {.name = "catchup_limit",
            .type = Integer,
            .doc = "how many missed fires run later at most, the newest ones",
            .default_value = 100}},
      .shorthand = kShorthand};
  return list_of("schedule", "when the pipeline starts by itself: one schedule or a list", std::move(one));
}

Setting after() {
  const auto sources = [](std::string name, std::string doc) {
    return list_of(std::move(name), std::move(doc), text("", "a pipeline, or a table as connection.table"));
  };
  return {.name = "after",
          .type = Group,
          .doc = "the pipelines and tables after whose success, or writing, the pipeline starts",
          .fields = {sources("all", "when each of them has something new"),
                     sources("any", "when one of them has something new"),
                     choice("batch", "whether a run takes everything that is new, or there is a run for each",
                            {"together", "one_by_one"}, "together")},
          .shorthand = kShorthand};
}

Setting hooks() {
  return list_of(
      "hooks", "who is told of what happens to runs",
      {.name = "hook",
       .type = Group,
       .fields = {list_of("on", "what is told",
                          choice("", "what is told", {"success", "failure", "retry", "deadline", "recovery", "queue"})),
                  text("webhook", "a URL that gets a POST with JSON"),
                  choice("format", "what a webhook gets", {"json", "slack"}, "json"),
                  list_of("email", "addresses that get a mail", text("", "an address")),
                  list_of("command", "a program and its arguments, or a shell command; it reads JSON",
                          text("", "an argument"))}});
}

Setting tests(std::string name) {
  return list_of(std::move(name), "unique, not_null, accepted_values, relationships, or a test of your own",
                 any("", "a test"));
}

Setting columns() {
  return list_of("columns", "the columns, with their descriptions and tests",
                 {.name = "column",
                  .type = Group,
                  .fields = {text("name", "the column's name", Need::Required),
                             text("description", "what it holds"),
                             text("data_type", "its type in the database"),
                             tests("tests"),
                             tests("data_tests"),
                             any("constraints", "rules that the database enforces"),
                             any("config", "settings of the column"),
                             any("meta", "anything for your own tools"),
                             any("tags", "words to select it by"),
                             {.name = "quote", .type = Flag, .doc = "whether its name needs quotes"}}});
}

// What dbt allows on every described thing.
std::vector<Setting> described(std::string_view what, std::vector<Setting> further) {
  std::vector<Setting> settings{text("name", fmt::format("the {}'s name", what), Need::Required),
                                text("description", "what it holds"),
                                any("config", "settings, as config() takes them"),
                                any("meta", "anything for your own tools"),
                                any("docs", "how it is shown"),
                                any("tags", "words to select it by")};
  for (auto& setting : further) settings.push_back(std::move(setting));
  return settings;
}

Setting records(std::string name, std::string_view what, std::vector<Setting> further) {
  return list_of(std::move(name), fmt::format("{}s and what is known of them", what),
                 {.name = std::string{what}, .type = Group, .fields = described(what, std::move(further))});
}

}  // namespace

const std::vector<Setting>& weir_settings() {
  static const std::vector<Setting> kSettings{
      text("name", "the project's name", Need::Required),
      text("description", "what the project is for"),
      open_map("connections", "the systems that the project reads and writes, by name"),
      open_map("environments", "other places to run in, such as prod: each says what is different about connections"),
      open_map("vars", "values that var() gives"),
      any("models", "settings of models by folder, as in dbt_project.yml"),
      {.name = "dbt",
       .type = Group,
       .doc = "the dbt project that the models come from; its dbt_project.yml says what weir.yml leaves out",
       .fields = {text("project", "the folder of its dbt_project.yml", Need::Required)},
       .shorthand = kShorthand},
      {.name = "defaults",
       .type = Group,
       .doc = "what pipelines and tasks take where they say nothing",
       .fields = {retry(), timeout(), parallel(), text("models", "the connection on which models run")}},
      {.name = "pools",
       .type = Map,
       .doc = "how many attempts run at once of the tasks that name the pool",
       .fields = {{.name = "", .type = Integer, .doc = "its slots"}}},
      hooks(),
      {.name = "smtp",
       .type = Group,
       .doc = "the server that sends the mails of hooks",
       .fields = {text("url", "smtp://host:25, or smtps://host:465", Need::Required),
                  text("from", "the sender's address", Need::Required),
                  text("user", "who signs in"),
                  {.name = "password", .type = Text, .doc = "the user's password", .secrecy = Secrecy::Secret}}},
      {.name = "files",
       .type = Group,
       .doc = "the files that runs leave below files/",
       .fields = {{.name = "retention", .type = Duration, .doc = "how long the files of a run are kept"}}}};
  return kSettings;
}

const std::vector<Setting>& dbt_project_settings() {
  static const std::vector<Setting> kSettings = [] {
    const auto paths = [](std::string name, std::string doc) {
      return list_of(std::move(name), std::move(doc), text("", "a folder"));
    };
    std::vector<Setting> known{text("name", "the dbt project's name, by which ref() knows it", Need::Required),
                               paths("model-paths", "the folders of models"),
                               paths("test-paths", "the folders of singular tests"),
                               paths("macro-paths", "the folders of macros"),
                               paths("seed-paths", "the folders of seeds"),
                               paths("snapshot-paths", "the folders of snapshots"),
                               any("vars", "values that var() gives"),
                               any("models", "settings of models by folder"),
                               any("seeds", "settings of seeds by folder"),
                               any("on-run-start", "SQL before everything"),
                               any("on-run-end", "SQL after everything"),
                               any("dispatch", "in which packages macros are looked for")};
    // What concerns dbt alone, or says nothing of models, tests, macros and seeds.
    for (const auto* name : {"version",        "config-version", "profile",         "require-dbt-version",
                             "analysis-paths", "asset-paths",    "docs-paths",      "function-paths",
                             "target-path",    "log-path",       "clean-targets",   "packages-install-path",
                             "query-comment",  "quoting",        "flags",           "tests",
                             "data_tests",     "unit_tests",     "unit-tests",      "snapshots",
                             "sources",        "exposures",      "metrics",         "semantic-models",
                             "saved-queries",  "functions",      "restrict-access", "dbt-cloud",
                             "anchors"}) {
      known.push_back(any(name, "for dbt alone"));
    }
    return known;
  }();
  return kSettings;
}

const std::vector<Setting>& connection_settings() {
  static const std::vector<Setting> kSettings{
      text("type", "the kind of system", Need::Required),
      {.name = "managed", .type = Flag, .doc = "whether Weir runs the server itself"}};
  return kSettings;
}

const std::vector<Setting>& environment_settings() {
  static const std::vector<Setting> kSettings{
      open_map("connections",
               "what is different about connections of the same name: keys replace keys, null takes one away; with a "
               "type it is another one"),
      open_map("vars", "values that replace those of the same name")};
  return kSettings;
}

const std::vector<Setting>& pipeline_settings() {
  static const std::vector<Setting> kSettings{
      text("name", "the pipeline's name; by default that of the file"),
      text("description", "what the pipeline does"),
      list_of("tags", "words to find it by", text("", "a word")),
      schedule(),
      after(),
      {.name = "concurrency", .type = Integer, .doc = "how many of its runs go on at once", .default_value = 1},
      {.name = "run_timeout", .type = Duration, .doc = "how long a run may take"},
      {.name = "deadline", .type = Duration, .doc = "how long after its creation a run should have succeeded"},
      {.name = "queue_warning", .type = Duration, .doc = "how long a task may wait for a slot before hooks are told"},
      {.name = "priority", .type = Integer, .doc = "of its tasks, where slots are scarce: the higher, the sooner"},
      hooks(),
      open_map("params",
               "parameters and their defaults, each written as it is or as {default: …, description: …}; "
               "--param name=value overrides one"),
      retry(),
      timeout(),
      parallel(),
      open_map("tasks", "the tasks by name", Need::Required)};
  return kSettings;
}

const std::vector<Setting>& task_settings() {
  static const std::vector<Setting> kSettings{
      list_of("needs", "the tasks that must succeed before", text("", "a task's name")),
      retry(),
      timeout(),
      text("description", "what the task does"),
      choice("run_if", "which ends of the tasks that it needs let it run",
             {"all_succeeded", "all_ended", "any_succeeded", "any_failed", "none_failed"}, "all_succeeded"),
      text("when", "a condition, as a template: without it the task is skipped"),
      any("for_each", "a list, or a template that gives one: an attempt for each item, which templates see as item"),
      {.name = "concurrency", .type = Integer, .doc = "how many attempts of the task run at once, over all runs"},
      list_of("writes", "the tables that it writes, where Weir cannot tell: those of sql and command",
              text("", "a table, as connection.table")),
      text("pool", "the pool of weir.yml whose slots it takes"),
      {.name = "priority", .type = Integer, .doc = "where slots are scarce: the higher, the sooner"}};
  return kSettings;
}

const std::vector<Setting>& properties_settings() {
  static const std::vector<Setting> kSettings{
      {.name = "version", .type = Integer, .doc = "2, as in dbt"},
      records("models", "model",
              {columns(), tests("tests"), tests("data_tests"), any("constraints", "rules that the database enforces"),
               any("access", "who may refer to it"), any("group", "the group that owns it"),
               any("latest_version", "the version that ref() gives"), any("versions", "versions of the model"),
               any("deprecation_date", "when it goes away"), any("time_spine", "for metrics"),
               text("connection", "the connection on which it runs")}),
      records(
          "sources", "source",
          {text("schema", "the schema or database of its tables; by default its name"),
           text("database", "the database above the schema"), text("connection", "the connection that has it"),
           any("loader", "what loads it"), any("loaded_at_field", "the column that tells when a row came"),
           any("loaded_at_query", "SQL that tells when the newest row came"),
           any("freshness", "how old the newest row may be"), any("quoting", "which names are quoted"),
           any("overrides", "the package whose source this replaces"), any("tests", "tests of the source"),
           list_of("tables", "its tables",
                   {.name = "table",
                    .type = Group,
                    .fields = described(
                        "table", {text("identifier", "its name in the database, where it differs"), columns(),
                                  tests("tests"), tests("data_tests"), any("loader", "what loads it"),
                                  any("loaded_at_field", "the column that tells when a row came"),
                                  any("loaded_at_query", "SQL that tells when the newest row came"),
                                  any("freshness", "how old the newest row may be"),
                                  any("quoting", "which names are quoted"), any("external", "an external table")})})}),
      records("seeds", "seed",
              {columns(), tests("tests"), tests("data_tests"), text("connection", "the connection on which it lies")}),
      any("snapshots", "tables that keep history"),
      any("macros", "macros and their arguments"),
      any("exposures", "what depends on the models outside"),
      any("data_tests", "singular tests and what is known of them"),
      any("unit_tests", "tests of a model's logic"),
      any("groups", "owners"),
      any("metrics", "figures defined once"),
      any("semantic_models", "models for metrics"),
      any("saved_queries", "queries of metrics"),
      any("analyses", "queries that are only compiled"),
      any("anchors", "shared parts for aliases")};
  return kSettings;
}

}  // namespace weir::project
