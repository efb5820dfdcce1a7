#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <set>

#include "app/parquet.hpp"
#include "app/terminal.hpp"
#include "app/verbs.hpp"
#include "app/workspace.hpp"
#include "base/file.hpp"
#include "data/text.hpp"
#include "engine/parquet.hpp"
#include "engine/quoting.hpp"

namespace weir::app {
namespace {

struct Options {
  std::string connection;
  std::string sql;
  std::string format;
  std::string environment;
  int rows_max = 100;
};

bool gives_rows(const sql::Statement& statement) {
  static const std::set<std::string> kKeywords{"SELECT",  "WITH",   "SHOW",   "DESCRIBE", "DESC",
                                               "EXPLAIN", "EXISTS", "VALUES", "TABLE"};
  return kKeywords.contains(statement.keyword);
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char letter : text) quoted += letter == '"' ? std::string{"\"\""} : std::string{letter};
  return quoted + "\"";
}

bool is_numeric(const data::Type& type) {
  return data::is_integer(type.kind) || type.kind == data::Kind::Decimal || type.kind == data::Kind::Float32 ||
         type.kind == data::Kind::Float64;
}

// A table for people; it reads at most rows_max rows and says when there are more.
Result<void> print_table(flow::Reader& reader, int rows_max) {
  std::vector<TextTable::Heading> headings;
  for (const auto& field : reader.schema()->fields) {
    headings.push_back({field.name, is_numeric(field.type) ? TextTable::Align::Right : TextTable::Align::Left});
  }
  TextTable table{headings};
  int shown = 0;
  bool more = false;
  while (auto delivery = WEIR_TRY(reader.next({}))) {
    for (std::size_t row = 0; row < delivery->batch.rows() && !more; ++row) {
      more = shown == rows_max;
      if (more) break;
      std::vector<TextTable::Cell> cells;
      for (const auto& column : delivery->batch.columns()) {
        cells.push_back(column.is_null(row) ? TextTable::Cell{"NULL", Style::Faint}
                                            : TextTable::Cell{fitted(data::value_text(column, row), 80)});
      }
      table.add(std::move(cells));
      ++shown;
    }
    if (more) break;
  }
  std::fputs(table.text(0).c_str(), stdout);
  if (more) std::printf("… more than %d rows: --limit, or --format csv for all\n", rows_max);
  return {};
}

Result<void> print_csv(flow::Reader& reader) {
  std::string out;
  for (const auto& field : reader.schema()->fields) out += (out.empty() ? "" : ",") + csv_cell(field.name);
  out += "\n";
  while (auto delivery = WEIR_TRY(reader.next({}))) {
    const auto& batch = delivery->batch;
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      for (std::size_t i = 0; i < batch.columns().size(); ++i) {
        if (i != 0) out += ',';
        if (!batch.column(i).is_null(row)) out += csv_cell(data::value_text(batch.column(i), row));
      }
      out += "\n";
    }
    std::fwrite(out.data(), 1, out.size(), stdout);
    out.clear();
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
  return {};
}

Result<void> print_json(flow::Reader& reader) {
  while (auto delivery = WEIR_TRY(reader.next({}))) {
    const auto& batch = delivery->batch;
    std::string out;
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      out += '{';
      for (std::size_t i = 0; i < batch.columns().size(); ++i) {
        if (i != 0) out += ',';
        out += to_text(Json(batch.schema()->fields[i].name)) + ':';
        if (batch.column(i).is_null(row)) {
          out += "null";
        } else {
          data::append_json(out, batch.column(i), row);
        }
      }
      out += "}\n";
    }
    std::fwrite(out.data(), 1, out.size(), stdout);
  }
  return {};
}

// A file that goes with this object.
class ScratchFile {
 public:
  explicit ScratchFile(std::filesystem::path path) : path_(std::move(path)) {}
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile() { ::unlink(path_.c_str()); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// The project's ClickHouse makes a whole file of the rows, which is then copied to the output.
Result<void> print_parquet(const Workspace& workspace, flow::Reader& reader) {
  if (is_terminal(STDOUT_FILENO)) {
    return Error::user(Code::InvalidArgument, "Parquet is not for a terminal")
        .hint("send it into a file: … --format parquet > rows.parquet");
  }
  const auto name = WEIR_TRY(engine::parquet_connection(workspace.project(), ""));
  flow::OpenContext context;
  context.connection = WEIR_TRY(workspace.connections().resolve(name, {}));
  context.project_folder = workspace.project().folder;
  WEIR_TRY(make_folder(workspace.state_folder()));
  const ScratchFile scratch{workspace.state_folder() / fmt::format("query-{}.parquet", ::getpid())};
  const auto writer = WEIR_TRY(make_parquet_codec(context)->write(scratch.path(), reader.schema(), {}));
  while (auto delivery = WEIR_TRY(reader.next({}))) WEIR_TRY(writer->write(delivery->batch, {}));
  WEIR_TRY(writer->finish({}));
  std::ifstream file{scratch.path(), std::ios::binary};
  std::array<char, 65'536> buffer{};
  while (file.read(buffer.data(), buffer.size()), file.gcount() > 0) {
    WEIR_TRY(write_all(STDOUT_FILENO, {buffer.data(), static_cast<std::size_t>(file.gcount())}, "writing the output"));
  }
  return {};
}

Result<int> query(const Options& options) {
  const auto workspace = Workspace::open(options.environment);
  if (!workspace) return kMistake;
  const auto database = WEIR_TRY(workspace->connections().open_database(options.connection, {}, silent_log()));
  const auto statements = sql::split_statements(options.sql, engine::quoting_of(database->dialect()));
  if (statements.size() != 1) {
    return Error::user(Code::InvalidArgument, "weir query takes one statement, but this has {}", statements.size());
  }
  if (!gives_rows(statements.front())) {
    const auto rows = WEIR_TRY(database->execute(statements.front().text, {}));
    std::printf("done, %s rows changed\n", with_thousands(rows).c_str());
    return kSuccess;
  }
  const auto reader = WEIR_TRY(database->select(statements.front().text, {}, {}));
  const auto format = options.format.empty() ? (is_terminal(STDOUT_FILENO) ? "table" : "csv") : options.format;
  if (format == "csv") WEIR_TRY(print_csv(*reader));
  if (format == "json") WEIR_TRY(print_json(*reader));
  if (format == "parquet") WEIR_TRY(print_parquet(*workspace, *reader));
  if (format == "table") WEIR_TRY(print_table(*reader, options.rows_max));
  return kSuccess;
}

}  // namespace

void add_query(CLI::App& app, Outcome& outcome) {
  auto options = std::make_shared<Options>();
  auto* verb = app.add_subcommand("query", "Runs SQL on any connection that takes it");
  verb->add_option("connection", options->connection, "The connection's name")->required();
  verb->add_option("sql", options->sql, "One statement")->required();
  verb->add_option("--format,-f", options->format, "table on a terminal, else csv")
      ->check(CLI::IsMember({"table", "csv", "json", "parquet"}));
  verb->add_option("--limit", options->rows_max, "How many rows a table shows")->check(CLI::PositiveNumber);
  verb->add_option("--env,-e", options->environment, "The environment of weir.yml");
  verb->footer(
      "Examples:\n  weir query warehouse \"SELECT count() FROM raw_sales\"\n  weir query shop \"SELECT * FROM "
      "sales_aggregates\" -f csv > a.csv");
  verb->callback([options, &outcome] {
    const auto done = query(*options);
    outcome.exit_code = done.ok() ? *done : report(done.error());
  });
}

}  // namespace weir::app
