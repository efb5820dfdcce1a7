#include "web/open_lineage.hpp"

#include <fcntl.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "base/file.hpp"
#include "net/byte_stream.hpp"
#include "net/http_client.hpp"
#include "net/sha256.hpp"
#include "web/lineage.hpp"
#include "web/shapes.hpp"

namespace weir::web {
namespace {

constexpr std::string_view kProducer = "https://github.com/weir-data/weir";
constexpr std::string_view kRunEvent = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
constexpr std::size_t kWaitingMax = 10'000;
constexpr int kTries = 3;
constexpr std::chrono::seconds kTryAgainAfter{1};
constexpr std::chrono::seconds kLastPatience{5};

// Facets say which published shape they have.
Json facet(std::string_view name, std::string_view version, const Json& content) {
  Json facet{
      {"_producer", kProducer},
      {"_schemaURL", fmt::format("https://openlineage.io/spec/facets/{}/{}.json#/$defs/{}", version, name, name)}};
  facet.update(content);
  return facet;
}

Json dataset_json(const LineageDataset& dataset) {
  Json json{{"namespace", dataset.name_space}, {"name", dataset.name}, {"facets", Json::object()}};
  if (!dataset.fields.empty())
    json["facets"]["schema"] = facet("SchemaDatasetFacet", "1-1-1", {{"fields", dataset.fields}});
  return json;
}

Json inputs_json(const LineageFacts& facts) {
  auto list = Json::array();
  for (const auto& dataset : facts.inputs) list.push_back(dataset_json(dataset));
  return list;
}

Json outputs_json(const LineageFacts& facts) {
  auto list = Json::array();
  for (const auto& dataset : facts.outputs) {
    auto json = dataset_json(dataset);
    json["outputFacets"] = Json::object();
    if (dataset.rows_written) {
      json["outputFacets"]["outputStatistics"] =
          facet("OutputStatisticsOutputDatasetFacet", "1-0-2", {{"rowCount", *dataset.rows_written}});
    }
    list.push_back(std::move(json));
  }
  return list;
}

Json run_facets(const LineageFacts& facts, const std::string& error) {
  Json facets{{"processing_engine",
               facet("ProcessingEngineRunFacet", "1-1-1", {{"version", facts.weir_version}, {"name", "Weir"}})}};
  if (facts.interval_from && facts.interval_to) {
    facets["nominalTime"] =
        facet("NominalTimeRunFacet", "1-0-1",
              {{"nominalStartTime", to_json(facts.interval_from)}, {"nominalEndTime", to_json(facts.interval_to)}});
  }
  if (!error.empty())
    facets["errorMessage"] =
        facet("ErrorMessageRunFacet", "1-0-1", {{"message", error}, {"programmingLanguage", "SQL"}});
  return facets;
}

Json event_json(std::string_view type, Instant at, Json run, Json job) {
  return {{"eventType", type},       {"eventTime", to_json(at)}, {"run", std::move(run)}, {"job", std::move(job)},
          {"inputs", Json::array()}, {"outputs", Json::array()}, {"producer", kProducer}, {"schemaURL", kRunEvent}};
}

Json job_json(const LineageFacts& facts, const std::string& name, std::string_view type) {
  Json job{{"namespace", facts.job_namespace},
           {"name", name},
           {"facets",
            {{"jobType", facet("JobTypeJobFacet", "2-0-3",
                               {{"processingType", "BATCH"}, {"integration", "WEIR"}, {"jobType", type}})}}}};
  if (!facts.summary.empty())
    job["facets"]["documentation"] = facet("DocumentationJobFacet", "1-0-1", {{"description", facts.summary}});
  return job;
}

std::string_view type_of(ledger::AttemptState state) {
  switch (state) {
    case ledger::AttemptState::Running: return "START";
    case ledger::AttemptState::Succeeded: return "COMPLETE";
    case ledger::AttemptState::Failed:
    case ledger::AttemptState::Lost: return "FAIL";
    case ledger::AttemptState::Cancelled: return "ABORT";
    default: return {};
  }
}

std::string_view type_of(ledger::RunState state) {
  switch (state) {
    case ledger::RunState::Running: return "START";
    case ledger::RunState::Succeeded: return "COMPLETE";
    case ledger::RunState::Failed:
    case ledger::RunState::Lost: return "FAIL";
    case ledger::RunState::Cancelled: return "ABORT";
    default: return {};
  }
}

// The dataset that a step calls "warehouse.sales" or "files/a.csv", by OpenLineage's naming
// (https://openlineage.io/docs/spec/naming).
LineageDataset dataset_of(const project::Project& project, const std::string& object,
                          const std::map<std::string, flow::Connection>& connections) {
  const auto endpoint = project::parse_endpoint(project, object);
  const auto found = connections.find(endpoint.connection);
  if (endpoint.connection.empty()) return {.name_space = "file", .name = (project.folder / object).string()};
  if (found == connections.end()) return {.name_space = "weir://" + project.name, .name = object};
  const auto& values = found->second.settings.values();
  const auto text = [&](const char* key) {
    const auto value = values.find(key);
    return value != values.end() && value->is_string() ? value->get<std::string>() : std::string{};
  };
  // Credentials inside a URL stay out of names.
  auto authority = text("url");
  if (const auto scheme = authority.find("://"); scheme != std::string::npos) authority.erase(0, scheme + 3);
  const auto path_at = authority.find_first_of("/?");
  const auto path = path_at == std::string::npos ? std::string{} : authority.substr(path_at + 1);
  authority.resize(std::min(path_at, authority.size()));
  if (const auto at = authority.rfind('@'); at != std::string::npos) authority.erase(0, at + 1);
  if (authority.empty()) {
    const auto port = values.find("port");
    const auto host = text("host");
    authority = fmt::format("{}:{}", host.empty() || host.starts_with('/') ? "localhost" : host,
                            port != values.end() && port->is_number() ? to_text(*port) : "5432");
  }
  auto database = text("database");
  if (database.empty()) database = path.substr(0, path.find('?'));
  const auto relation = flow::parse_relation(endpoint.object);
  auto schema = relation.space;
  if (schema.empty() && found->second.type == "postgres") schema = text("schema").empty() ? "public" : text("schema");
  std::string name = database;
  for (const auto& part : {schema, relation.name}) {
    if (!part.empty() && part != database) name += (name.empty() ? "" : ".") + part;
  }
  return {.name_space = fmt::format("{}://{}", found->second.type, authority), .name = name};
}

class Sender {
 public:
  virtual ~Sender() = default;
  virtual Result<void> send(const std::string& event, std::stop_token stop) = 0;
};

class FileSender final : public Sender {
 public:
  explicit FileSender(Descriptor file) : file_(std::move(file)) {}
  Result<void> send(const std::string& event, std::stop_token) override {
    return write_all(file_.get(), event + "\n", "writing OpenLineage events");
  }

