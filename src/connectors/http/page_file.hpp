#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/file.hpp"
#include "connectors/http/api.hpp"
#include "connectors/http/recording.hpp"
#include "documents/item_splitter.hpp"
#include "documents/json_parser.hpp"

namespace weir::http {

// Reads the items of one page after the other, a piece at a time, so that a page's size does not matter. Small pages that lie
// one behind the other are read together. Used by one thread.
class PageReader {
 public:
  explicit PageReader(const Resource& resource)
      : format_(resource.format), path_(resource.select.names().value_or(std::vector<std::string>{})) {}

  // Turns to a page on disk,
  Result<void> begin(const FileRange& page);
  // or to one in memory, behind which kJsonPadding bytes may be read: it must live until it is read.
  void begin(std::string_view page);

  // Reads on and hands over the items that became complete; false at the end. InvalidData where the page is malformed.
  Result<bool> step(const documents::TakeItem& take);
  // What stands around the items; "" in JSON lines.
  const std::string& envelope() const { return splitter_->envelope(); }
  bool found() const { return format_ == Format::JsonLines || splitter_->found(); }
  std::uint64_t bytes_read() const { return bytes_read_; }  // of this page

 private:
  Result<std::string_view> next_piece();
  Result<void> feed_lines(std::string_view bytes, const documents::TakeItem& take);
  Result<void> take_line(std::string_view line, const documents::TakeItem& take);

  const Format format_;
  const std::vector<std::string> path_;
  std::optional<documents::ItemSplitter> splitter_;
  std::string line_;  // the begin of a line that the next piece goes on with

  FileRange page_;
  std::string_view text_;  // of a page in memory
  std::uint64_t bytes_read_ = 0;

  Descriptor file_;
  std::shared_ptr<const std::filesystem::path> file_path_;
  std::vector<char> window_;  // a piece of the file, and the padding
  std::uint64_t window_begin_ = 0;
  std::uint64_t window_bytes_ = 0;
};

// A value of an item.
struct ItemField {
  documents::Value::Kind kind = documents::Value::Kind::Null;
  std::string text;  // of an object or a list: its JSON
};

// The values at paths of names, each with its path's place; missing ones stay null.
Result<std::vector<ItemField>> read_fields(documents::JsonParser& parser, std::string_view item,
                                           const std::vector<std::vector<std::string>>& paths);

}  // namespace weir::http
