#include "connectors/files/files_connector.hpp"
#include "connectors/files/json_lines_scanner.hpp"
#include "connectors/files/test_folder.hpp"

namespace weir::files {
namespace {

using Rows = std::vector<std::vector<std::string>>;

class JsonLines : public FolderTest {
 protected:
  Result<flow::Stream> describe(Json options = Json::object()) {
    return source()->describe(
        {.stream = "x.jsonl", .query = {}, .columns = {}, .options = Settings{std::move(options)}, .limits = {}}, {});
  }
  Result<Rows> read(Json options = Json::object(), std::vector<std::string> columns = {}) {
    const flow::ReadRequest request{"x.jsonl", {}, std::move(columns), Settings{std::move(options)}, {}};
    const auto files = source();
    const auto parts = WEIR_TRY(files->partitions(request, 3, {}));
    EXPECT_EQ(parts.size(), 1U);
    auto reader = WEIR_TRY(files->open(request, parts.front(), std::nullopt, {}));
    Rows rows;
    while (auto delivery = WEIR_TRY(reader->next({}))) {
      for (auto& row : rows_of(delivery->batch)) rows.push_back(std::move(row));
    }
    return rows;
  }
  std::string error_of(const std::string& text, Json options = Json::object()) {
    put("x.jsonl", text);
    const auto rows = read(std::move(options));
    return rows.ok() ? "no error" : rows.error().text();
  }

 private:
  std::unique_ptr<flow::Source> source() {
    return files_connector().open_source({.connection = {}, .project_folder = folder_}).value();
  }
};

TEST_F(JsonLines, InfersAndWidensTypes) {
  put("x.jsonl",
      "{\"i\": 1, \"f\": 1, \"b\": true, \"s\": \"x\", \"n\": {\"a\": [1, 2.50]}, \"m\": 1, \"z\": null}\n\n"
      "{\"f\": 2.5, \"i\": 9223372036854775807, \"late\": \"\\u00e9\\ud83d\\ude00\\n\", \"m\": \"two\"}\r\n");
  EXPECT_EQ(describe()->schema.text(), "i int64, f float64, b bool, s string, n json, m json, z string, late string");
  EXPECT_EQ(read().value(), (Rows{{"1", "1", "true", "x", "{\"a\": [1, 2.50]}", "1", "NULL", "NULL"},
                                  {"9223372036854775807", "2.5", "NULL", "NULL", "NULL", "\"two\"", "NULL", "é😀\n"}}));
  EXPECT_EQ(read({}, {"s", "i"}).value(), (Rows{{"x", "1"}, {"NULL", "9223372036854775807"}}));
}

TEST_F(JsonLines, TypesCanBeGiven) {
  put("x.jsonl", "{\"price\": 12345678901234567890.12, \"day\": \"2026-02-28\"}\n{}\n");
  EXPECT_EQ(read({{"types", {{"price", "decimal(38,2)"}, {"day", "date"}, {"other", "int8"}}}}).value(),
            (Rows{{"12345678901234567890.12", "2026-02-28", "NULL"}, {"NULL", "NULL", "NULL"}}));
  EXPECT_EQ(read({{"types", "string"}}).value().at(0).at(0), "12345678901234567890.12");
}

TEST_F(JsonLines, NamesTheLineOfWhatIsWrong) {
  EXPECT_EQ(error_of("{\"a\": 1}\n{\"a\": 1\n"), "x.jsonl:2: malformed JSON at byte 8: a , or } follows a value");
  EXPECT_EQ(error_of("[1]\n"), "x.jsonl:1: malformed JSON at byte 1: an object begins with {");
  EXPECT_EQ(error_of("{\"a\": 1}\n{\"a\": \"x\"}\n", {{"sample_rows", 1}}), "x.jsonl:2: column a: not a int64: x");
  EXPECT_EQ(error_of("{\"a\": 1}\n{\"b\": 1}\n", {{"sample_rows", 1}}), "x.jsonl:2: a name that no sampled row has: b");
  EXPECT_EQ(error_of("{\"a\": 1, \"a\": 2}\n"), "x.jsonl:1: a name stands twice in one object: a");
  EXPECT_EQ(error_of("{\"a\": \"\xff\"}\n"), "x.jsonl:1: byte 8 of the line is NUL or not UTF-8");
  EXPECT_EQ(error_of(""), "x.jsonl: the file is empty");
}

TEST_F(JsonLines, LeavesMalformedRowsOutWhenAsked) {
  put("x.jsonl", "{\"a\": 1, \"b\": 2}\n{\"a\": 1, \"b\": \"x\"}\nnope\n{\"a\": 3, \"b\": 4}\n");
  EXPECT_EQ(read({{"on_error", "skip"}, {"types", {{"b", "int8"}}}}).value(), (Rows{{"1", "2"}, {"3", "4"}}));
}

TEST(JsonLinesScanner, RefusesWhatIsNotJson) {
  const auto scanned = [](std::string_view line) {
    const auto result = scan_json_object(line, [](std::string_view, const JsonValue&) -> Result<void> { return {}; });
    return result.ok() ? std::string{"ok"} : result.error().message();
  };
  for (const auto* line : {"{}", " { } ", "{\"a\":-0.5e+3}", "{\"a\":[{\"b\":\"}]\"}]}", "{\"a\":\"\\\"\"}"}) {
    EXPECT_EQ(scanned(line), "ok") << line;
  }
  for (const auto* line :
       {"", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":+1}", "{\"a\":tru}",
        "{\"a\":\"x}", "{\"a\":\"\\x\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\u0000\"}", "{\"a\":[1,}", "{\"a\":[1,]}",
        "{} x", "{\"a\":\"\t\"}", "{\"a\":1 \"b\":2}"}) {
    EXPECT_TRUE(scanned(line).starts_with("malformed JSON at byte")) << line << ' ' << scanned(line);
  }
}

}  // namespace
}  // namespace weir::files