 private:
  Descriptor file_;
};

class HttpSender final : public Sender {
 public:
  HttpSender(std::string url, Secret api_key) : url_(std::move(url)), api_key_(std::move(api_key)) {}
  Result<void> send(const std::string& event, std::stop_token stop) override {
    net::HttpRequest request;
    request.method = "POST";
    request.url = url_;
    request.headers.add("Content-Type", "application/json");
    if (!api_key_.empty()) request.headers.add("Authorization", "Bearer " + api_key_.reveal());
    request.timeouts.silence = std::chrono::seconds(10);
    const auto [response, body] = WEIR_TRY(client_.fetch(std::move(request), event, std::move(stop)));
    if (response.status >= 200 && response.status < 300) return {};
    return Error::external(Code::Unavailable, "the OpenLineage server refuses an event: {}: {}", response.status,
                           body.substr(0, 200));
  }

 private:
  const std::string url_;
  const Secret api_key_;
  net::HttpClient client_;
};

class LineageEmitter final : public OpenLineage {
 public:
  LineageEmitter(OpenLineageTarget target, engine::Scheduler& scheduler, std::string weir_version,
                 std::unique_ptr<Sender> sender)
      : target_(std::move(target)),
        scheduler_(scheduler),
        weir_version_(std::move(weir_version)),
        sender_(std::move(sender)) {
    worker_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
  }

  ~LineageEmitter() override {
    {
      std::unique_lock lock(mutex_);
      idle_.wait_for(lock, kLastPatience, [this] { return waiting_.empty() && !busy_; });
    }
    worker_.request_stop();
    changed_.notify_all();
  }

  std::string target_text() const override { return target_.url.empty() ? target_.file.string() : target_.url; }

