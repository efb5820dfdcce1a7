#include "connectors/files/files_sink.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>

#include "base/file.hpp"
#include "base/json.hpp"
#include "connectors/files/bytes_reader.hpp"
#include "connectors/files/text_encoder.hpp"

namespace weir::files {
namespace {

using Path = std::filesystem::path;

constexpr std::string_view kStagedSuffix = ".weir-staged";

// A hidden file beside the target, so that a rename stays within one file system.
Path sibling(const Path& target, std::string_view suffix) {
  return target.parent_path() / fmt::format(".{}{}", target.filename().string(), suffix);
}

Path note_path(const Path& target) { return sibling(target, ".weir-commit"); }

std::string writing(const Path& path) { return fmt::format("writing file: {}", path.string()); }

// What a commit's note says of the file that it made.
Result<Json> identity(const Path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return Error::from_errno(errno, fmt::format("reading file: {}", path.string()));
  return Json{{"inode", status.st_ino},
              {"bytes", status.st_size},
              {"modified_s", status.st_mtim.tv_sec},
              {"modified_ns", status.st_mtim.tv_nsec}};
}

Result<std::optional<flow::Receipt>> find_commit(const Path& target, const CommitId& commit) {
  const auto text = read_file(note_path(target));
  if (!text.ok()) {
    if (text.error().code() == Code::NotFound) return std::nullopt;
    return text.error();
  }
  const auto note = parse_json(*text);
  if (!note.ok() || !note->is_object() || note->value("commit", "") != commit.text()) return std::nullopt;
  const auto file = identity(target);
  if (!file.ok()) {
    if (file.error().code() == Code::NotFound) return std::nullopt;
    return file.error();
  }
  if (note->value("file", Json{}) != *file) return std::nullopt;
  return flow::Receipt{commit, note->value("rows", std::uint64_t{0})};
}

// Removes what killed processes left behind. A file that its process still works on is locked.
void remove_abandoned(const Path& target) {
  const auto prefix = sibling(target, "").filename().string() + ".";
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(target.parent_path(), error)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(kStagedSuffix)) continue;
    const Descriptor file{::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC)};
    if (file && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0) ::unlink(entry.path().c_str());
  }
}

// A new file beside the target, locked while it lives, removed unless it is published.
class StagedFile {
 public:
  static Result<StagedFile> create(const Path& target) {
    static std::atomic<int> counter{0};
    StagedFile staged;
    staged.target_ = target;
    staged.path_ = sibling(target, fmt::format(".{}-{}{}", ::getpid(), ++counter, kStagedSuffix));
    staged.file_.reset(::open(staged.path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644));
    if (!staged.file_) return Error::from_errno(errno, writing(target));
    if (::flock(staged.file_.get(), LOCK_EX | LOCK_NB) != 0) return Error::from_errno(errno, writing(target));
    return staged;
  }
  StagedFile(StagedFile&& other) noexcept
      : target_(std::move(other.target_)), path_(std::exchange(other.path_, {})), file_(std::move(other.file_)) {}
  StagedFile& operator=(StagedFile&&) = delete;
  ~StagedFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  const Path& path() const { return path_; }
  Result<void> append(std::string_view bytes) { return write_all(file_.get(), bytes, writing(target_)); }

