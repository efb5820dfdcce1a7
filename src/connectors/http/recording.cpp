#include "connectors/http/recording.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "data/text.hpp"
#include "documents/json_parser.hpp"
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
constexpr std::size_t kMagicBytes = 4;
// What a killed process has asked for in vain.
constexpr std::size_t kPendingBytesMax = std::size_t{256} << 10;
constexpr std::chrono::milliseconds kPendingMax{200};

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

Result<std::string> read_some(int fd, std::uint64_t begin, std::size_t size) {
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

// What a file that was compressed before it was sent is called, by its first bytes (RFC 1952, RFC 8878). No text begins so.
std::string_view compression_of(std::string_view begin) {
  using namespace std::string_view_literals;
  if (begin.starts_with("\x1f\x8b"sv)) return ".gz";
  return begin.starts_with("\x28\xb5\x2f\xfd"sv) ? ".zst" : "";
}

}  // namespace

bool Body::same_as(const Body& other) const {
  if (!sha256.empty() && !other.sha256.empty()) return sha256 == other.sha256;
  return *range.file == *other.range.file && range.begin == other.range.begin;
}

Result<std::string> read_range(const FileRange& range, std::size_t bytes_max) {
  const auto file = WEIR_TRY(open_file(*range.file, O_RDONLY));
  return read_some(file.get(), range.begin, std::min<std::uint64_t>(range.bytes, bytes_max));
}

BodyFile::BodyFile(Recording& recording, Place place, Form form, std::uint64_t bytes_max, const Redactor* redactor,
                   std::size_t secret_bytes_max)
    : recording_(recording),
      place_(place),
      redactor_(redactor),
      held_bytes_(secret_bytes_max == 0 ? 0 : secret_bytes_max - 1) {
  if (form == Form::Unpacked)
    unpacker_.emplace(bytes_max, [this](std::span<const std::byte> bytes) { return redact(bytes); });
}

BodyFile::~BodyFile() {
  if (file_) ::unlink(path_.c_str());
}

Result<void> BodyFile::put(std::string_view text) {
  bytes_ += text.size();
  if (begin_.size() < kMagicBytes) begin_ += text.substr(0, kMagicBytes - begin_.size());
  if (!file_) {
    small_.append(text);
    if (small_.size() <= kSmallBytes) return {};
    static std::atomic<std::uint64_t> count = 0;
    path_ = recording_.folder() / kParts / fmt::format("{}-{}", ::getpid(), ++count);
    file_ = WEIR_TRY(open_file(path_, O_WRONLY | O_CREAT | O_TRUNC));
    digest_.emplace();
    text = small_;
  }
  digest_->add(net::as_bytes(text));
  WEIR_TRY(write_all(file_.get(), text, "writing a recording"));
  small_.clear();
  return {};
}

Result<void> BodyFile::write(std::span<const std::byte> bytes) {
  return unpacker_ ? unpacker_->write(bytes) : redact(bytes);
}

Result<void> BodyFile::redact(std::span<const std::byte> bytes) {
  if (redactor_ == nullptr || held_bytes_ == 0) return put(net::as_text(bytes));
  held_.append(net::as_text(bytes));
  auto redacted = redactor_->redact(held_);
  is_redacted_ = is_redacted_ || redacted != held_;
  held_ = std::move(redacted);
  if (held_.size() <= held_bytes_) return {};
  const auto ready = held_.size() - held_bytes_;
  WEIR_TRY(put(std::string_view{held_}.substr(0, ready)));
  held_.erase(0, ready);
  return {};
}

Result<Body> BodyFile::finish(std::string_view extension) {
  if (unpacker_) WEIR_TRY(unpacker_->finish());
  WEIR_TRY(put(held_));
  held_.clear();
  small_bytes_ = small_.size();
  auto sha256 = digest_ ? digest_->finish() : net::sha256_of(net::as_bytes(small_));
  small_.append(documents::kJsonPadding, '\0');
  if (!file_ && place_ == Place::Together) return recording_.pack(text(), std::move(sha256));
  auto target = recording_.folder() / kBodies / fmt::format("{}.{}{}", sha256, extension, compression_of(begin_));
  if (file_) {
    if (::rename(path_.c_str(), target.c_str()) != 0) return Error::from_errno(errno, "keeping an answer");
    file_.reset();
  } else {
    WEIR_TRY(write_file(target, text()));
  }
  return Body{{std::make_shared<const std::filesystem::path>(std::move(target)), 0, bytes_}, std::move(sha256)};
}

