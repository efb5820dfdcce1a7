#include "connectors/files/files_connector.hpp"
#include "connectors/files/test_folder.hpp"

namespace weir::files {
namespace {

using data::Kind;

class Files : public FolderTest {
 protected:
  std::unique_ptr<flow::Sink> sink(OpenParquet parquet = {}) {
    return files_connector(std::move(parquet)).open_sink({.connection = {}, .project_folder = folder_}).value();
  }
  flow::WriteRequest request(const std::string& name, Json options = Json::object()) {
    return {.table = name,
            .schema = schema_,
            .mode = flow::WriteMode::Replace,
            .key = {},
            .indexes = {},
            .options = Settings{std::move(options)}};
  }
  data::Batch batch(const std::vector<std::vector<std::string>>& rows) {
    std::vector<data::ColumnBuilder> builders;
    for (const auto& field : schema_->fields) builders.emplace_back(field.type);
    for (const auto& row : rows) {
      for (std::size_t i = 0; i < row.size(); ++i) {
        if (row[i] == "NULL") {
          builders[i].append_null();
        } else {
          EXPECT_TRUE(data::append_parsed(builders[i], row[i]).ok());
        }
      }
    }
    std::vector<data::Column> columns;
    for (auto& builder : builders) columns.push_back(builder.finish());
    return {schema_, std::move(columns), rows.size()};
  }
  Result<flow::Receipt> write(const flow::WriteRequest& request, const std::vector<std::vector<std::string>>& rows,
                              const std::string& commit) {
    const auto files = sink();
    auto load = WEIR_TRY(files->open(request, {}));
    auto writer = WEIR_TRY(load->writer({}));
    WEIR_TRY(writer->write(batch(rows), {}));
    WEIR_TRY(writer->finish({}));
    return load->commit(CommitId{commit}, {});
  }
  std::vector<std::string> entries(const std::string& folder = "") {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / folder))
      names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }

  data::SchemaPtr schema_ =
      std::make_shared<const data::Schema>(data::Schema{{{"id", data::type_of(Kind::Int64)},
                                                         {"price", data::decimal(9, 2)},
                                                         {"note, \"x\"", data::type_of(Kind::String)}}});
  const std::vector<std::vector<std::string>> rows_{
      {"1", "1.50", "a"}, {"NULL", "NULL", "NULL"}, {"-3", "0.00", ""}, {"4", "9.99", "say \"hi\",\r\nnow"}};
};

TEST_F(Files, WritesCsvThatReadsBackAsItWas) {
  const auto receipt = write(request("out/x.csv"), rows_, "c1");
  ASSERT_TRUE(receipt.ok()) << receipt.error().text();
  EXPECT_EQ(receipt->rows, 4U);
  EXPECT_EQ(get("out/x.csv"),
            "id,price,\"note, \"\"x\"\"\"\n1,1.50,a\n,,\n-3,0.00,\"\"\n4,9.99,\"say \"\"hi\"\",\r\nnow\"\n");
  EXPECT_EQ(entries("out"), (std::vector<std::string>{".x.csv.weir-commit", "x.csv"}));
}

TEST_F(Files, EveryTextFormatAndCompressionReadsBackAsItWas) {
  const auto source = files_connector().open_source({.connection = {}, .project_folder = folder_}).value();
  for (const auto* name : {"x.csv", "x.tsv", "x.jsonl", "x.csv.gz", "x.tsv.zst", "x.jsonl.gz"}) {
    ASSERT_TRUE(write(request(name), rows_, "c1").ok()) << name;
    const flow::ReadRequest read{
        name, {}, {}, Settings{Json{{"types", {{"id", "int64"}, {"price", "decimal(9,2)"}}}}}, {}};
    const auto part = source->partitions(read, 1, {})->front();
    auto reader = source->open(read, part, std::nullopt, {}).value();
    EXPECT_EQ(*reader->schema(), *schema_) << name;
    const auto delivery = reader->next({}).value();
    ASSERT_TRUE(delivery.has_value()) << name;
    EXPECT_EQ(rows_of(delivery->batch), rows_) << name;
    EXPECT_FALSE(reader->next({}).value().has_value());
  }
}