  Result<void> publish(const CommitId& commit, std::uint64_t rows) {
    // The codec of another format may have replaced what stands under the name: the name's file is what is synced.
    const Descriptor named{::open(path_.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!named || ::fsync(named.get()) != 0) return Error::from_errno(errno, writing(target_));
    const auto file = WEIR_TRY(identity(path_));
    const Json note{{"commit", commit.text()}, {"rows", rows}, {"file", file}};
    WEIR_TRY(write_file(note_path(target_), to_text(note) + "\n"));
    if (::rename(path_.c_str(), target_.c_str()) != 0) return Error::from_errno(errno, writing(target_));
    path_.clear();
    const Descriptor folder{::open(target_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (folder) ::fsync(folder.get());
    return {};
  }

 private:
  StagedFile() = default;

  Path target_;
  Path path_;
  Descriptor file_;
};

// What the writers of one load share.
class SharedOutput {
 public:
  virtual ~SharedOutput() = default;
  virtual Result<void> write(const data::Batch& batch, std::stop_token stop) = 0;
  // Once, when all rows are there.
  virtual Result<void> finish(std::stop_token stop) = 0;
};

// Encodes and compresses in the writer's thread, appends under a lock.
class TextOutput final : public SharedOutput {
 public:
  TextOutput(StagedFile& file, TextEncoder encoder, Compression compression)
      : file_(file), encoder_(std::move(encoder)), compression_(compression) {}

  Result<void> start(const data::Schema& schema) {
    std::string text;
    encoder_.append_header(text, schema);
    return append(std::move(text));
  }
  Result<void> write(const data::Batch& batch, std::stop_token stop) override {
    if (stop.stop_requested()) return Error::cancelled();
    std::string text;
    encoder_.append_rows(text, batch);
    return append(std::move(text));
  }
  Result<void> finish(std::stop_token) override { return {}; }

 private:
  Result<void> append(std::string text) {
    const auto bytes = compress(std::move(text), compression_);
    const std::lock_guard lock{mutex_};
    return file_.append(bytes);
  }

  StagedFile& file_;
  const TextEncoder encoder_;
  const Compression compression_;
  std::mutex mutex_;
};

// One writer's values, in their order.
class BytesOutput final : public SharedOutput {
 public:
  explicit BytesOutput(StagedFile& file) : file_(file) {}

  Result<void> write(const data::Batch& batch, std::stop_token stop) override {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      if (stop.stop_requested()) return Error::cancelled();
      WEIR_TRY(file_.append(batch.column(0).text(row)));
    }
    return {};
  }
  Result<void> finish(std::stop_token) override { return {}; }

 private:
  StagedFile& file_;
};

class ParquetOutput final : public SharedOutput {
 public:
  explicit ParquetOutput(std::unique_ptr<flow::Writer> writer) : writer_(std::move(writer)) {}

  Result<void> write(const data::Batch& batch, std::stop_token stop) override {
    const std::lock_guard lock{mutex_};
    return writer_->write(batch, stop);
  }
  Result<void> finish(std::stop_token stop) override { return writer_->finish(stop); }

 private:
  std::mutex mutex_;
  std::unique_ptr<flow::Writer> writer_;
};

struct LoadState {
  explicit LoadState(StagedFile staged) : file(std::move(staged)) {}

  StagedFile file;
  std::unique_ptr<SharedOutput> output;
  std::atomic<std::uint64_t> rows{0};
  std::atomic<int> unfinished{0};
};

class FileWriter final : public flow::Writer {
 public:
  explicit FileWriter(LoadState& state) : state_(state) { ++state_.unfinished; }

  Result<void> write(const data::Batch& batch, std::stop_token stop) override {
    WEIR_TRY(state_.output->write(batch, stop));
    state_.rows += batch.rows();
    return {};
  }
  Result<void> finish(std::stop_token) override {
    --state_.unfinished;
    return {};
  }

 private:
  LoadState& state_;
};

class FileLoad final : public flow::Load {
 public:
  FileLoad(Path target, std::unique_ptr<LoadState> state) : target_(std::move(target)), state_(std::move(state)) {}

  Result<std::unique_ptr<flow::Writer>> writer(std::stop_token) override {
    return std::make_unique<FileWriter>(*state_);
  }

  Result<flow::Receipt> commit(const CommitId& commit, std::stop_token stop) override {
    WEIR_CHECK(state_->unfinished == 0);
    if (auto held = WEIR_TRY(find_commit(target_, commit))) return *held;
    WEIR_TRY(state_->output->finish(stop));
    if (stop.stop_requested()) return Error::cancelled();
    WEIR_TRY(state_->file.publish(commit, state_->rows));
    return flow::Receipt{commit, state_->rows};
  }

 private:
  Path target_;
  std::unique_ptr<LoadState> state_;
};

}  // namespace

FilesSink::FilesSink(flow::OpenContext context, OpenParquet open_parquet)
    : context_(std::move(context)), open_parquet_(std::move(open_parquet)) {}

Result<std::unique_ptr<flow::Load>> FilesSink::open(const flow::WriteRequest& request, std::stop_token stop) {
  if (request.mode != flow::WriteMode::Replace) {
    return Error::user(Code::Unsupported, "a file is written as a whole: {}", request.table)
        .hint("write mode: replace, or a path that differs by run, as files/{{ run.id }}/sales.csv does");
  }
  const auto kind = WEIR_TRY(file_kind(request.table, request.options.text("format")));
  if (kind.format == Format::Bytes && *request.schema != bytes_schema()) {
    return Error::user(Code::Unsupported, "only a file is copied as bytes, without columns to add: {}", request.table)
        .hint("read it with format: bytes too, or write .csv, .tsv, .jsonl or .parquet");
  }
  const auto target = resolve(context_.project_folder, request.table);
  WEIR_TRY(make_folder(target.parent_path()));
  remove_abandoned(target);
  auto state = std::make_unique<LoadState>(WEIR_TRY(StagedFile::create(target)));
  if (kind.format == Format::Parquet) {
    auto codec = WEIR_TRY(open_parquet_(context_, request.options.text("clickhouse")));
    state->output = std::make_unique<ParquetOutput>(WEIR_TRY(codec->write(state->file.path(), request.schema, stop)));
  } else if (kind.format == Format::Bytes) {
    state->output = std::make_unique<BytesOutput>(state->file);
  } else {
    auto options = WEIR_TRY(text_format(kind.format, request.options));
    auto output =
        std::make_unique<TextOutput>(state->file, TextEncoder{kind.format, std::move(options)}, kind.compression);
    WEIR_TRY(output->start(*request.schema));
    state->output = std::move(output);
  }
  return std::make_unique<FileLoad>(target, std::move(state));
}

Result<std::optional<flow::Receipt>> FilesSink::find(const flow::WriteRequest& request, const CommitId& commit,
                                                     std::stop_token) {
  return find_commit(resolve(context_.project_folder, request.table), commit);
}

}  // namespace weir::files