  void saw(const engine::FeedEvent& event) override {
    const auto* run = std::get_if<ledger::Run>(&event.what);
    const auto* attempt = std::get_if<ledger::Attempt>(&event.what);
    if ((run == nullptr || type_of(run->state).empty()) &&
        (attempt == nullptr || attempt->number == 0 || type_of(attempt->state).empty()))
      return;
    const std::lock_guard guard(mutex_);
    if (attempt != nullptr && !is_news(*attempt)) return;
    if (waiting_.size() == kWaitingMax) return;
    waiting_.push_back(event);
    changed_.notify_all();
  }

 private:
  // The feed tells of the progress of what runs as it tells of its start.
  bool is_news(const ledger::Attempt& attempt) {
    auto key = std::tuple{attempt.run, attempt.task, attempt.number};
    if (!ledger::has_ended(attempt.state)) return started_.insert(std::move(key)).second;
    started_.erase(key);
    return true;
  }

  void work(const std::stop_token& stop) {
    for (;;) {
      engine::FeedEvent event;
      {
        std::unique_lock lock(mutex_);
        if (!changed_.wait(lock, stop, [this] { return !waiting_.empty(); })) return;
        event = std::move(waiting_.front());
        waiting_.pop_front();
        busy_ = true;
      }
      deliver(event, stop);
      const std::lock_guard guard(mutex_);
      busy_ = false;
      idle_.notify_all();
    }
  }

  void deliver(const engine::FeedEvent& event, const std::stop_token& stop) {
    const auto text = to_text(make_event(event, stop));
    for (int tried = 1; !stop.stop_requested(); ++tried) {
      const auto sent = sender_->send(text, stop);
      if (sent.ok()) return;
      if (tried == kTries) {
        std::fprintf(stderr, "%s\n", fmt::format("an OpenLineage event is dropped: {}", sent.error().text()).c_str());
        return;
      }
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, stop, kTryAgainAfter * tried, [] { return false; });
    }
  }

  Json make_event(const engine::FeedEvent& event, const std::stop_token& stop) {
    const auto version = scheduler_.version();
    LineageFacts facts{.job_namespace = target_.job_namespace.empty() ? version->project.name : target_.job_namespace,
                       .weir_version = weir_version_,
                       .pipeline = event.pipeline,
                       .run = {},
                       .summary = {},
                       .interval_from = {},
                       .interval_to = {},
                       .inputs = {},
                       .outputs = {}};
    if (const auto* run = std::get_if<ledger::Run>(&event.what)) {
      facts.run = run->id.text();
      facts.interval_from = run->interval_from;
      facts.interval_to = run->interval_to;
      if (const auto* pipeline = version->project.find_pipeline(run->pipeline)) facts.summary = pipeline->description;
      return lineage_event(*run, facts);
    }
    const auto& attempt = std::get<ledger::Attempt>(event.what);
    facts.run = attempt.run.text();
    add_datasets(facts, attempt, version, stop);
    return lineage_event(attempt, facts);
  }

  void add_datasets(LineageFacts& facts, const ledger::Attempt& attempt,
                    const std::shared_ptr<const engine::ProjectVersion>& current, const std::stop_token& stop) {
    const auto& version = *current;
    if (lineage_version_ != current) {
      lineage_ = std::make_shared<const Lineage>(version);
      lineage_version_ = current;
    }
    const auto* plan = lineage_->plan(facts.pipeline);
    if (plan == nullptr) return;
    const auto step = std::ranges::find(plan->steps, attempt.task, &engine::Step::name);
    if (step == plan->steps.end()) return;
    facts.summary = step->summary;
    std::map<std::string, flow::Connection> connections;
    for (const auto& name : step->connections) {
      // The task has just used them, so nothing is started by this.
      if (auto resolved = version.connections->resolve(name, stop); resolved.ok())
        connections.emplace(name, std::move(*resolved));
    }
    const bool complete = attempt.state == ledger::AttemptState::Succeeded;
    for (const auto& object : step->reads) facts.inputs.push_back(dataset_of(version.project, object, connections));
    for (const auto& object : step->writes) {
      auto dataset = dataset_of(version.project, object, connections);
      if (complete) {
        dataset.rows_written = attempt.rows_written;
        dataset.fields = fields_of(version, object, stop);
      }
      facts.outputs.push_back(std::move(dataset));
    }
    if (!complete) return;
    for (std::size_t i = 0; i < step->reads.size(); ++i)
      facts.inputs[i].fields = fields_of(version, step->reads[i], stop);
  }

