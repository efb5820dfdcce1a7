// Reading APIs: many small pages over a local server against curl and jq, and how fast recorded JSON becomes batches.

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "base/file.hpp"
#include "connectors/http/connector.hpp"
#include "net/http_server.hpp"
#include "scenarios/parts.hpp"
#include "scenarios/timing.hpp"
#include "scenarios/workspace.hpp"

namespace weir::bench {

namespace {

constexpr int kParallel = 8;
constexpr double kDecodeGoalMb = 300;
constexpr double kMemoryLimitMb = 80;
constexpr std::uint64_t kDecodeBytes = std::uint64_t{256} << 20;

std::string item(std::uint64_t id) {
  return fmt::format(
      R"({{"id":{},"name":"item number {}","active":{},"price":{}.25,"created_at":"2026-03-01T12:45:00Z","owner":{{"id":{},"login":"user{}"}},"note":"a text of an ordinary length, as it stands in such answers"}})",
      id, id, id % 3 == 0 ? "true" : "false", id % 1000, id % 97, id % 97);
}

// A server in a process of its own, so that its work is not counted as ours.
class ItemServer {
 public:
  static Result<ItemServer> start(std::uint64_t items) {
    int pipe_ends[2];
    if (::pipe(pipe_ends) != 0) return Error::from_errno(errno, "making a pipe");
    const auto pid = ::fork();
    if (pid == 0) serve(items, pipe_ends[1]);
    ::close(pipe_ends[1]);
    int port = 0;
    const auto got = ::read(pipe_ends[0], &port, sizeof port);
    ::close(pipe_ends[0]);
    if (got != sizeof port) return Error::system(Code::Unavailable, "the benchmark's server did not start");
    return ItemServer{pid, port};
  }
  ItemServer(ItemServer&& other) noexcept : pid_(std::exchange(other.pid_, 0)), port_(other.port_) {}
  ItemServer& operator=(ItemServer&&) = delete;
  ~ItemServer() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }

 private:
  ItemServer(pid_t pid, int port) : pid_(pid), port_(port) {}

  [[noreturn]] static void serve(std::uint64_t items, int report) {
    std::string all;
    for (std::uint64_t id = 1; id <= items; ++id) all += fmt::format("{}{{\"id\":{}}}", all.empty() ? "" : ",", id);
    net::HttpServerOptions options;
    options.port = 0;
    auto server = net::HttpServer::start(options, [&all](net::IncomingRequest& request, net::ResponseWriter& response) {
      net::Headers headers;
      headers.add("Content-Type", "application/json");
      const auto body = request.path == "/items" ? "[" + all + "]"
                                                 : item(std::stoull(request.path.substr(request.path.rfind('/') + 1)));
      (void)response.send(200, headers, body);
    });
    if (!server.ok()) ::_exit(1);
    const int port = (*server)->port();
    if (::write(report, &port, sizeof port) != sizeof port) ::_exit(1);
    while (true) ::pause();
  }

