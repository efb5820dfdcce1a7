#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"
#include "connectors/mongodb/document.hpp"

// What was read of a collection, on disk: every table that it makes is filled from the same documents, and a later attempt
// reads them there. A file is a sequence of blocks, each an LZ4 frame with its checksum (lz4_Frame_format.md) behind two
// lengths, and an end mark. A block that a killed process left half written, and a file without its end mark, are not there.
namespace weir::mongodb {

struct SpoolEntry {
  enum class Kind : std::uint8_t {
    Document,  // a document as it is
    Delete,    // {_id}: the document is gone
    Reject,    // a document that cannot become rows
  };
  Kind kind = Kind::Document;
  BsonBytes bytes;
  std::string_view reason;  // of a Reject
};

// Used by one thread.
class SpoolWriter {
 public:
  // Empties a file that is there.
  static Result<std::unique_ptr<SpoolWriter>> create(const std::filesystem::path& path);
  Result<void> add(const SpoolEntry& entry);
  // The rest and the end mark.
  Result<void> finish();
  // In the file: whole blocks.
  std::uint64_t bytes_written() const { return bytes_written_; }

 private:
  explicit SpoolWriter(Descriptor file) : file_(std::move(file)) {}
  Result<void> flush();

  Descriptor file_;
  std::string block_;
  std::string packed_;
  std::uint64_t bytes_written_ = 0;
};

// Some of a file's blocks: the first of every `step` behind the `first`. Several readers share a file so.
struct SpoolShare {
  std::size_t first = 0;
  std::size_t step = 1;
};

// Used by one thread.
class SpoolReader {
 public:
  // Called before the file is read on behind a position: who reads while it is written waits there.
  using Await = std::function<Result<void>(std::uint64_t position)>;
  static Result<std::unique_ptr<SpoolReader>> open(const std::filesystem::path& path, SpoolShare share = {},
                                                   Await await = {});
  ~SpoolReader();
  SpoolReader(const SpoolReader&) = delete;
  SpoolReader& operator=(const SpoolReader&) = delete;

  // The next entry, valid until the next call; nothing at the end. InvalidData where the file is damaged.
  Result<std::optional<SpoolEntry>> next();
  std::uint64_t bytes_read() const { return bytes_read_; }

  // Whether the file was written to its end.
  static bool is_complete(const std::filesystem::path& path);

 private:
  struct Unpacker;
  SpoolReader(Descriptor file, SpoolShare share, Await await);
  // The next block of the share; false at the end.
  Result<bool> read_block();
  Result<void> unpack(std::size_t size, std::size_t frame);

  Descriptor file_;
  std::unique_ptr<Unpacker> unpacker_;
  std::string packed_;
  std::string block_;
  std::size_t at_ = 0;
  bool ended_ = false;
  std::uint64_t bytes_read_ = 0;

  const SpoolShare share_;
  const Await await_;
  std::size_t next_block_ = 0;
  std::uint64_t position_ = 0;  // where that begins
};

}  // namespace weir::mongodb
