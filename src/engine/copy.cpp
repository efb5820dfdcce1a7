#include <algorithm>
#include <set>

#include "data/cast.hpp"
#include "engine/check_endpoints.hpp"
#include "engine/connections.hpp"
#include "engine/endpoint.hpp"
#include "engine/kinds.hpp"
#include "engine/run_notes.hpp"
#include "engine/stream_format.hpp"
#include "engine/stream_pattern.hpp"
#include "flow/growing_source.hpp"
#include "flow/pump.hpp"

// `copy`: one stream into one table or file, as one atomic commit; or every stream that matches a pattern, each so.
namespace weir::engine {
namespace {

constexpr auto kRequired = Need::Required;

std::vector<Setting> copy_settings() {
  const Setting text{.name = "item", .type = SettingType::Text};
  return {
      {.name = "from",
       .type = SettingType::Group,
       .doc = "What to read: connection.table, or a file's path",
       .need = kRequired,
       .fields = {{.name = "object",
                   .type = SettingType::Text,
                   .doc = "connection.table, connection.* for all that match, or a file's path",
                   .need = kRequired},
                  {.name = "query",
                   .type = SettingType::Text,
                   .doc = "The rows of this query instead of the whole table"},
                  {.name = "columns", .type = SettingType::List, .doc = "Only these columns", .fields = {text}},
                  {.name = "options",
                   .type = SettingType::Map,
                   .doc = "The connector's own read options",
                   .fields = {{.name = "value", .type = SettingType::Any}}}},
       .shorthand = Setting::Shorthand::Allowed},
      {.name = "to",
       .type = SettingType::Group,
       .doc = "Where to write: connection.table, or a file's path",
       .need = kRequired,
       .fields = {{.name = "object",
                   .type = SettingType::Text,
                   .doc = "connection.table, or a file's path",
                   .need = kRequired},
                  {.name = "options",
                   .type = SettingType::Map,
                   .doc = "The connector's own write options",
                   .fields = {{.name = "value", .type = SettingType::Any}}}},
       .shorthand = Setting::Shorthand::Allowed},
      {.name = "mode",
       .type = SettingType::Choice,
       .doc = "append adds rows, replace swaps the whole table, merge upserts by key",
       .default_value = "append",
       .choices = {"append", "replace", "merge"}},
      {.name = "key",
       .type = SettingType::List,
       .doc = "The primary key's columns",
       .fields = {text},
       .shorthand = Setting::Shorthand::Allowed},
      {.name = "indexes",
       .type = SettingType::List,
       .doc = "Column lists to index after the load",
       .fields = {{.name = "columns",
                   .type = SettingType::List,
                   .fields = {text},
                   .shorthand = Setting::Shorthand::Allowed}}},
      {.name = "add",
       .type = SettingType::Map,
       .doc = "Columns with the same value in every row: a text, or {value, type}",
       .fields = {{.name = "column",
                   .type = SettingType::Group,
                   .fields = {{.name = "value", .type = SettingType::Text, .need = kRequired},
                              {.name = "type",
                               .type = SettingType::Text,
                               .doc = "A type of docs/types.md; a date is recognised",
                               .default_value = ""}},
                   .shorthand = Setting::Shorthand::Allowed}}},
      {.name = "partitions",
       .type = SettingType::Integer,
       .doc = "Parts that are read and written side by side",
       .default_value = 2},
      {.name = "memory",
       .type = SettingType::Bytes,
       .doc = "What all batches under way may occupy together",
       .default_value = "32MiB"},
  };
}

// The type of an added column: as stated, else a date when the value looks like one, else a string.
Result<data::Type> added_type(const Settings& column) {
  const auto stated = column.text("type");
  if (stated.empty()) {
    const auto value = column.text("value");
    const bool is_date = value.size() == 10 && parse_instant(value).has_value();
    return data::type_of(is_date ? data::Kind::Date : data::Kind::String);
  }
  const auto type = data::parse_type(stated);
  if (!type) return Error::user(Code::InvalidProject, "no such type: {}", stated).hint("docs/types.md lists the types");
  return *type;
}

Result<flow::PumpPlan> pump_plan(const Settings& settings, const project::Endpoint& from, const project::Endpoint& to) {
  flow::PumpPlan plan;
  const auto read = settings.group("from");
  plan.read.stream = from.object;
  plan.read.query = read.text("query");
  plan.read.columns = read.texts("columns");
  plan.read.options = read.group("options");
  plan.write.table = to.object;
  plan.write.options = settings.group("to").group("options");
  plan.write.mode = write_mode(settings.text("mode"));
  plan.write.key = settings.texts("key");
  for (const auto& columns : settings.json("indexes")) {
    flow::Index index;
    for (const auto& column : columns) index.columns.push_back(column.get<std::string>());
    plan.write.indexes.push_back(std::move(index));
  }
  const auto& added = settings.json("add");
  for (const auto& [name, column] : added.items()) {
    const Settings description{column};
    plan.added.push_back({{name, WEIR_TRY(added_type(description)), data::Nullable::No}, description.text("value")});
  }
  plan.partitions = static_cast<int>(settings.integer("partitions"));
  plan.memory_bytes = settings.bytes("memory");
  // Batches small enough that several of every partition fit the budget, so that the stages overlap.
  plan.read.limits.batch_bytes = plan.memory_bytes / static_cast<std::uint64_t>(plan.partitions) / 4;
  return plan;
}

// A file that is read as it is, is written as it is, whatever its name ends in.
void keep_bytes(const WorkOrder& order, const project::Endpoint& from, const project::Endpoint& to,
                flow::PumpPlan& plan) {
  if (to.connection != kFilesConnection || plan.write.options.has("format")) return;
  const auto found = order.connections.find(from.connection);
  const bool is_file = from.connection == kFilesConnection;
  if (!is_file && found == order.connections.end()) return;
  if (!reads_bytes(is_file ? nullptr : &found->second.settings, from.object, plan.read.options.values())) return;
  auto options = plan.write.options.values();
  options["format"] = kBytesFormat;
  plan.write.options = Settings{std::move(options)};
}

// Columns that say which run brought a row, where the source's connection asks for them and the user adds none of the name.
void note_run(const WorkOrder& order, const std::string& connection, std::vector<flow::ConstantColumn>& added) {
  const auto found = order.connections.find(connection);
  if (found == order.connections.end() || !found->second.settings.has("note_run") ||
      !found->second.settings.flag("note_run"))
    return;
  const auto add = [&](std::string_view name, data::Type type, std::string text) {
    if (std::ranges::none_of(added, [&](const auto& column) { return column.field.name == name; }))
      added.push_back({{std::string{name}, std::move(type), data::Nullable::No}, std::move(text)});
  };
  add(kRunColumn, data::type_of(data::Kind::String), order.run.text());
  const auto began = parse_instant(order.variables.value(Json::json_pointer{"/run/started_at/text"}, std::string{}));
  if (began) add(kExtractedColumn, data::timestamp(data::TimeUnit::Micro, "UTC"), extracted_text(*began));
}

// One stream into one table, as one commit with a journal of its own.
Result<std::uint64_t> copy_stream(TaskContext& context, flow::Source& source, flow::Sink& sink,
                                  const flow::PumpPlan& plan, const std::string& from_text, const std::string& to_text,
                                  Json& output) {
  const auto journal = context.journal(to_text);
  // The counters are the task's: several streams add to them.
  const auto rows_before = context.progress().rows_written.load();
  const auto report = WEIR_TRY(flow::pump(source, sink, plan, *journal, context.progress(), context.stop())
                                   .while_doing(fmt::format("copying {} to {}", from_text, to_text)));
  if (report.outcome == flow::PumpReport::Outcome::FoundCommitted) {
    context.log().info("{} already holds commit {}: an earlier attempt brought it there; nothing was written again",
                       to_text, report.receipt.commit.text());
    context.progress().rows_written = rows_before + report.receipt.rows;
  } else {
    context.log().info("copied {} rows from {} to {}", report.receipt.rows, from_text, to_text);
  }
  output = {{"table", to_text}, {"rows", report.receipt.rows}, {"commit", report.receipt.commit.text()}};
  return report.receipt.rows;
}

// Every stream that matches, each into a table named after it ("launches.cores" → "launches__cores"), each committed on its
// own: what an earlier attempt has brought over stays. What the source had to leave out comes along. A stream may show what
// is inside it only once it was read, so the source is asked again until it names nothing new.
Result<Json> copy_matching(TaskContext& context, flow::Source& source, flow::Sink& sink, const flow::PumpPlan& plan,
                           const project::Endpoint& from, const project::Endpoint& to) {
  std::set<std::string> seen;
  std::uint64_t rows = 0;
  Json tables = Json::array();
  for (bool found = true; found;) {
    found = false;
    for (const auto& stream : WEIR_TRY(source.discover(context.stop()))) {
      if (!matches_stream(from.object, stream.name) || !seen.insert(stream.name).second) continue;
      found = true;
      auto one = plan;
      one.read.stream = stream.name;
      one.write.table = stream_target(to.object, stream.name);
      const auto journal = context.journal(fmt::format("{}.{}", to.connection, one.write.table));
      auto described = one.read;
      if (one.write.mode != flow::WriteMode::Replace) described.from = WEIR_TRY(journal->checkpoint());
      const auto known = WEIR_TRY(flow::describe_early(source, described, context.stop()));
      if (known.schema.fields.empty()) {
        context.log().warn("{}.{} has no rows and no columns yet: nothing to copy", from.connection, stream.name);
        continue;
      }
      if (is_sources_own(stream.name) && !is_sources_own(from.object)) {
        // The key and the indexes that the user states are the data's.
        one.write.key.clear();
        one.write.indexes.clear();
        if (one.write.mode == flow::WriteMode::Merge && known.key.empty()) {
          context.log().warn("{}.{} has no key to merge by and is left out: copy it on its own, with mode: replace",
                             from.connection, stream.name);
          continue;
        }
      }
      Json output;
      rows += WEIR_TRY(copy_stream(context, source, sink, one, fmt::format("{}.{}", from.connection, stream.name),
                                   fmt::format("{}.{}", to.connection, one.write.table), output));
      tables.push_back(std::move(output));
    }
  }
  if (seen.empty()) {
    return Error::user(Code::NotFound, "nothing in {} matches {}", from.connection, from.object)
        .hint("weir check --connections lists what a connection offers; * stands for any letters");
  }
  return Json{{"tables", std::move(tables)}, {"rows", rows}};
}

Result<Json> run_copy(TaskContext& context) {
  const auto& settings = context.order().settings;
  const auto from_text = settings.group("from").text("object");
  const auto to_text = settings.group("to").text("object");
  const auto from = find_endpoint(context.order(), from_text);
  const auto to = find_endpoint(context.order(), to_text);
  auto plan = WEIR_TRY(pump_plan(settings, from, to));
  keep_bytes(context.order(), from, to, plan);
  note_run(context.order(), from.connection, plan.added);
  plan.run = context.order().run.text();
  const bool is_pattern = from.connection != kFilesConnection && is_stream_pattern(from.object);
  if (is_pattern && std::ranges::count(to.object, '*') != 1) {
    return Error::user(Code::InvalidProject, "the tables of several streams need a name with one star: {}", to_text)
        .hint("write to: connection.*, or connection.crm_* for a prefix");
  }
  const auto source = WEIR_TRY(context.open_source(from.connection));
  const auto sink = WEIR_TRY(context.open_sink(to.connection));
  if (is_pattern) return copy_matching(context, *source, *sink, plan, from, to);
  Json output;
  WEIR_TRY(copy_stream(context, *source, *sink, plan, from_text, to_text, output));
  return output;
}

}  // namespace

TaskKind copy_kind() {
  return {.name = "copy",
          .summary = "Copies a table, a query's rows or a file into a table or a file, as one atomic commit",
          .settings = copy_settings(),
          .reads = {"from.object"},
          .writes = {"to.object"},
          .check = check_copy,
          .run = run_copy};
}

}  // namespace weir::engine
