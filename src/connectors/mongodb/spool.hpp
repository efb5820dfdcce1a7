#pragma once

#include <cstdint>
#include <filesystem>
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

 private:
  explicit SpoolWriter(Descriptor file) : file_(std::move(file)) {}
  Result<void> flush();

  Descriptor file_;
  std::string block_;
  std::string packed_;
};

// Used by one thread.
class SpoolReader {
 public:
  static Result<std::unique_ptr<SpoolReader>> open(const std::filesystem::path& path);
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
  explicit SpoolReader(Descriptor file);
  Result<bool> read_block();

  Descriptor file_;
  std::unique_ptr<Unpacker> unpacker_;
  std::string packed_;
  std::string block_;
  std::size_t at_ = 0;
  bool ended_ = false;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace weir::mongodb
