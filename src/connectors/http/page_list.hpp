#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/http/recording.hpp"
#include "connectors/http/scratch_file.hpp"

namespace weir::http {

// One page on disk.
struct Page {
  FileRange range;
  // A JSON object of columns from the parent's item, padded for the parser, shared by the item's pages; null is none.
  std::shared_ptr<const std::string> added;
};

// The pages of a resource, in order: the last ones in memory, the others in a scratch file, so that memory has an end however
// many there are. Written by one thread; once all are there, any number may read.
class PageList {
 public:
  // `scratch`: the folder of the file. `memory_bytes`: more are moved there.
  explicit PageList(std::filesystem::path scratch, std::size_t memory_bytes = std::size_t{1} << 20)
      : scratch_(std::move(scratch)), memory_bytes_(memory_bytes) {}

  Result<void> add(const Page& page);
  std::uint64_t size() const { return size_; }

  // Reads from the first page on.
  class Reader {
   public:
    explicit Reader(const PageList& pages) : pages_(pages) {}
    // Nothing at the end.
    Result<std::optional<Page>> next();

   private:
    Result<void> take(std::span<std::byte> into);

    const PageList& pages_;
    std::uint64_t next_ = 0;       // page
    std::uint64_t at_ = 0;         // in the bytes of all
    std::vector<std::byte> some_;  // of the file's, from some_begin_ on
    std::uint64_t some_begin_ = 0;
    Page before_;
  };

 private:
  const std::filesystem::path scratch_;
  const std::size_t memory_bytes_;
  std::uint64_t size_ = 0;
  std::optional<ScratchFile> file_;
  std::uint64_t file_bytes_ = 0;
  std::string tail_;  // what follows the file's bytes
  Page before_;
};

}  // namespace weir::http
