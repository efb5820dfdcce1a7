// MongoDB: how fast BSON becomes batches and COPY BINARY bytes, with no network; and a copy of a collection with a nested list
// against draining its raw cursor from the same server.

#include <fmt/format.h>
#include <mongoc/mongoc.h>
#include <poll.h>
#include <unistd.h>

#include "connectors/mongodb/bson_reader.hpp"
#include "connectors/mongodb/bson_shredder.hpp"
#include "connectors/mongodb/familiar.hpp"
#include "connectors/mongodb/session.hpp"
#include "connectors/postgres/copy_encoder.hpp"
#include "connectors/postgres/types.hpp"
#include "memory.hpp"
#include "scenarios/parts.hpp"
#include "scenarios/timing.hpp"
#include "scenarios/workspace.hpp"
#include "services/process.hpp"

namespace weir::bench {

namespace {

using mongodb::BsonBytes;
using mongodb::Document;

constexpr double kConvertGoalMb = 250;
constexpr double kDrainGoal = 0.7;
constexpr double kOthersGoal = 3;
constexpr double kMemoryLimitMb = 150;
// What stands in for MongoDB looks at every document for each range, and for the sample that parts them.
constexpr auto kOneRange = ", range_documents: 1000000000";
constexpr std::size_t kBatchRows = 65'536;
constexpr std::size_t kBlockRows = 1'024;
constexpr std::int64_t kFirstMoment = 1'772'369'100'250;

// A support ticket with three messages, as examples/support has them.
Document ticket(std::int64_t number) {
  bson_oid_t id;
  bson_oid_init_from_string(&id, fmt::format("{:024x}", number).c_str());
  Document document;
  bson_append_oid(document.get(), "_id", -1, &id);
  document.add("ticket_id", number)
      .add("user_id", number % 50'000)
      .add("status", number % 3 == 0 ? "open" : "resolved")
      .add("issue_type", number % 5 == 0 ? "delivery is late" : "question about a payment");
  bson_t list;
  bson_append_array_begin(document.get(), "messages", -1, &list);
  for (int i = 0; i < 3; ++i) {
    Document message;
    message.add("sender", i % 2 == 0 ? "user" : "agent")
        .add("text",
             fmt::format("message {} of ticket {}: a text of an ordinary length, as people write it", i, number))
        .add_time("at", kFirstMoment + number * 1'000 + i * 60'000);
    bson_append_document(&list, std::to_string(i).c_str(), -1, message.get());
  }
  bson_append_array_end(document.get(), &list);
  document.add_time("created_at", kFirstMoment + number * 1'000).add_time("updated_at", kFirstMoment + number * 1'001);
  return document;
}

documents::Rules ticket_rules() {
  documents::Rules rules;
  rules.name = "tickets";
  rules.key = {"_id"};
  return rules;
}

// One table's way from documents to the bytes of COPY.
class TableBytes {
 public:
  static Result<std::unique_ptr<TableBytes>> make(const documents::Shape& shape, documents::Table table) {
    std::vector<postgres::WriteColumn> columns;
    for (const auto& field : table.schema.fields) columns.push_back(postgres::new_column(field.name, field.type));
    auto encoder = WEIR_TRY(postgres::CopyEncoder::create(table.schema, columns));
    return std::unique_ptr<TableBytes>(new TableBytes(shape, std::move(table), std::move(encoder)));
  }

  Result<void> add(BsonBytes document) {
    WEIR_TRY(shredder_.add(document));
    return shredder_.rows() < kBatchRows ? Result<void>{} : flush();
  }
  Result<void> flush() {
    const auto batch = shredder_.take();
    for (std::size_t begin = 0; begin < batch.rows(); begin += kBlockRows) {
      WEIR_TRY(encoder_.append(batch, begin, std::min(kBlockRows, batch.rows() - begin), out_));
      bytes_ += out_.size();
      out_.clear();
    }
    return {};
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  TableBytes(const documents::Shape& shape, documents::Table table, postgres::CopyEncoder encoder)
      : table_(std::move(table)), shredder_(shape, table_, all_columns()), encoder_(std::move(encoder)) {}
  std::vector<std::size_t> all_columns() const {
    std::vector<std::size_t> all(table_.columns.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    return all;
  }

  const documents::Table table_;
  mongodb::BsonShredder shredder_;
  postgres::CopyEncoder encoder_;
  data::BufferBuilder out_;
  std::uint64_t bytes_ = 0;
};

// All that the connector does between the wire and COPY: checked against what is known, shredded into both tables, encoded.
Result<void> convert(const std::vector<Document>& tickets) {
  documents::Shape shape{ticket_rules()};
  auto first = mongodb::BsonValue::root(tickets.front().bytes());
  WEIR_TRY(shape.observe(first));
  mongodb::FamiliarDocuments familiar{shape, mongodb::NulText::Rejected};
  for (const auto& ticket : tickets) {
    if (!familiar.knows(ticket.bytes())) return Error::bug("a ticket is not like the first");
  }
  std::uint64_t bytes = 0;
  for (auto& table : documents::tables_of(shape)) {
    const auto to = WEIR_TRY(TableBytes::make(shape, std::move(table)));
    for (const auto& ticket : tickets) WEIR_TRY(to->add(ticket.bytes()));
    WEIR_TRY(to->flush());
    bytes += to->bytes();
  }
  return bytes == 0 ? Result<void>{Error::bug("nothing was encoded")} : Result<void>{};
}

// What stands in for MongoDB, or the server of WEIR_TEST_MONGODB_URL.
struct Server {
  std::string url;
  std::optional<services::Process> process;
};

Result<Server> start_server(const Setup& setup) {
  if (const char* url = std::getenv("WEIR_TEST_MONGODB_URL"); url != nullptr && *url != '\0') return Server{url, {}};
  services::ProcessSpec spec;
  spec.program = setup.source / "tools/mongodb/serve";
  // A million documents are 5 GB there; with less room it is its garbage collection that would be measured.
  spec.environment = {{"JAVA_TOOL_OPTIONS", "-Xms10g -Xmx10g -Xmn3g"}};
  spec.stderr_fd = STDERR_FILENO;
  auto started = WEIR_TRY(start(std::move(spec)));
  return Server{std::move(started.line), std::move(started.process)};
}

Result<void> insert_tickets(mongodb::Session& session, std::uint64_t count) {
  const auto collection = mongodb::collection_of(session, "tickets");
  constexpr std::uint64_t kAtOnce = 5'000;
  for (std::uint64_t begin = 0; begin < count; begin += kAtOnce) {
    auto* bulk = mongoc_collection_create_bulk_operation_with_opts(collection.get(), nullptr);
    for (auto i = begin; i < std::min(count, begin + kAtOnce); ++i)
      mongoc_bulk_operation_insert(bulk, ticket(static_cast<std::int64_t>(i)).get());
    bson_error_t error;
    const bool good = mongoc_bulk_operation_execute(bulk, nullptr, &error) != 0;
    mongoc_bulk_operation_destroy(bulk);
    if (!good) return Error::external(Code::Unavailable, "inserting tickets: {}", error.message);
  }
  return {};
}

Result<void> drain(mongodb::Session& session, std::uint64_t expected) {
  auto cursor = WEIR_TRY(session.find("tickets", {}, Document{}.add("batchSize", 4'000), {}));
  std::uint64_t count = 0;
  while (WEIR_TRY(cursor.next({}))) ++count;
  return count == expected ? Result<void>{} : Result<void>{Error::bug("drained {} of {}", count, expected)};
}

// What bench/pymongo/run.sh says that another program's copy took: documents a second.
Result<double> rate_of_other(const Setup& setup, const Workspace& workspace, const std::string& url,
                             const std::string& tool) {
  const Program program{
      .arguments = {setup.source / "bench/pymongo/run.sh", tool, url, workspace.folder() / ".weir/services"},
      .folder = setup.folder};
  const auto said = WEIR_TRY(parse_json(WEIR_TRY(run(program)).output));
  const auto rows = said.value("rows", std::vector<std::uint64_t>{0});
  if (rows.front() != setup.rows) return Error::bug("{} copied {} documents of {}", tool, rows.front(), setup.rows);
  return static_cast<double>(setup.rows) / said.value("seconds", 0.0);
}

// Another program that fails costs this figure alone, which then does not hold.
Figure against_other(const Setup& setup, const Workspace& workspace, const std::string& url, const std::string& tool,
                     double our_rate, std::string against) {
  const auto rate = rate_of_other(setup, workspace, url, tool);
  return {.name = "mongo/" + tool,
          .ours = our_rate,
          .reference = rate ? *rate : 0,
          .goal = kOthersGoal,
          .unit = "documents/s",
          .against = rate ? std::move(against) : fmt::format("not measured: {}", rate.error().message())};
}

}  // namespace

Result<Figures> measure_bson(const Setup& setup) {
  std::vector<Document> tickets;
  std::uint64_t bytes = 0;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(setup.rows, 200'000); ++i) {
    tickets.push_back(ticket(static_cast<std::int64_t>(i)));
    bytes += tickets.back().bytes().size();
  }
  const auto seconds =
      WEIR_TRY(best_of(setup.repeats, [&] { return processor_seconds_of([&] { return convert(tickets); }); }));
  return Figures{{.name = "bson/convert",
                  .ours = static_cast<double>(bytes) / 1e6 / seconds,
                  .reference = kConvertGoalMb,
                  .goal = 1,
                  .unit = "MB/s",
                  .origin = Reference::Stated,
                  .against = "the goal, per core: BSON to COPY BINARY, two tables"}};
}

Result<Figures> measure_mongo(const Setup& setup) {
  const auto server = WEIR_TRY(start_server(setup));
  const auto url = server.url + "/bench";
  const auto session = WEIR_TRY(mongodb::Session::open(WEIR_TRY(mongodb::address_from(Settings{Json{{"url", url}}}))));
  WEIR_TRY(insert_tickets(*session, setup.rows));
  const auto drained =
      WEIR_TRY(best_of(setup.repeats, [&] { return seconds_of([&] { return drain(*session, setup.rows); }); }));
  const auto workspace = WEIR_TRY(
      Workspace::make(setup, "mongo",
                      {{"weir.yml", fmt::format("name: mongo\nconnections:\n  shop: {{type: postgres, managed: true}}\n"
                                                "  mongo: {{type: mongodb, url: \"{}\"{}}}\n",
                                                url, server.process ? kOneRange : "")},
                       {"pipelines/load.yml",
                        "name: load\ntasks:\n  all: {copy: {from: \"mongo.*\", to: \"shop.*\", mode: replace}}\n"}}));
  MemoryWatch memory{setup.weir()};
  const auto copied = WEIR_TRY(run_best(workspace.weir({"run", "load"}), setup.repeats));
  const double rate = static_cast<double>(setup.rows) / copied.seconds;
  Figures figures{{.name = "mongo/copy",
                   .ours = rate,
                   .reference = static_cast<double>(setup.rows) / drained,
                   .goal = kDrainGoal,
                   .unit = "documents/s",
                   .against = "draining the raw cursor; ours fills two tables of PostgreSQL, and is the whole run"},
                  {.name = "mongo/memory",
                   .ours = static_cast<double>(memory.peak_bytes()) / 1e6,
                   .reference = kMemoryLimitMb,
                   .unit = "MB",
                   .better = Better::Lower,
                   .origin = Reference::Stated,
                   .against = "the limit, Weir's own processes"}};
  if (!setup.with_pymongo) return figures;
  figures.push_back(against_other(setup, workspace, url, "pymongo", rate,
                                  "the same copy by pymongo 4.15 and psycopg 3.3, COPY into two tables"));
  figures.push_back(against_other(setup, workspace, url, "sling", rate,
                                  "sling 1.4.11: one table of json, for it makes none of lists"));
  return figures;
}

std::vector<Part> mongo_parts() {
  return {{"bson", "BSON becomes batches and COPY BINARY bytes, against the goal", measure_bson},
          {"mongo_copy", "a collection and its lists into PostgreSQL, against draining the cursor", measure_mongo}};
}

}  // namespace weir::bench
