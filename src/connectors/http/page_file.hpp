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

// Reads the items of a page from disk, a piece at a time, so that its size does not matter. Used by one thread.
class PageFile {
 public:
  static Result<std::unique_ptr<PageFile>> open(const Body& body, const Resource& resource);

  // Reads on and hands over the items that became complete; false at the end. InvalidData where the page is malformed.
  Result<bool> step(const documents::TakeItem& take);
  // What stands around the items; "" in JSON lines.
  const std::string& envelope() const { return splitter_.envelope(); }
  bool found() const { return format_ == Format::JsonLines || splitter_.found(); }
  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  PageFile(Descriptor file, const Body& body, const Resource& resource);
  Result<void> feed_lines(std::string_view bytes, const documents::TakeItem& take);
  Result<void> take_line(std::string_view line, const documents::TakeItem& take);

  Descriptor file_;
  const std::uint64_t begin_;
  const std::uint64_t bytes_;
  const Format format_;
  documents::ItemSplitter splitter_;
  std::vector<char> buffer_;
  std::string line_;  // the begin of a line that the next piece goes on with
  std::uint64_t bytes_read_ = 0;
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
