#include "connectors/http/http_source.hpp"

#include <unistd.h>

#include <atomic>

#include "connectors/http/http_reader.hpp"
#include "documents/chosen_columns.hpp"

namespace weir::http {
namespace {

constexpr int kCheckpointVersion = 1;

// {"weir": "http", "version": 1, "cursor": {…}, "shape": {…}}
Result<Json> read_checkpoint(const std::optional<flow::Checkpoint>& checkpoint) {
  if (!checkpoint) return Json(nullptr);
  auto json = parse_json(checkpoint->text);
  const bool own = json.ok() && json->is_object() && json->value("weir", std::string{}) == "http" &&
                   json->value("version", 0) == kCheckpointVersion;
  if (!own) return Error::user(Code::InvalidData, "a checkpoint that a connection of type http did not write");
  json->erase("weir");
  json->erase("version");
  return std::move(json).value();
}

std::filesystem::path temporary_folder() {
  static std::atomic<int> count = 0;
  return std::filesystem::temp_directory_path() / fmt::format("weir-http-{}-{}", ::getpid(), ++count);
}

}  // namespace

HttpSource::HttpSource(const flow::OpenContext& context, Api api, OpenFiles open_files, Timeline& timeline)
    : context_(context),
      api_(std::make_shared<const Api>(std::move(api))),
      open_files_(std::move(open_files)),
      timeline_(timeline) {}

HttpSource::~HttpSource() {
  std::error_code error;
  if (!temporary_.empty()) std::filesystem::remove_all(temporary_, error);
}

Result<std::unique_ptr<HttpSource>> HttpSource::open(const flow::OpenContext& context, OpenFiles open_files,
                                                     Timeline& timeline) {
  auto api = WEIR_TRY(
      read_api(context.connection.settings).while_doing(fmt::format("connection {}", context.connection.name)));
  if (!api.ca_file.empty()) api.ca_file = (context.project_folder / api.ca_file).string();
  auto source = std::unique_ptr<HttpSource>(new HttpSource(context, std::move(api), std::move(open_files), timeline));
  return source;
}

Result<HttpSource::Place> HttpSource::find(const std::string& stream) const {
  const auto dot = stream.find('.');
  const auto* resource = api_->find(stream.substr(0, dot));
  if (resource == nullptr) {
    std::string known;
    for (const auto& candidate : api_->resources) known += (known.empty() ? "" : ", ") + candidate.name;
    return Error::user(Code::NotFound, "connection {} has no resource {}", context_.connection.name,
                       stream.substr(0, dot))
        .hint(fmt::format("there are: {}", known));
  }
  return Place{resource, dot == std::string::npos ? std::string{} : stream.substr(dot + 1)};
}

Result<std::shared_ptr<Fetched>> HttpSource::fetch(const Resource& resource,
                                                   const std::optional<flow::Checkpoint>& from, std::stop_token stop) {
  const auto begin = WEIR_TRY(read_checkpoint(from));
  const std::lock_guard lock(mutex_);
  const bool replays = !api_->replay.empty() || !context_.replay_folder.empty();
  if (!recording_) {
    std::filesystem::path folder;
    if (!context_.replay_folder.empty()) {
      folder = context_.replay_folder / context_.connection.name;
    } else if (replays) {
      folder = context_.project_folder / api_->replay;
    } else if (!context_.run_folder.empty()) {
      folder = context_.run_folder / "recordings" / context_.connection.name;
    } else {
      folder = temporary_ = temporary_folder();
    }
    recording_ = WEIR_TRY(Recording::open(folder, replays ? Recording::Mode::Replay : Recording::Mode::Record));
    if (replays)
      context_.log->warn("REPLAY: {} answers from the recording {}; nothing is asked of {}", context_.connection.name,
                         folder.string(), api_->url);
  }
  if (!earlier_ && !replays && api_->conditional == Api::Conditional::Yes) {
    earlier_ = WEIR_TRY(Recording::open(context_.project_folder / ".weir" / "http" / context_.connection.name,
                                        Recording::Mode::Record));
  }
  const auto name = resource.name + "\n" + (resource.cursor && !replays ? to_text(begin) : std::string{});
  if (const auto found = fetched_.find(name); found != fetched_.end()) return found->second;
  Crawler crawler{*api_,
                  *recording_,
                  earlier_.get(),
                  replays ? Network::Never : Network::Used,
                  context_.project_folder / ".weir" / "hosts",
                  timeline_,
                  *context_.log};
  auto fetched = WEIR_TRY(crawler.fetch(resource, resource.cursor ? begin : Json(nullptr), stop));
  fetched_[name] = fetched;
  latest_[resource.name] = fetched;
  return fetched;
}

Result<std::unique_ptr<flow::Source>> HttpSource::files() const {
  if (!open_files_) return Error::bug("no connector for data files");
  auto context = context_;
  // What Parquet is read with comes along with the connection, as it does for files of the project.
  Json settings = Json::object();
  if (const auto& others = context_.connection.settings.json("connections"); !others.is_null())
    settings["connections"] = others;
  context.connection = {.name = context_.connection.name, .type = "files", .settings = Settings{std::move(settings)}};
  return open_files_(context);
}

// What the files connector is asked for: the downloaded file by its path.
Result<flow::ReadRequest> HttpSource::file_request(const flow::ReadRequest& request, const Resource& resource,
                                                   std::stop_token stop) {
  const auto fetched = WEIR_TRY(fetch(resource, std::nullopt, stop));
  const auto page = WEIR_TRY(PageList::Reader{fetched->pages}.next());
  if (!page) return Error::user(Code::NotFound, "nothing came of the file {}", resource.name);
  auto forwarded = request;
  forwarded.stream = std::filesystem::absolute(*page->range.file).string();
  auto options = resource.file_options;
  options.update(request.options.values());
  options["format"] = resource.file_format;
  forwarded.options = Settings{std::move(options)};
  return forwarded;
}

Result<std::vector<flow::Stream>> HttpSource::discover(std::stop_token) {
  const std::lock_guard lock(mutex_);
  std::vector<flow::Stream> streams;
  for (const auto& resource : api_->resources) {
    const auto fetched = latest_.find(resource.name);
    if (fetched == latest_.end() || resource.format == Format::File) {
      streams.push_back({.name = resource.name, .schema = {}, .key = {}, .rows_estimate = std::nullopt});
      continue;
    }
    for (const auto& table : documents::tables_of(fetched->second->shape)) {
      if (auto stream = stream_of(resource, *fetched->second, table.path)) streams.push_back(std::move(*stream));
    }
    if (fetched->second->rejected != 0) streams.push_back(*stream_of(resource, *fetched->second, kRejects));
  }
  return streams;
}

Result<flow::Stream> HttpSource::describe(const flow::ReadRequest& request, std::stop_token stop) {
  if (!request.query.empty())
    return Error::user(Code::Unsupported, "an API takes no query: {}", context_.connection.name);
  const auto place = WEIR_TRY(find(request.stream));
  if (place.resource->format == Format::File) {
    auto stream = WEIR_TRY(WEIR_TRY(files())->describe(WEIR_TRY(file_request(request, *place.resource, stop)), stop));
    stream.name = place.resource->name;
    stream.key = place.resource->key;
    return stream;
  }
  const auto fetched = WEIR_TRY(fetch(*place.resource, request.from, stop));
  auto stream = stream_of(*place.resource, *fetched, place.inside);
  if (!stream) {
    return Error::user(Code::NotFound, "no item of {} has anything for the stream {}", place.resource->name,
                       request.stream)
        .hint("a list's stream is there once an item has had elements in it");
  }
  stream->schema = WEIR_TRY(documents::chosen_columns(std::move(stream->schema), request.columns));
  return std::move(*stream);
}

Result<std::vector<flow::Partition>> HttpSource::partitions(const flow::ReadRequest& request, int wanted,
                                                            std::stop_token stop) {
  const auto place = WEIR_TRY(find(request.stream));
  if (place.resource->format != Format::File) return std::vector<flow::Partition>{{"all"}};
  return WEIR_TRY(files())->partitions(WEIR_TRY(file_request(request, *place.resource, stop)), wanted, stop);
}

Result<std::unique_ptr<flow::Reader>> HttpSource::open(const flow::ReadRequest& request,
                                                       const flow::Partition& partition,
                                                       const std::optional<flow::Checkpoint>& from,
                                                       std::stop_token stop) {
  const auto place = WEIR_TRY(find(request.stream));
  if (place.resource->format == Format::File) {
    return WEIR_TRY(files())->open(WEIR_TRY(file_request(request, *place.resource, stop)), partition, std::nullopt,
                                   stop);
  }
  const auto fetched = WEIR_TRY(fetch(*place.resource, from, stop));
  std::optional<flow::Checkpoint> checkpoint;
  const bool replays = !api_->replay.empty() || !context_.replay_folder.empty();
  // A replay leaves no trace in what the next real run begins with.
  if (place.resource->cursor && !fetched->cursor.is_null() && !replays) {
    checkpoint = flow::Checkpoint{to_text({{"weir", "http"},
                                           {"version", kCheckpointVersion},
                                           {"cursor", fetched->cursor},
                                           {"shape", fetched->shape.to_json()}})};
  }
  return open_table(api_, *place.resource, fetched, place.inside, request, std::move(checkpoint), *context_.log);
}

}  // namespace weir::http