  // What the database says of a table's columns; nothing for files, or when it does not answer.
  static Json fields_of(const engine::ProjectVersion& version, const std::string& object, const std::stop_token& stop) {
    auto fields = Json::array();
    const auto endpoint = project::parse_endpoint(version.project, object);
    if (endpoint.connection.empty()) return fields;
    const auto database =
        version.connections->open_database(endpoint.connection, stop, silent_log(), flow::Rights::Read);
    if (!database.ok()) return fields;
    const auto info = (*database)->describe(flow::parse_relation(endpoint.object), stop);
    if (!info.ok() || !*info) return fields;
    for (std::size_t i = 0; i < (*info)->schema.fields.size(); ++i) {
      const auto& field = (*info)->schema.fields[i];
      fields.push_back({{"name", field.name},
                        {"type", i < (*info)->native_types.size() ? (*info)->native_types[i] : field.type.text()}});
    }
    return fields;
  }

  const OpenLineageTarget target_;
  engine::Scheduler& scheduler_;
  const std::string weir_version_;
  const std::unique_ptr<Sender> sender_;
  // Used by the worker alone; a Lineage refers to its version.
  std::shared_ptr<const engine::ProjectVersion> lineage_version_;
  std::shared_ptr<const Lineage> lineage_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::condition_variable idle_;
  std::deque<engine::FeedEvent> waiting_;
  std::set<std::tuple<RunId, std::string, int>> started_;  // attempts that have not ended
  bool busy_ = false;
  std::jthread worker_;
};

}  // namespace

std::string uuid_of(std::string_view text) {
  net::Sha256 sha;
  sha.add(net::as_bytes(text));
  auto digits = sha.finish().substr(0, 32);
  digits[12] = '8';
  // The variant: the two highest bits are 10.
  digits[16] = "89ab"[static_cast<std::size_t>(digits[16] >= 'a' ? digits[16] - 'a' + 10 : digits[16] - '0') & 3];
  return fmt::format("{}-{}-{}-{}-{}", digits.substr(0, 8), digits.substr(8, 4), digits.substr(12, 4),
                     digits.substr(16, 4), digits.substr(20));
}

Json lineage_event(const ledger::Attempt& attempt, const LineageFacts& facts) {
  const auto type = type_of(attempt.state);
  if (type.empty() || attempt.number == 0) return nullptr;
  const auto at = type == "START" ? attempt.started_at : attempt.finished_at;
  const auto error = type == "FAIL" && attempt.error.is_object() ? attempt.error.value("message", std::string{"failed"})
                                                                 : std::string{};
  Json run{{"runId", uuid_of(fmt::format("{}/{}/{}", facts.run, attempt.task, attempt.number))},
           {"facets", run_facets(facts, error)}};
  run["facets"]["parent"] = facet("ParentRunFacet", "1-0-1",
                                  {{"run", {{"runId", uuid_of(facts.run)}}},
                                   {"job", {{"namespace", facts.job_namespace}, {"name", facts.pipeline}}}});
  auto event = event_json(type, at.value_or(system_clock().now()), std::move(run),
                          job_json(facts, fmt::format("{}.{}", facts.pipeline, attempt.task), "TASK"));
  event["inputs"] = inputs_json(facts);
  event["outputs"] = outputs_json(facts);
  return event;
}

Json lineage_event(const ledger::Run& run, const LineageFacts& facts) {
  const auto type = type_of(run.state);
  if (type.empty()) return nullptr;
  const auto at = type == "START" ? run.started_at : run.finished_at;
  const auto error = type == "FAIL" ? (run.error.empty() ? std::string{"failed"} : run.error) : std::string{};
  return event_json(type, at.value_or(system_clock().now()),
                    {{"runId", uuid_of(facts.run)}, {"facets", run_facets(facts, error)}},
                    job_json(facts, facts.pipeline, "PIPELINE"));
}

Result<std::unique_ptr<OpenLineage>> OpenLineage::start(OpenLineageTarget target, engine::Scheduler& scheduler,
                                                        std::string weir_version) {
  std::unique_ptr<Sender> sender;
  if (target.url.empty()) {
    Descriptor file{::open(target.file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)};
    if (!file) return Error::from_errno(errno, fmt::format("opening file: {}", target.file.string()));
    sender = std::make_unique<FileSender>(std::move(file));
  } else {
    sender = std::make_unique<HttpSender>(target.url, target.api_key);
  }
  return std::unique_ptr<OpenLineage>(
      std::make_unique<LineageEmitter>(std::move(target), scheduler, std::move(weir_version), std::move(sender)));
}

}  // namespace weir::web