Result<std::unique_ptr<Recording>> Recording::open(std::filesystem::path folder, Mode mode) {
  const auto path = folder / kExchanges;
  // Where nothing is recorded, nothing may be writable either.
  auto scratch = mode == Mode::Record ? folder / kParts : std::filesystem::temp_directory_path();
  auto recording = std::unique_ptr<Recording>(new Recording(std::move(folder), std::move(scratch)));
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

Recording::~Recording() {
  // Who needs to know whether it is kept calls flush().
  (void)flush();
}

// Indexes the lines that were added since, by whichever process.
Result<void> Recording::read_on() {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  while (true) {
    struct stat status {};
    if (::fstat(exchanges_.get(), &status) != 0) return Error::from_errno(errno, "reading a recording");
    const auto unread = static_cast<std::uint64_t>(status.st_size) - read_bytes_;
    if (unread == 0) return {};
    const auto text = WEIR_TRY(read_some(exchanges_.get(), read_bytes_, std::min<std::uint64_t>(unread, kPiece)));
    std::size_t at = 0;
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', at)) {
      const auto line = parse_json(std::string_view{text}.substr(at, end - at));
      // A line that a dying process left torn is no exchange.
      if (line.ok() && line->is_object()) {
        WEIR_TRY(places_.put(hash_of(key_of(*line)), {read_bytes_ + at, static_cast<std::uint32_t>(end - at)}));
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
  const bool is_pending = pending_places_.contains(hash);
  if (is_pending) WEIR_TRY(flush_locked());
  auto place = WEIR_TRY(places_.find(hash));
  if (is_pending || !place) {
    WEIR_TRY(read_on());
    place = WEIR_TRY(places_.find(hash));
  }
  if (!place) return std::optional<Exchange>{};
  const auto line = WEIR_TRY(parse_json(WEIR_TRY(read_some(exchanges_.get(), place->begin, place->size))));
  Exchange exchange{.request = key_of(line), .status = line.value("status", 200), .headers = {}, .body = {}, .at = {}};
  const auto headers = line.value("headers", Json::object());
  for (const auto& [name, value] : headers.items()) exchange.headers.add(name, value.get<std::string>());
  exchange.at = parse_instant(line.value("at", std::string{})).value_or(Instant{});
  auto& range = exchange.body.range;
  exchange.body.sha256 = line.value("sha256", std::string{});
  range.file = std::make_shared<const std::filesystem::path>(folder_ / line.value("file", std::string{}));
  range.begin = line.value("begin", std::uint64_t{0});
  std::error_code error;
  const auto size = std::filesystem::file_size(*range.file, error);
  if (error || size < range.begin) return std::optional<Exchange>{};
  range.bytes = line.value("bytes", size - range.begin);
  const bool whole = line.contains("begin") ? range.begin + range.bytes <= size : range.bytes == size;
  if (!whole) return std::optional<Exchange>{};
  return std::optional{std::move(exchange)};
}

// One write. What stands before it may be torn by a process that died.
Result<void> Recording::append(int file, std::string_view lines) {
  const auto size = ::lseek(file, 0, SEEK_END);
  const auto last = size > 0 ? WEIR_TRY(read_some(file, static_cast<std::uint64_t>(size) - 1, 1)) : std::string{"\n"};
  if (last == "\n") return write_all(file, lines, "writing a recording");
  return write_all(file, fmt::format("\n{}", lines), "writing a recording");
}

Result<void> Recording::add(const Exchange& exchange) {
  const auto& [range, sha256] = exchange.body;
  std::string line = fmt::format(R"({{"at":"{}","method":)", format_instant(exchange.at));
  const auto put = [&line](std::string_view name, std::string_view text) {
    line += name;
    data::append_json_text(line, text);
  };
  put("", exchange.request.method);
  put(R"(,"url":)", exchange.request.url);
  if (!exchange.request.body.empty()) put(R"(,"body":)", exchange.request.body);
  line += fmt::format(R"(,"status":{})", exchange.status);
  std::string_view separator = R"(,"headers":{)";
  for (const auto& [name, value] : exchange.headers.entries()) {
    put(std::exchange(separator, ","), name);
    put(":", value);
  }
  if (!exchange.headers.entries().empty()) line += '}';
  const std::lock_guard lock(mutex_);
  const bool is_packed = range.file == pack_path_;
  put(R"(,"file":)", is_packed ? pack_name_ : range.file->lexically_relative(folder_).string());
  if (is_packed) line += fmt::format(R"(,"begin":{})", range.begin);
  line += fmt::format(R"(,"bytes":{},"sha256":"{}"}})", range.bytes, sha256);
  pending_places_[hash_of(exchange.request)] = {pending_lines_.size(), static_cast<std::uint32_t>(line.size())};
  pending_lines_ += line;
  pending_lines_ += '\n';
  note_pending();
  return pending_lines_.size() < kPendingBytesMax ? Result<void>{} : flush_locked();
}

// Each process has a pack of its own, so that a range is where it was written.
Result<void> Recording::open_pack() {
  for (int number = 1; !pack_; ++number) {
    pack_name_ = fmt::format("{}/{}{}", kBodies, number, kPackExtension);
    const auto path = folder_ / pack_name_;
    pack_ = Descriptor{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)};
    if (!pack_ && errno != EEXIST) return Error::from_errno(errno, fmt::format("opening: {}", path.string()));
    pack_path_ = std::make_shared<const std::filesystem::path>(path);
  }
  return {};
}

Result<Body> Recording::pack(std::string_view text, std::string sha256) {
  const std::lock_guard lock(mutex_);
  if (!pack_) WEIR_TRY(open_pack());
  pending_bodies_.append(text);
  pending_bodies_ += '\n';
  note_pending();
  const auto begin = std::exchange(pack_bytes_, pack_bytes_ + text.size() + 1);
  if (pending_bodies_.size() >= kPendingBytesMax) WEIR_TRY(flush_locked());
  return Body{{pack_path_, begin, text.size()}, std::move(sha256)};
}

void Recording::note_pending() {
  if (!pending_since_) pending_since_ = std::chrono::steady_clock::now();
}

std::optional<std::chrono::steady_clock::time_point> Recording::flush_due() const {
  const std::lock_guard lock(mutex_);
  if (!pending_since_) return std::nullopt;
  return *pending_since_ + kPendingMax;
}

Result<void> Recording::flush() {
  const std::lock_guard lock(mutex_);
  return flush_locked();
}

// Bodies first: whoever sees a line finds its body.
Result<void> Recording::flush_locked() {
  if (!pending_bodies_.empty()) WEIR_TRY(write_all(pack_.get(), pending_bodies_, "writing a recording"));
  pending_bodies_.clear();
  if (!pending_lines_.empty()) {
    WEIR_TRY(append(exchanges_.get(), pending_lines_));
    // Lines that follow what is indexed need not be read again.
    const auto end = static_cast<std::uint64_t>(::lseek(exchanges_.get(), 0, SEEK_CUR));
    if (end == read_bytes_ + pending_lines_.size()) {
      for (const auto& [hash, place] : pending_places_)
        WEIR_TRY(places_.put(hash, {read_bytes_ + place.begin, place.size}));
      read_bytes_ = end;
    }
  }
  pending_lines_.clear();
  pending_places_.clear();
  pending_since_.reset();
  return {};
}

Result<Body> Recording::adopt(const Body& body) {
  const auto& file = *body.range.file;
  if (file.extension() == kPackExtension) return pack(WEIR_TRY(read_range(body.range, kSmallBytes)), body.sha256);
  auto target = folder_ / kBodies / file.filename();
  std::error_code error;
  if (!std::filesystem::exists(target, error)) {
    std::filesystem::create_hard_link(file, target, error);
    if (error) std::filesystem::copy_file(file, target, std::filesystem::copy_options::overwrite_existing, error);
    if (error) return Error::from_errno(error.value(), fmt::format("keeping an answer: {}", target.string()));
  }
  auto adopted = body;
  adopted.range.file = std::make_shared<const std::filesystem::path>(std::move(target));
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
  return append(file.get(), to_text(Json{{"resource", resource}, {"from", from}}) + "\n");
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
