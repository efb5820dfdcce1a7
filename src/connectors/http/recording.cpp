#include "connectors/http/recording.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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
constexpr auto kPackExtension = ".pack";
constexpr auto kParts = ".parts";  // bodies that are still arriving, by process
// A file of its own costs more than a small body's whole way through Weir.
constexpr std::size_t kSmallBytes = std::size_t{32} << 10;

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

bool Body::same_as(const Body& other) const {
  if (!sha256.empty() && !other.sha256.empty()) return sha256 == other.sha256;
  return file == other.file && begin == other.begin;
}

Result<std::string> read_body(const Body& body, std::size_t bytes_max) {
  const auto file = WEIR_TRY(open_file(body.file, O_RDONLY));
  return read_range(file.get(), body.begin, std::min<std::uint64_t>(body.bytes, bytes_max));
}

BodyFile::BodyFile(Recording& recording, Place place, const Redactor* redactor, std::size_t secret_bytes_max)
    : recording_(recording),
      place_(place),
      redactor_(redactor),
      held_bytes_(secret_bytes_max == 0 ? 0 : secret_bytes_max - 1) {}

BodyFile::~BodyFile() {
  if (file_) ::unlink(path_.c_str());
}

Result<void> BodyFile::put(std::string_view text) {
  digest_.add(net::as_bytes(text));
  bytes_ += text.size();
  if (!file_) {
    small_.append(text);
    if (small_.size() <= kSmallBytes) return {};
    static std::atomic<std::uint64_t> count = 0;
    path_ = recording_.folder() / kParts / fmt::format("{}-{}", ::getpid(), ++count);
    file_ = WEIR_TRY(open_file(path_, O_WRONLY | O_CREAT | O_TRUNC));
    text = small_;
  }
  WEIR_TRY(write_all(file_.get(), text, "writing a recording"));
  small_.clear();
  return {};
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

Result<Body> BodyFile::finish(std::string_view extension) {
  WEIR_TRY(put(held_));
  held_.clear();
  auto sha256 = digest_.finish();
  if (!file_ && place_ == Place::Together) return recording_.pack(small_, std::move(sha256));
  const auto target = recording_.folder() / kBodies / fmt::format("{}.{}", sha256, extension);
  if (file_) {
    if (::rename(path_.c_str(), target.c_str()) != 0) return Error::from_errno(errno, "keeping an answer");
    file_.reset();
  } else {
    WEIR_TRY(write_file(target, small_));
  }
  return Body{target, 0, bytes_, std::move(sha256)};
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
    struct stat status {};
    if (::fstat(exchanges_.get(), &status) != 0) return Error::from_errno(errno, "reading a recording");
    const auto unread = static_cast<std::uint64_t>(status.st_size) - read_bytes_;
    if (unread == 0) return {};
    const auto text = WEIR_TRY(read_range(exchanges_.get(), read_bytes_, std::min<std::uint64_t>(unread, kPiece)));
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
  Exchange exchange{.request = key_of(line), .status = line.value("status", 200), .headers = {}, .body = {}, .at = {}};
  const auto headers = line.value("headers", Json::object());
  for (const auto& [name, value] : headers.items()) exchange.headers.add(name, value.get<std::string>());
  exchange.at = parse_instant(line.value("at", std::string{})).value_or(Instant{});
  auto& body = exchange.body;
  body.file = folder_ / line.value("file", std::string{});
  body.sha256 = line.value("sha256", std::string{});
  body.begin = line.value("begin", std::uint64_t{0});
  std::error_code error;
  const auto size = std::filesystem::file_size(body.file, error);
  if (error || size < body.begin) return std::optional<Exchange>{};
  body.bytes = line.value("bytes", size - body.begin);
  const bool whole = line.contains("begin") ? body.begin + body.bytes <= size : body.bytes == size;
  if (!whole) return std::optional<Exchange>{};
  return std::optional{std::move(exchange)};
}

// One write a line. What stands before it may be torn by a process that died.
Result<void> Recording::append(int file, const Json& line) {
  const auto size = ::lseek(file, 0, SEEK_END);
  const auto last = size > 0 ? WEIR_TRY(read_range(file, static_cast<std::uint64_t>(size) - 1, 1)) : std::string{"\n"};
  return write_all(file, (last == "\n" ? "" : "\n") + to_text(line) + "\n", "writing a recording");
}

Result<void> Recording::add(const Exchange& exchange) {
  Json line = {{"at", format_instant(exchange.at)}, {"method", exchange.request.method}, {"url", exchange.request.url}};
  if (!exchange.request.body.empty()) line["body"] = exchange.request.body;
  line["status"] = exchange.status;
  Json headers = Json::object();
  for (const auto& [name, value] : exchange.headers.entries()) headers[name] = value;
  if (!headers.empty()) line["headers"] = std::move(headers);
  const auto& body = exchange.body;
  line["file"] = body.file.lexically_relative(folder_).string();
  if (body.file == pack_path_) line["begin"] = body.begin;
  line["bytes"] = body.bytes;
  line["sha256"] = body.sha256;
  const std::lock_guard lock(mutex_);
  return append(exchanges_.get(), line);
}

// Each process has a pack of its own, so that a range is where it was written.
Result<void> Recording::open_pack() {
  for (int number = 1; !pack_; ++number) {
    pack_path_ = folder_ / kBodies / fmt::format("{}{}", number, kPackExtension);
    pack_ = Descriptor{::open(pack_path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)};
    if (!pack_ && errno != EEXIST) return Error::from_errno(errno, fmt::format("opening: {}", pack_path_.string()));
  }
  return {};
}

Result<Body> Recording::pack(std::string_view text, std::string sha256) {
  const std::lock_guard lock(mutex_);
  if (!pack_) WEIR_TRY(open_pack());
  WEIR_TRY(write_all(pack_.get(), fmt::format("{}\n", text), "writing a recording"));
  const auto begin = std::exchange(pack_bytes_, pack_bytes_ + text.size() + 1);
  return Body{pack_path_, begin, text.size(), std::move(sha256)};
}

Result<Body> Recording::adopt(const Body& body) {
  if (body.file.extension() == kPackExtension) return pack(WEIR_TRY(read_body(body, kSmallBytes)), body.sha256);
  auto adopted = body;
  adopted.file = folder_ / kBodies / body.file.filename();
  std::error_code error;
  if (std::filesystem::exists(adopted.file, error)) return adopted;
  std::filesystem::create_hard_link(body.file, adopted.file, error);
  if (error)
    std::filesystem::copy_file(body.file, adopted.file, std::filesystem::copy_options::overwrite_existing, error);
  if (error) return Error::from_errno(error.value(), fmt::format("keeping an answer: {}", adopted.file.string()));
  return adopted;
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
  const auto file = WEIR_TRY(open_file(folder_ / kFetches, O_RDWR | O_CREAT | O_APPEND));
  return append(file.get(), {{"resource", resource}, {"from", from}});
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
