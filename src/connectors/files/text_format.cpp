#include "connectors/files/text_format.hpp"

namespace weir::files {
namespace {

constexpr const char* kTypesHint = "write types: string, types: infer, or types: {column: decimal(18,2)}";

Result<char> one_byte(const Settings& options, std::string_view name, char otherwise) {
  if (!options.has(name)) return otherwise;
  const auto text = options.text(name);
  if (text == "\\t") return '\t';
  if (text.size() != 1 || text == "\n" || text == "\r" || (text[0] & 0x80) != 0) {
    return Error::user(Code::InvalidArgument, "{} must be one ASCII character: {}", name, text);
  }
  return text[0];
}

Result<TypesOption> types_option(Format format, const Json& value) {
  TypesOption option;
  // JSON says what is a number and what is text; CSV does not.
  if (format == Format::JsonLines) option.others = TypesOption::Others::Inferred;
  if (value.is_null()) return option;
  if (value == "infer" || value == "string") {
    option.others = value == "infer" ? TypesOption::Others::Inferred : TypesOption::Others::String;
    return option;
  }
  if (!value.is_object()) {
    return Error::user(Code::InvalidArgument, "types is neither string, infer nor a map: {}", to_text(value))
        .hint(kTypesHint);
  }
  for (const auto& [column, type_name] : value.items()) {
    const auto type = type_name.is_string() ? data::parse_type(type_name.get<std::string>()) : std::nullopt;
    if (!type) {
      return Error::user(Code::InvalidArgument, "unknown type of column {}: {}", column, to_text(type_name))
          .hint(kTypesHint);
    }
    option.given.emplace(column, *type);
  }
  return option;
}

std::vector<Setting> shared_settings() {
  return {
      {.name = "format",
       .type = SettingType::Choice,
       .doc = "The file's format, where its name does not end in it; bytes takes any file as it is, for another file",
       .choices = {"csv", "tsv", "jsonl", "parquet", std::string{kBytesFormat}}},
      {.name = "delimiter", .doc = "The character between two values of CSV; a comma, or a tab in TSV"},
      {.name = "quote", .doc = "The character around CSV values that hold delimiters; \"\" where nothing is quoted"},
      {.name = "header",
       .type = SettingType::Flag,
       .doc = "Whether the first line of CSV names the columns",
       .default_value = true},
      {.name = "clickhouse",
       .doc = "The ClickHouse connection that reads or writes a Parquet file; by default the project's first"},
      {.name = "null", .doc = "The unquoted text that stands for null in CSV; by default the empty one"},
  };
}

}  // namespace

std::vector<Setting> read_settings() {
  auto settings = shared_settings();
  settings.push_back({.name = "names",
                      .type = SettingType::List,
                      .doc = "The columns' names, instead of the header's",
                      .fields = {{.name = "name"}}});
  settings.push_back(
      {.name = "types",
       .type = SettingType::Any,
       .doc = "string keeps every CSV value as it is written; infer looks at the first rows; a map names the "
              "type of some columns, as in {price: decimal(18,2)}"});
  settings.push_back({.name = "on_error",
                      .type = SettingType::Choice,
                      .doc = "What a malformed row does: fail the read, or be left out with a warning",
                      .default_value = "fail",
                      .choices = {"fail", "skip"}});
  settings.push_back({.name = "sample_rows",
                      .type = SettingType::Integer,
                      .doc = "How many rows types are inferred from; 0 is the whole file",
                      .default_value = 10'000});
  return settings;
}

std::vector<Setting> write_settings() { return shared_settings(); }

Result<TextFormat> text_format(Format format, const Settings& options) {
  TextFormat result;
  result.marks.delimiter = WEIR_TRY(one_byte(options, "delimiter", format == Format::Tsv ? '\t' : ','));
  const bool is_unquoted = options.has("quote") && options.text("quote").empty();
  result.marks.quote = is_unquoted ? result.marks.delimiter : WEIR_TRY(one_byte(options, "quote", '"'));
  if (!is_unquoted && result.marks.quote == result.marks.delimiter) {
    return Error::user(Code::InvalidArgument, "quote and delimiter are the same: {}", result.marks.quote);
  }
  if (options.has("header")) result.has_header = options.flag("header");
  result.names = options.texts("names");
  result.null_text = options.text("null");
  result.types = WEIR_TRY(types_option(format, options.json("types")));
  if (options.text("on_error") == "skip") result.bad_records = BadRecords::Skip;
  if (options.has("sample_rows")) {
    if (options.integer("sample_rows") < 0) return Error::user(Code::InvalidArgument, "sample_rows is negative");
    result.sample_rows = static_cast<std::size_t>(options.integer("sample_rows"));
  }
  return result;
}

}  // namespace weir::files
