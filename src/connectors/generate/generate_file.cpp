#include "connectors/generate/generate_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <optional>
#include <thread>

#include "base/file.hpp"

namespace weir::generate {
namespace {

// About 1.5 MB of text: large enough to write well, small enough for the processor's caches.
constexpr std::uint64_t kChunkRows = 32'768;

// The threads' shared state: each makes a chunk, then waits for its turn to learn where in the file it belongs.
class FileWriter {
 public:
  FileWriter(const GenerateRequest& request, int file, const std::function<void(std::uint64_t)>& progress)
      : generator_(request.spec, request.variation),
        file_(file),
        doing_(fmt::format("writing file: {}", request.path.string())),
        progress_(progress) {}

  Result<GenerateReport> run(int threads, std::stop_token stop) {
    std::string names;
    generator_.append_header(names);
    WEIR_TRY(write_all(file_, names, doing_));
    bytes_ = names.size();
    {
      std::vector<std::jthread> workers;
      for (int i = 1; i < threads; ++i) workers.emplace_back([&] { work(stop); });
      work(stop);
    }
    if (error_) return std::move(*error_);
    return make_report(generator_.spec(), generator_.rows(), bytes_, counts_);
  }

 private:
  void work(const std::stop_token& stop) {
    Generator::Scratch scratch;
    data::BufferBuilder text;
    for (;;) {
      const auto chunk = next_chunk_++;
      const auto begin = chunk * kChunkRows;
      if (begin >= generator_.rows() || failed_) return;
      const auto end = std::min(begin + kChunkRows, generator_.rows());
      text.clear();
      DefectCounts counts;
      std::optional<Error> error;
      if (stop.stop_requested()) {
        error = Error::cancelled();
      } else if (!generator_.append_csv(begin, end, scratch, text, counts)) {
        error = Error::user(Code::InvalidProject, "a formula's value does not fit 64 bits, between the rows {} and {}",
                            begin, end);
      }
      const auto offset = take_turn(chunk, end - begin, text.size(), counts, std::move(error));
      if (!offset) return;
      if (auto written = write_at(*offset, text); !written.ok()) fail(std::move(written).error());
    }
  }

  // Waits for the chunks before; nothing when the work has failed.
  std::optional<std::uint64_t> take_turn(std::uint64_t chunk, std::uint64_t rows, std::size_t size,
                                         const DefectCounts& counts, std::optional<Error> error) {
    std::unique_lock lock{mutex_};
    if (error) {
      if (!error_) error_ = std::move(error);
      failed_ = true;
      turn_changed_.notify_all();
      return std::nullopt;
    }
    turn_changed_.wait(lock, [&] { return failed_ || turn_ == chunk; });
    if (failed_) return std::nullopt;
    ++turn_;
    const auto offset = bytes_;
    bytes_ += size;
    rows_ += rows;
    counts_.resize(counts.size());
    for (std::size_t i = 0; i < counts.size(); ++i) counts_[i] += counts[i];
    if (progress_) progress_(rows_);
    turn_changed_.notify_all();
    return offset;
  }

  Result<void> write_at(std::uint64_t offset, const data::BufferBuilder& text) {
    const auto* at = reinterpret_cast<const char*>(text.data());
    for (auto left = text.size(); left > 0;) {
      const auto put = ::pwrite(file_, at, left, static_cast<off_t>(offset));
      if (put < 0) {
        if (errno == EINTR) continue;
        return Error::from_errno(errno, doing_);
      }
      at += put;
      left -= static_cast<std::size_t>(put);
      offset += static_cast<std::uint64_t>(put);
    }
    return {};
  }

  void fail(Error error) {
    const std::lock_guard lock{mutex_};
    if (!error_) error_ = std::move(error);
    failed_ = true;
    turn_changed_.notify_all();
  }

  const Generator generator_;
  const int file_;
  const std::string doing_;
  const std::function<void(std::uint64_t)>& progress_;
  std::atomic<std::uint64_t> next_chunk_{0};
  std::atomic<bool> failed_{false};

  std::mutex mutex_;  // protects what follows
  std::condition_variable turn_changed_;
  std::uint64_t turn_ = 0;  // the chunk that may learn its place next
  std::uint64_t bytes_ = 0;
  std::uint64_t rows_ = 0;
  DefectCounts counts_;
  std::optional<Error> error_;
};

// The file that becomes the target: what a killed attempt left of it is written over, a living one is not disturbed.
Result<Descriptor> open_staged(const std::filesystem::path& path, const std::string& doing) {
  for (;;) {
    Descriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)};
    if (!file) return Error::from_errno(errno, doing);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return Error::from_errno(errno, doing);
      return Error::system(Code::Conflict, "another process generates the same file: {}", path.string());
    }
    // Between the open and the lock its owner may have published it under its own name.
    struct stat opened {};
    struct stat named {};
    if (::fstat(file.get(), &opened) != 0) return Error::from_errno(errno, doing);
    if (::stat(path.c_str(), &named) != 0 || named.st_ino != opened.st_ino) continue;
    if (::ftruncate(file.get(), 0) != 0) return Error::from_errno(errno, doing);
    return file;
  }
}

}  // namespace

GenerateReport make_report(const Spec& spec, std::uint64_t rows, std::uint64_t bytes, const DefectCounts& counts) {
  GenerateReport report{rows, bytes, {}};
  for (std::size_t i = 0; i < spec.defects.size(); ++i) {
    report.defects.emplace_back(spec.defects[i].kind, i < counts.size() ? counts[i] : 0);
  }
  return report;
}

Json to_json(const GenerateReport& report) {
  auto defects = Json::object();
  for (const auto& [kind, rows] : report.defects) defects[std::string{name(kind)}] = rows;
  return {{"rows", report.rows}, {"bytes", report.bytes}, {"defects", std::move(defects)}};
}

Result<GenerateReport> generate_file(const GenerateRequest& request, std::stop_token stop,
                                     const std::function<void(std::uint64_t)>& progress) {
  WEIR_TRY(make_folder(request.path.parent_path()));
  const auto staged = request.path.parent_path() / fmt::format(".{}.weir-staged", request.path.filename().string());
  const auto doing = fmt::format("writing file: {}", request.path.string());
  const auto file = WEIR_TRY(open_staged(staged, doing));
  FileWriter writer{request, file.get(), progress};
  auto report = writer.run(std::max(request.threads, 1), stop);
  if (report.ok() && ::fsync(file.get()) != 0) report = Error::from_errno(errno, doing);
  if (report.ok() && std::rename(staged.c_str(), request.path.c_str()) != 0) report = Error::from_errno(errno, doing);
  if (!report.ok()) {
    ::unlink(staged.c_str());
    return report;
  }
  const Descriptor folder{::open(request.path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (folder) ::fsync(folder.get());
  return report;
}

}  // namespace weir::generate