  pid_t pid_;
  int port_;
};

double processor_seconds(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// All rows of a stream of a new run; what they are for does not matter.
Result<std::uint64_t> read_stream(const Setup& setup, const Json& settings, const std::string& stream,
                                  const std::string& run) {
  const auto connector = http::http_connector({});
  flow::OpenContext context{
      .connection = {.name = "api", .type = "http", .settings = with_defaults(settings, connector.settings)},
      .project_folder = setup.folder};
  context.run_folder = setup.folder / "files" / run;
  const auto source = WEIR_TRY(connector.open_source(context));
  flow::ReadRequest request;
  request.stream = stream;
  WEIR_TRY(source->describe(request, {}));
  const auto partitions = WEIR_TRY(source->partitions(request, 1, {}));
  const auto reader = WEIR_TRY(source->open(request, partitions.front(), std::nullopt, {}));
  std::uint64_t rows = 0;
  while (const auto delivery = WEIR_TRY(reader->next({}))) rows += delivery->batch.rows();
  return rows;
}

struct Cost {
  double wall = 0;
  double processor = 0;
};

Result<Cost> cost_of_ours(const Setup& setup, const std::string& url, std::uint64_t items) {
  const Json settings = {{"url", url},
                         {"concurrency", kParallel},
                         {"resources",
                          {{"ids", {{"path", "/items"}}},
                           {"items", {{"path", "/items/{parent.id}"}, {"parent", {{"resource", "ids"}}}}}}}};
  const auto before = processor_seconds(RUSAGE_SELF);
  Cost cost;
  cost.wall = WEIR_TRY(seconds_of([&]() -> Result<void> {
    const auto rows = WEIR_TRY(read_stream(setup, settings, "items", fmt::format("run-{}", before)));
    if (rows != items) return Error::bug("read {} of {} items", rows, items);
    return {};
  }));
  cost.processor = processor_seconds(RUSAGE_SELF) - before;
  return cost;
}

Result<Cost> cost_of_curl(const Setup& setup, const std::string& url, std::uint64_t items) {
  const auto before = processor_seconds(RUSAGE_CHILDREN);
  const auto script = fmt::format("curl -sS --parallel --parallel-max {} '{}/items/[1-{}]' | jq -c . > items.jsonl",
                                  kParallel, url, items);
  const auto outcome = WEIR_TRY(run({.arguments = {"bash", "-c", script}, .folder = setup.folder}));
  return Cost{outcome.seconds, processor_seconds(RUSAGE_CHILDREN) - before};
}

Result<void> write_recording(const std::filesystem::path& folder) {
  WEIR_TRY(make_folder(folder));
  std::ofstream body{folder / "items.json"};
  body << '[';
  std::uint64_t written = 0;
  for (std::uint64_t id = 0; written < kDecodeBytes; ++id) {
    const auto text = item(id);
    body << (id == 0 ? "" : ",") << text;
    written += text.size();
  }
  body << ']';
  return write_file(folder / "exchanges.jsonl",
                    "{\"url\": \"http://api.example.com/items\", \"file\": \"items.json\"}\n");
}

// What this process has occupied at most since forget_peak_memory() (proc(5): VmHWM, and 5 in clear_refs).
Result<double> peak_memory_mb() {
  const auto status = WEIR_TRY(read_file("/proc/self/status"));
  const auto at = status.find("VmHWM:");
  if (at == std::string::npos) return Error::system(Code::Unsupported, "the kernel tells no peak of memory");
  return std::stod(status.substr(at + 6)) / 1024;
}
void forget_peak_memory() { std::ofstream{"/proc/self/clear_refs"} << 5; }

}  // namespace

Result<Figures> measure_api_decode(const Setup& setup) {
  WEIR_TRY(write_recording(setup.folder / "recording"));
  const Json settings = {
      {"url", "http://api.example.com"}, {"replay", "recording"}, {"resources", {{"items", {{"path", "/items"}}}}}};
  forget_peak_memory();
  const auto seconds = WEIR_TRY(best_of(setup.repeats, [&] {
    return processor_seconds_of([&]() -> Result<void> {
      WEIR_TRY(read_stream(setup, settings, "items", "decode"));
      return {};
    });
  }));
  return Figures{{.name = "api_decode/json",
                  .ours = static_cast<double>(kDecodeBytes) / 1e6 / seconds,
                  .reference = kDecodeGoalMb,
                  .goal = 1,
                  .unit = "MB/s",
                  .origin = Reference::Stated,
                  .against = "the goal, per core: types inferred, then batches"},
                 {.name = "api_decode/memory",
                  .ours = WEIR_TRY(peak_memory_mb()),
                  .reference = kMemoryLimitMb,
                  .goal = 1,
                  .unit = "MB",
                  .better = Better::Lower,
                  .origin = Reference::Stated,
                  .against = "the limit, whatever the answer's size"}};
}

Result<Figures> measure_api_pages(const Setup& setup) {
  const auto items = std::max<std::uint64_t>(100, setup.rows / 10);
  const auto server = WEIR_TRY(ItemServer::start(items));
  Cost ours{1e9, 1e9};
  Cost curl{1e9, 1e9};
  const auto memory = [](const std::string& name, double megabytes, const std::string& size) {
    return Figure{.name = name,
                  .ours = megabytes,
                  .reference = kMemoryLimitMb,
                  .goal = 1,
                  .unit = "MB",
                  .better = Better::Lower,
                  .origin = Reference::Stated,
                  .against = "the limit, " + size + " pages"};
  };
  forget_peak_memory();
  const auto small_server = WEIR_TRY(ItemServer::start(items / 10));
  WEIR_TRY(cost_of_ours(setup, small_server.url(), items / 10));
  const auto memory_of_a_tenth = WEIR_TRY(peak_memory_mb());
  forget_peak_memory();
  for (int repeat = 0; repeat < setup.repeats; ++repeat) {
    const auto our = WEIR_TRY(cost_of_ours(setup, server.url(), items));
    const auto their = WEIR_TRY(cost_of_curl(setup, server.url(), items));
    ours = {std::min(ours.wall, our.wall), std::min(ours.processor, our.processor)};
    curl = {std::min(curl.wall, their.wall), std::min(curl.processor, their.processor)};
  }
  const auto count = static_cast<double>(items);
  return Figures{{.name = "api_pages/wall",
                  .ours = count / ours.wall,
                  .reference = count / curl.wall,
                  .goal = 0.8,
                  .unit = "pages/s",
                  .against = "curl --parallel and jq -c"},
                 {.name = "api_pages/processor",
                  .ours = ours.processor,
                  .reference = curl.processor,
                  .goal = 3,
                  .unit = "s",
                  .better = Better::Lower,
                  .against = "the same two programs' processor time"},
                 memory("api_pages/memory_of_a_tenth", memory_of_a_tenth, std::to_string(items / 10)),
                 memory("api_pages/memory", WEIR_TRY(peak_memory_mb()), std::to_string(items))};
}

std::vector<Part> http_parts() {
  return {{"api_decode", "recorded JSON to batches", measure_api_decode},
          {"api_pages", "small pages over a local server, recorded and read (needs curl and jq)", measure_api_pages},
          {"api_examples", "the examples spacex and astronauts, replayed", measure_api_examples}};
}

}  // namespace weir::bench
