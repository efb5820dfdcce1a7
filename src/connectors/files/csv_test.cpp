#include <zlib.h>
#include <zstd.h>

#include <random>

#include "connectors/files/byte_scan.hpp"
#include "connectors/files/files_connector.hpp"
#include "connectors/files/test_folder.hpp"
#include "connectors/files/text_encoder.hpp"

namespace weir::files {
namespace {

using Rows = std::vector<std::vector<std::string>>;

class ListLog final : public Log {
 public:
  void write(LogLine line) override { lines.push_back(std::move(line.message)); }
  std::vector<std::string> lines;
};

class Csv : public FolderTest {
 protected:
  flow::ReadRequest request(const std::string& name, Json options = Json::object()) {
    return {.stream = name, .query = {}, .columns = {}, .options = Settings{std::move(options)}, .limits = {}};
  }
  std::unique_ptr<flow::Source> source() {
    return files_connector().open_source({.connection = {}, .project_folder = folder_, .log = &log_}).value();
  }
  Result<Rows> read(const flow::ReadRequest& request, int wanted_parts = 1) {
    const auto files = source();
    Rows rows;
    for (const auto& part : WEIR_TRY(files->partitions(request, wanted_parts, {}))) {
      auto reader = WEIR_TRY(files->open(request, part, std::nullopt, {}));
      while (auto delivery = WEIR_TRY(reader->next({}))) {
        EXPECT_LE(delivery->batch.rows(), request.limits.batch_rows);
        for (auto& row : rows_of(delivery->batch)) rows.push_back(std::move(row));
      }
    }
    return rows;
  }
  Result<Rows> read_text(const std::string& text, Json options = Json::object()) {
    put("x.csv", text);
    return read(request("x.csv", std::move(options)));
  }
  std::string error_of(const std::string& text, Json options = Json::object()) {
    const auto rows = read_text(text, std::move(options));
    return rows.ok() ? "no error" : rows.error().text();
  }

