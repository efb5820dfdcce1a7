#include "connectors/http/recording.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <thread>

#include "net/byte_stream.hpp"

namespace weir::http {
namespace {

constexpr auto kExchanges = "exchanges.jsonl";
constexpr auto kFetches = "fetches.jsonl";
constexpr auto kBodies = "bodies";
constexpr auto kParts = ".parts";  // bodies that are still arriving, by process

net::Hash128 hash_of(const RequestKey& request) {
  return net::city_hash_128(net::as_bytes(fmt::format("{}\n{}\n{}", request.method, request.url, request.body)));
}

RequestKey key_of(const Json& line) {
  return {line.value("method", std::string{"GET"}), line.value("url", std::string{}),
          line.value("body", std::string{})};
}

Result<Descriptor> open_file(const std::filesystem::path& path, int flags) {
  Descriptor file{::open(path.c_str(), flags | O_CLOEXEC, 0644)};
  if (!file) return Error::from_errno(errno, fmt::format("opening recording: {}", path.string()));
  return file;
}

// What a killed process was receiving is of no use to anybody.
void remove_parts_of_the_dead(const std::filesystem::path& folder) {
  std::error_code error;
  for (const auto& part : std::filesystem::directory_iterator(folder, error)) {
    const auto pid = std::atoi(part.path().filename().c_str());
    if (pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH) std::filesystem::remove(part.path(), error);
  }
}

Result<std::string> read_range(int fd, std::uint64_t begin, std::size_t size) {
  std::string text(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    const auto count = ::pread(fd, text.data() + got, size - got, static_cast<off_t>(begin + got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::from_errno(errno, "reading a recording");
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
  }
  text.resize(got);
  return text;
}

}  // namespace

BodyFile::BodyFile(std::filesystem::path folder, const Redactor* redactor, std::size_t secret_bytes_max)
    : folder_(std::move(folder)), redactor_(redactor), held_bytes_(secret_bytes_max == 0 ? 0 : secret_bytes_max - 1) {
  static std::atomic<std::uint64_t> count = 0;
  path_ = folder_ / kParts / fmt::format("{}-{}", ::getpid(), ++count);
}

BodyFile::~BodyFile() {
  if (file_) ::unlink(path_.c_str());
}

Result<void> BodyFile::put(std::string_view text) {
  if (!file_) file_ = WEIR_TRY(open_file(path_, O_WRONLY | O_CREAT | O_TRUNC));
  digest_.add(net::as_bytes(text));
  bytes_ += text.size();
  return write_all(file_.get(), text, "writing a recording");
}

Result<void> BodyFile::write(std::span<const std::byte> bytes) {
  if (redactor_ == nullptr || held_bytes_ == 0) return put(net::as_text(bytes));
  held_.append(net::as_text(bytes));
  held_ = redactor_->redact(held_);
  if (held_.size() <= held_bytes_) return {};
  const auto ready = held_.size() - held_bytes_;
  WEIR_TRY(put(std::string_view{held_}.substr(0, ready)));
  held_.erase(0, ready);
  return {};
}

Result<std::filesystem::path> BodyFile::finish(std::string_view extension) {
  WEIR_TRY(put(held_));
  held_.clear();
  auto name = std::filesystem::path{kBodies} / fmt::format("{}.{}", digest_.finish(), extension);
  if (::rename(path_.c_str(), (folder_ / name).c_str()) != 0) return Error::from_errno(errno, "keeping an answer");
  file_.reset();
  return name;
}

Result<std::unique_ptr<Recording>> Recording::open(std::filesystem::path folder, Mode mode) {
  auto recording = std::unique_ptr<Recording>(new Recording(std::move(folder)));
  const auto path = recording->folder_ / kExchanges;
  if (mode == Mode::Record) {
    WEIR_TRY(make_folder(recording->folder_ / kBodies));
    WEIR_TRY(make_folder(recording->folder_ / kParts));
    remove_parts_of_the_dead(recording->folder_ / kParts);
    recording->exchanges_ = WEIR_TRY(open_file(path, O_RDWR | O_CREAT | O_APPEND));
    return recording;
  }
  if (!std::filesystem::exists(path)) {
    return Error::user(Code::NotFound, "no recording to replay: {}", path.string())
        .hint("a run keeps one below files/<run id>/recordings");
  }
  recording->exchanges_ = WEIR_TRY(open_file(path, O_RDONLY));
  return recording;
}

// Indexes the lines that were added since, by whichever process.
Result<void> Recording::read_on() {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  while (true) {
    const auto text = WEIR_TRY(read_range(exchanges_.get(), read_bytes_, kPiece));
    std::size_t at = 0;
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', at)) {
      const auto line = parse_json(std::string_view{text}.substr(at, end - at));
      // A line that a dying process left torn is no exchange.
      if (line.ok() && line->is_object()) {
        places_[hash_of(key_of(*line))] = {read_bytes_ + at, static_cast<std::uint32_t>(end - at)};
      }
      at = end + 1;
    }
    read_bytes_ += at;
    if (text.size() < kPiece) return {};
    if (at == 0)
      return Error::user(Code::InvalidData, "a line of a recording is longer than 1 MiB: {}",
                         (folder_ / kExchanges).string());
  }
}

Result<std::optional<Exchange>> Recording::find(const RequestKey& request) {
  const std::lock_guard lock(mutex_);
  const auto hash = hash_of(request);
  auto found = places_.find(hash);
  if (found == places_.end()) {
    WEIR_TRY(read_on());
    found = places_.find(hash);
  }
  if (found == places_.end()) return std::optional<Exchange>{};
  const auto line =
      WEIR_TRY(parse_json(WEIR_TRY(read_range(exchanges_.get(), found->second.first, found->second.second))));
  Exchange exchange{
      .request = key_of(line), .status = line.value("status", 200), .headers = {}, .file = {}, .bytes = 0, .at = {}};
  const auto headers = line.value("headers", Json::object());
  for (const auto& [name, value] : headers.items()) exchange.headers.add(name, value.get<std::string>());
  exchange.file = folder_ / line.value("file", std::string{});
  exchange.at = parse_instant(line.value("at", std::string{})).value_or(Instant{});
  std::error_code error;
  exchange.bytes = std::filesystem::file_size(exchange.file, error);
  if (error || (line.contains("bytes") && line["bytes"] != exchange.bytes)) return std::optional<Exchange>{};
  return std::optional{std::move(exchange)};
}

Result<void> Recording::append(std::string_view file, const Json& line) {
  const auto target = WEIR_TRY(open_file(folder_ / file, O_RDWR | O_CREAT | O_APPEND));
  // What stands before may be torn.
  const auto size = ::lseek(target.get(), 0, SEEK_END);
  const auto last =
      size > 0 ? WEIR_TRY(read_range(target.get(), static_cast<std::uint64_t>(size) - 1, 1)) : std::string{"\n"};
  return write_all(target.get(), (last == "\n" ? "" : "\n") + to_text(line) + "\n", "writing a recording");
}

Result<void> Recording::add(const Exchange& exchange) {
  Json line = {{"at", format_instant(exchange.at)}, {"method", exchange.request.method}, {"url", exchange.request.url}};
  if (!exchange.request.body.empty()) line["body"] = exchange.request.body;
  line["status"] = exchange.status;
  Json headers = Json::object();
  for (const auto& [name, value] : exchange.headers.entries()) headers[name] = value;
  if (!headers.empty()) line["headers"] = std::move(headers);
  line["file"] = exchange.file.string();
  line["bytes"] = exchange.bytes;
  const std::lock_guard lock(mutex_);
  return append(kExchanges, line);
}

Result<void> Recording::link_body(const std::filesystem::path& file) {
  const auto target = folder_ / kBodies / file.filename();
  std::error_code error;
  if (std::filesystem::exists(target, error)) return {};
  std::filesystem::create_hard_link(file, target, error);
  if (error) std::filesystem::copy_file(file, target, std::filesystem::copy_options::overwrite_existing, error);
  if (error) return Error::from_errno(error.value(), fmt::format("keeping an answer: {}", target.string()));
  return {};
}

Result<std::optional<Json>> Recording::fetch_begin(std::string_view resource) {
  const auto path = folder_ / kFetches;
  if (!std::filesystem::exists(path)) return std::optional<Json>{};
  const auto text = WEIR_TRY(read_file(path));
  std::optional<Json> from;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = parse_json(std::string_view{text}.substr(at, end - at));
    if (line.ok() && line->is_object() && line->value("resource", std::string{}) == resource)
      from = line->value("from", Json(nullptr));
    at = end + 1;
  }
  return from;
}

Result<void> Recording::note_fetch(std::string_view resource, const Json& from) {
  const std::lock_guard lock(mutex_);
  return append(kFetches, {{"resource", resource}, {"from", from}});
}

// flock() itself knows no stop token: a thread waits for it, and gives the lock back when nobody wants it any more.
Result<Descriptor> Recording::lock(std::string_view resource, std::stop_token stop) {
  auto file = WEIR_TRY(open_file(folder_ / fmt::format(".{}.lock", resource), O_RDWR | O_CREAT));
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return file;
  struct Waiting {
    std::mutex mutex;
    std::condition_variable_any changed;
    bool done = false;
    Descriptor file;
  };
  const auto waiting = std::make_shared<Waiting>();
  waiting->file = std::move(file);
  std::thread([waiting] {
    while (::flock(waiting->file.get(), LOCK_EX) != 0 && errno == EINTR) {
    }
    const std::lock_guard guard(waiting->mutex);
    waiting->done = true;
    waiting->changed.notify_all();
  }).detach();
  std::unique_lock guard(waiting->mutex);
  if (!waiting->changed.wait(guard, stop, [&] { return waiting->done; })) return Error::cancelled();
  return std::move(waiting->file);
}

}  // namespace weir::http