// Every byte, whatever the names end in: nothing is parsed, packed or unpacked. More than one piece, and none.
TEST_F(Files, BytesAreCopiedAsTheyAre) {
  const auto source = files_connector().open_source({.connection = {}, .project_folder = folder_}).value();
  std::string every;
  for (int i = 0; i < 2'500'000; ++i) every += static_cast<char>(i * 31 + i / 256);
  for (const auto& content : {every, std::string{}, std::string{"\x1f\x8b not gzip\r\n\0", 13}}) {
    put("from.csv.gz", content);
    const flow::ReadRequest read{"from.csv.gz", {}, {}, Settings{Json{{"format", "bytes"}}}, {}};
    auto write = request("out/to.csv.gz", {{"format", "bytes"}});
    write.schema = std::make_shared<const data::Schema>(source->describe(read, {}).value().schema);
    EXPECT_EQ(write.schema->text(), "bytes binary not null");
    const auto parts = source->partitions(read, 8, {}).value();
    ASSERT_EQ(parts.size(), 1U);
    auto reader = source->open(read, parts.front(), std::nullopt, {}).value();
    const auto files = sink();
    auto load = files->open(write, {}).value();
    auto writer = load->writer({}).value();
    while (const auto delivery = reader->next({}).value()) ASSERT_TRUE(writer->write(delivery->batch, {}).ok());
    ASSERT_TRUE(writer->finish({}).ok());
    ASSERT_TRUE(load->commit(CommitId{"c" + std::to_string(content.size())}, {}).ok());
    EXPECT_EQ(get("out/to.csv.gz") == content, true) << content.size();
    EXPECT_EQ(reader->bytes_read(), content.size());
  }
  const auto refused = sink()->open(request("out/rows.bin", {{"format", "bytes"}}), {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::Unsupported);
  EXPECT_EQ(refused.error().text(), "only a file is copied as bytes, without columns to add: out/rows.bin");
}

TEST_F(Files, OneCommitIdChangesTheFileOnce) {
  const auto target = request("x.csv");
  EXPECT_FALSE(sink()->find(target, CommitId{"c1"}, {}).value().has_value());
  ASSERT_TRUE(write(target, rows_, "c1").ok());
  EXPECT_EQ(sink()->find(target, CommitId{"c1"}, {}).value(), (flow::Receipt{CommitId{"c1"}, 4}));
  EXPECT_FALSE(sink()->find(target, CommitId{"c2"}, {}).value().has_value());
  EXPECT_EQ(write(target, {{"9", "9.00", "z"}}, "c1").value().rows, 4U);
  EXPECT_NE(get("x.csv").find("1,1.50,a"), std::string::npos);
  EXPECT_EQ(write(target, {{"9", "9.00", "z"}}, "c2").value().rows, 1U);
  EXPECT_EQ(get("x.csv"), "id,price,\"note, \"\"x\"\"\"\n9,9.00,z\n");
  EXPECT_FALSE(sink()->find(target, CommitId{"c1"}, {}).value().has_value());
}

// A process that died between the note and the rename has committed nothing.
TEST_F(Files, ANoteWithoutItsFileIsNoCommit) {
  const auto target = request("x.csv");
  ASSERT_TRUE(write(target, rows_, "c1").ok());
  const auto old = get("x.csv");
  ASSERT_TRUE(write(target, {{"9", "9.00", "z"}}, "c2").ok());
  put("other", old);
  std::filesystem::rename(folder_ / "other", folder_ / "x.csv");
  EXPECT_FALSE(sink()->find(target, CommitId{"c2"}, {}).value().has_value());
  std::filesystem::remove(folder_ / "x.csv");
  EXPECT_FALSE(sink()->find(target, CommitId{"c2"}, {}).value().has_value());
}

TEST_F(Files, WithoutCommitNothingHappens) {
  ASSERT_TRUE(write(request("x.csv"), rows_, "c1").ok());
  const auto before = get("x.csv");
  {
    const auto files = sink();
    auto load = files->open(request("x.csv"), {}).value();
    auto writer = load->writer({}).value();
    ASSERT_TRUE(writer->write(batch(rows_), {}).ok());
    EXPECT_EQ(entries().size(), 3U);
  }
  EXPECT_EQ(get("x.csv"), before);
  EXPECT_EQ(entries().size(), 2U);
  put(".x.csv.77-1.weir-staged", "left by a killed process");
  put(".y.csv.77-1.weir-staged", "of another file");
  ASSERT_TRUE(write(request("x.csv"), rows_, "c2").ok());
  EXPECT_EQ(entries(), (std::vector<std::string>{".x.csv.weir-commit", ".y.csv.77-1.weir-staged", "x.csv"}));
}

TEST_F(Files, SeveralWritersShareALoad) {
  const auto files = sink();
  auto load = files->open(request("x.csv.zst"), {}).value();
  auto one = load->writer({}).value();
  auto two = load->writer({}).value();
  ASSERT_TRUE(one->write(batch({{"1", "1.00", "a"}}), {}).ok());
  ASSERT_TRUE(two->write(batch({{"2", "2.00", "b"}}), {}).ok());
  ASSERT_TRUE(one->finish({}).ok());
  ASSERT_TRUE(two->finish({}).ok());
  EXPECT_EQ(load->commit(CommitId{"c"}, {})->rows, 2U);
}

TEST_F(Files, AppendAndMergeAreRefused) {
  auto append = request("x.csv");
  append.mode = flow::WriteMode::Append;
  EXPECT_EQ(sink()->open(append, {}).error().code(), Code::Unsupported);
  EXPECT_EQ(sink()->open(append, {}).error().text(), "a file is written as a whole: x.csv");
}

TEST_F(Files, ParquetNeedsACodecAndUsesIt) {
  EXPECT_EQ(sink()->open(request("x.parquet"), {}).error().text(), "Parquet needs a ClickHouse connection");

  // Stands for the codec of the application: notes the rows that it is given.
  class Codec final : public ParquetCodec {
   public:
    Result<data::Schema> describe(const std::filesystem::path&, std::stop_token) override { return data::Schema{}; }
    Result<std::unique_ptr<flow::Reader>> read(const std::filesystem::path&, const std::vector<std::string>&,
                                               const flow::Limits&, std::stop_token) override {
      return Error::bug("unused");
    }
    Result<std::unique_ptr<flow::Writer>> write(const std::filesystem::path& file, const data::SchemaPtr&,
                                                std::stop_token) override {
      class Writer final : public flow::Writer {
       public:
        explicit Writer(std::filesystem::path path) : path_(std::move(path)) {}
        Result<void> write(const data::Batch& batch, std::stop_token) override {
          rows_ += batch.rows();
          return {};
        }
        Result<void> finish(std::stop_token) override { return write_file(path_, fmt::format("PAR1 {}", rows_)); }

       private:
        std::filesystem::path path_;
        std::size_t rows_ = 0;
      };
      return std::make_unique<Writer>(file);
    }
  };
  std::string through;
  const auto files =
      sink([&](const flow::OpenContext&, const std::string& name) -> Result<std::shared_ptr<ParquetCodec>> {
        through = name;
        return std::make_shared<Codec>();
      });
  auto parquet = request("x.parquet");
  parquet.options = Settings{{{"clickhouse", "warehouse"}}};
  auto load = files->open(parquet, {}).value();
  EXPECT_EQ(through, "warehouse");
  auto writer = load->writer({}).value();
  ASSERT_TRUE(writer->write(batch(rows_), {}).ok());
  ASSERT_TRUE(writer->finish({}).ok());
  ASSERT_TRUE(load->commit(CommitId{"c"}, {}).ok());
  EXPECT_EQ(get("x.parquet"), "PAR1 4");
  EXPECT_TRUE(files->find(request("x.parquet"), CommitId{"c"}, {})->has_value());
}

}  // namespace
}  // namespace weir::files