  ListLog log_;
};

TEST_F(Csv, ReadsValuesByRfc4180) {
  const auto rows = read_text(
      "id,name\r\n1,plain\r\n2,\"a, b\"\n3,\"said \"\"yes\"\"\"\n4,\"two\nlines\"\n5,\n6,\"\"\n7,\"\"\"\"\n\n8, x ");
  ASSERT_TRUE(rows.ok()) << rows.error().text();
  EXPECT_EQ(*rows, (Rows{{"1", "plain"},
                         {"2", "a, b"},
                         {"3", "said \"yes\""},
                         {"4", "two\nlines"},
                         {"5", "NULL"},
                         {"6", ""},
                         {"7", "\""},
                         {"8", " x "}}));
}

TEST_F(Csv, ReadsSmallFilesOfEveryShape) {
  EXPECT_EQ(read_text("a\n").value(), Rows{});
  EXPECT_EQ(read_text("a").value(), Rows{});
  EXPECT_EQ(read_text("a\n1").value(), (Rows{{"1"}}));
  EXPECT_EQ(read_text("a\n\n1\n").value(), (Rows{{"NULL"}, {"1"}}));
  EXPECT_EQ(read_text("\xef\xbb\xbf"
                      "a,b\n1,2\n")
                .value(),
            (Rows{{"1", "2"}}));
  EXPECT_EQ(read_text("a,b\n\"1\",\"2\"").value(), (Rows{{"1", "2"}}));
  EXPECT_EQ(read_text("a,b\r\n\"1\",\"2\"\r\n").value(), (Rows{{"1", "2"}}));
  EXPECT_EQ(read_text("a\n" + std::string(1'000'000, 'x')).value().at(0).at(0).size(), 1'000'000U);
  EXPECT_EQ(error_of(""), "x.csv: the file is empty: it has not even a header");
}

TEST_F(Csv, TakesOptions) {
  const Json unusual{{"delimiter", ";"}, {"quote", "'"}, {"header", false}, {"null", "\\N"}};
  EXPECT_EQ(error_of("1;'a;''b'\n2;\\N\n", unusual), "no error");
  EXPECT_EQ(read(request("x.csv", unusual)).value(), (Rows{{"1", "a;'b"}, {"2", "NULL"}}));
  EXPECT_EQ(error_of("a,b\n5\" disk,\"x\n", {{"quote", ""}}), "no error");
  EXPECT_EQ(read(request("x.csv", {{"quote", ""}})).value(), (Rows{{"5\" disk", "\"x"}}));
  auto renamed = request("x.csv", {{"names", {"p", "q"}}, {"quote", ""}});
  renamed.columns = {"q"};
  EXPECT_EQ(read(renamed).value(), (Rows{{"\"x"}}));
  put("t.tsv", "a\tb\n1\t\"x\ty\"\n");
  EXPECT_EQ(read(request("t.tsv")).value(), (Rows{{"1", "x\ty"}}));
  put("data.txt", "a,b\n1,2\n");
  EXPECT_EQ(read(request("data.txt", {{"format", "csv"}})).value(), (Rows{{"1", "2"}}));
  EXPECT_EQ(read(request("data.txt")).error().code(), Code::InvalidArgument);
  EXPECT_EQ(error_of("a\n", {{"delimiter", ",,"}}), "delimiter must be one ASCII character: ,,");
  EXPECT_EQ(error_of("a\n", {{"delimiter", "\""}}), "quote and delimiter are the same: \"");
  EXPECT_EQ(error_of("a,b\n1,2\n", {{"names", {"x"}}}), "names: 1 are given for a file of 2 columns: x.csv");
}

TEST_F(Csv, SelectsAndOrdersColumns) {
  put("x.csv", "a,b,c\n1,2,3\n");
  auto selected = request("x.csv");
  selected.columns = {"c", "a"};
  EXPECT_EQ(read(selected).value(), (Rows{{"3", "1"}}));
  EXPECT_EQ(source()->describe(selected, {})->schema.text(), "c string, a string");
  selected.columns = {"d"};
  EXPECT_EQ(read(selected).error().text(), "the file has no column: d (x.csv)");
}

TEST_F(Csv, NamesTheLineOfABadRecord) {
  EXPECT_EQ(error_of("a,b\n1,2\n3\n"), "x.csv:3: 1 value where 2 are expected");
  EXPECT_EQ(error_of("a,b\n\"1\n\n\",2\n3,4,5\n"), "x.csv:5: 3 values where 2 are expected");
  EXPECT_EQ(error_of("a,b\n1,x\"y\n3,4\n"), "x.csv:2: value 2: a quote inside a value that does not begin with one");
  EXPECT_EQ(error_of("a,b\n1,\"x\"y\n3,4\n"),
            "x.csv:2: value 2: something stands between its closing quote and the next delimiter");
  EXPECT_EQ(error_of("a,b\n1,2\n1,\"x\n3,4\n"), "x.csv:3: a quote is opened and never closed");
  EXPECT_EQ(error_of("a,b\n1,2\n1,\"x"), "x.csv:3: a quote is opened and never closed");
  EXPECT_EQ(error_of(std::string{"a,b\n1,2\n1,x"} + '\0' + "y\n"), "x.csv:3: value 2: a NUL byte");
  EXPECT_EQ(error_of("a,b\n1,\xc3\xa9\n1,\xc3\n"), "x.csv:3: value 2: byte 0xc3 is not UTF-8");
  EXPECT_EQ(error_of("a,b\n\xed\xa0\x80,2\n"), "x.csv:2: value 1: byte 0xed is not UTF-8");
  EXPECT_EQ(error_of("a,a\n"), "x.csv:1: the header names a column twice: a");
  EXPECT_EQ(error_of("a,\n"), "x.csv:1: the header leaves column 2 without a name");
  EXPECT_EQ(error_of("\xff\xfe"
                     "a\0",
                     {}),
            "x.csv:1: the file is UTF-16");
}

TEST_F(Csv, FindsABadRowAtLine700000InEveryPartition) {
  std::string text = "id,name,amount\n";
  for (int line = 2; line <= 800'000; ++line) {
    if (line == 700'000) {
      text += fmt::format("{},oops\n", line);
    } else if (line % 100'000 == 0) {
      text += fmt::format("{},\"a, \"\"b\"\"\",1.50\n", line);
    } else {
      text += fmt::format("{},name,1.50\n", line);
    }
  }
  put("x.csv", text);
  for (const int parts : {1, 2, 5}) {
    const auto rows = read(request("x.csv"), parts);
    ASSERT_FALSE(rows.ok());
    EXPECT_EQ(rows.error().text(), "x.csv:700000: 2 values where 3 are expected") << parts;
    EXPECT_EQ(rows.error().code(), Code::InvalidData);
    EXPECT_EQ(rows.error().fault(), Fault::External);
    EXPECT_EQ(rows.error().retry(), Retry::Never);
  }
}

TEST_F(Csv, PartitionsAreTheWholeFileAlsoWithLineBreaksInQuotes) {
  std::mt19937 random{7};
  std::string text = "id,text\n";
  Rows expected;
  for (int id = 0; id < 60'000; ++id) {
    std::string value;
    for (auto length = random() % 120; length > 0; --length) value += "ab,\"\n"[random() % 5];
    text += fmt::format("{},\"", id);
    for (const char c : value) text += c == '"' ? std::string{"\"\""} : std::string{c};
    text += "\"\n";
    expected.push_back({std::to_string(id), value});
  }
  put("x.csv", text);
  ASSERT_EQ(source()->partitions(request("x.csv"), 4, {})->size(), 4U);
  for (const int parts : {1, 2, 4}) {
    auto rows = read(request("x.csv"), parts);
    ASSERT_TRUE(rows.ok()) << rows.error().text();
    EXPECT_TRUE(*rows == expected) << parts;
  }
}

TEST_F(Csv, TypesAreGivenOrInferred) {
  const std::string text =
      "n,price,day,at,flag,code,note\n1,1.5,2026-02-28,2026-02-28 12:00,true,007,x\n-2,,2024-02-29,,false,12,3\n";
  put("x.csv", text);
  const auto schema = [&](Json options) {
    return source()->describe(request("x.csv", std::move(options)), {})->schema.text();
  };
  EXPECT_EQ(schema({}), "n string, price string, day string, at string, flag string, code string, note string");
  EXPECT_EQ(schema({{"types", "infer"}}),
            "n int64, price float64, day date, at timestamp(us), flag bool, code string, note string");
  EXPECT_EQ(schema({{"types", {{"price", "decimal(9,2)"}}}}),
            "n string, price decimal(9,2), day string, at string, flag string, code string, note string");
  EXPECT_EQ(read(request("x.csv", {{"types", "infer"}})).value(),
            (Rows{{"1", "1.5", "2026-02-28", "2026-02-28 12:00:00.000000", "true", "007", "x"},
                  {"-2", "NULL", "2024-02-29", "NULL", "false", "12", "3"}}));
  EXPECT_EQ(error_of("a,b\n1,2\n", {{"types", {{"c", "int8"}}}}), "types: the file has no column: c (x.csv)");
  EXPECT_EQ(error_of("a,b\n1,2\n", {{"types", {{"a", "integer"}}}}), "unknown type of column a: \"integer\"");
  EXPECT_EQ(error_of("a,b\n1,2\n3,x\n", {{"types", {{"b", "int32"}}}}), "x.csv:3: column b: not a int32: x");
  EXPECT_EQ(error_of("a,b\n1,2\n3,x\n", {{"types", "infer"}, {"sample_rows", 1}}), "x.csv:3: column b: not a int64: x");
}

TEST_F(Csv, MalformedRowsAreLeftOutOnlyWhenAskedAndAreReported) {
  const auto rows = read_text("a,b\n1,2\n3\n4,x\n5,6\n7,\"8\"9\n10,11\n\xff,1\n12,13\n",
                              {{"on_error", "skip"}, {"types", {{"b", "int32"}}}});
  ASSERT_TRUE(rows.ok()) << rows.error().text();
  EXPECT_EQ(*rows, (Rows{{"1", "2"}, {"5", "6"}, {"10", "11"}, {"12", "13"}}));
  EXPECT_EQ(log_.lines,
            std::vector<std::string>{"left out 4 malformed rows, the first: x.csv:3: 1 value where 2 are expected"});
}

TEST_F(Csv, ReadsGzipAndZstd) {
  std::string text = "a,b\n";
  for (int i = 0; i < 100'000; ++i) text += fmt::format("{},x\n", i);
  put("x.csv.gz", compress(text, Compression::Gzip) + compress("100000,y\n", Compression::Gzip));
  put("x.csv.zst", compress(text, Compression::Zstd) + compress("100000,y\n", Compression::Zstd));
  for (const auto* name : {"x.csv.gz", "x.csv.zst"}) {
    const auto rows = read(request(name), 4);
    ASSERT_TRUE(rows.ok()) << rows.error().text();
    ASSERT_EQ(rows->size(), 100'001U);
    EXPECT_EQ(rows->at(99'999), (std::vector<std::string>{"99999", "x"}));
    EXPECT_EQ(rows->at(100'000), (std::vector<std::string>{"100000", "y"}));
    put(name, get(name).substr(0, 1000));
    const auto cut = read(request(name));
    ASSERT_FALSE(cut.ok());
    EXPECT_NE(cut.error().message().find("file ends in its middle"), std::string::npos) << cut.error().message();
  }
}

TEST_F(Csv, BatchesKeepTheLimits) {
  std::string text = "a,b\n";
  for (int i = 0; i < 1000; ++i) text += fmt::format("{},x\n", i);
  put("x.csv", text);
  auto limited = request("x.csv");
  limited.limits.batch_rows = 7;
  EXPECT_EQ(read(limited)->size(), 1000U);
}

TEST_F(Csv, AFileThatChangesOrIsMissingIsRefused) {
  EXPECT_EQ(read(request("none.csv")).error().code(), Code::NotFound);
  put("x.csv", "a\n1\n");
  const auto files = source();
  const auto part = files->partitions(request("x.csv"), 1, {})->front();
  put("x.csv", "a\n1\n2\n");
  EXPECT_EQ(files->open(request("x.csv"), part, std::nullopt, {}).error().code(), Code::Conflict);
  EXPECT_EQ(files->open(request("x.csv"), part, flow::Checkpoint{"7"}, {}).error().code(), Code::Unsupported);
  std::stop_source stopped;
  stopped.request_stop();
  const auto again = files->partitions(request("x.csv"), 1, {})->front();
  auto reader = files->open(request("x.csv"), again, std::nullopt, {}).value();
  EXPECT_EQ(reader->next(stopped.get_token()).error().code(), Code::Cancelled);
}

TEST(Scan, FindsTheSameMarksAtEverySizeAndOffset) {
  std::mt19937 random{1};
  std::string text(300 + kScanPadding, 'x');
  for (std::size_t size = 0; size < 300; ++size) {
    for (std::size_t i = 0; i < size; ++i) text[i] = "abcdefgh,\"\n\0\xc3"[random() % 13];
    std::vector<std::uint32_t> expected;
    bool nul = false;
    bool non_ascii = false;
    for (std::size_t i = 0; i < size; ++i) {
      if (text[i] == ',' || text[i] == '"' || text[i] == '\n') expected.push_back(static_cast<std::uint32_t>(i));
      nul = nul || text[i] == '\0';
      non_ascii = non_ascii || text[i] == '\xc3';
    }
    ScanResult result;
    scan(text.data(), size, {',', '"'}, result);
    result.positions.resize(result.count);
    ASSERT_EQ(result.positions, expected) << size;
    ASSERT_EQ(result.has_nul, nul);
    ASSERT_EQ(result.has_non_ascii, non_ascii);
    ASSERT_EQ(
        count_byte(text.data(), size, '"'),
        static_cast<std::uint64_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size), '"')));
  }
}

}  // namespace
}  // namespace weir::files
