#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "documents/json_scan.hpp"

namespace weir::documents {

// Takes one item's text; kJsonPadding bytes behind it may be read.
using TakeItem = std::function<Result<void>(std::string_view item)>;

// Takes a JSON text apart without holding it: the elements of the list at a path of names ("data", "items") are handed
// over one by one, and what stands around them is kept as the envelope, with an empty list in their place. A value at the
// path that is no list is one item; null and a path that is not there are none. An empty path is the whole text.
//
// It looks at brackets and quotes only: who parses an item, or the envelope, finds what else is wrong. Used by one thread.
class ItemSplitter {
 public:
  struct Bounds {
    std::size_t item_bytes_max = std::size_t{32} << 20;
    std::size_t envelope_bytes_max = std::size_t{4} << 20;
  };

  ItemSplitter(std::vector<std::string> path, Bounds bounds) : path_(std::move(path)), bounds_(bounds) {}

  // The next bytes of the text; kJsonPadding bytes behind them may be read.
  Result<void> feed(std::string_view bytes, const TakeItem& take);
  // InvalidData when the text was cut off.
  Result<void> finish(const TakeItem& take);

  const std::string& envelope() const { return envelope_; }
  // Whether there was a value at the path.
  bool found() const { return found_; }

 private:
  enum class Place { Envelope, BetweenItems, Item };

  Result<std::size_t> feed_envelope(std::string_view bytes, std::size_t at);
  Result<std::size_t> feed_between(std::string_view bytes, std::size_t at);
  Result<std::size_t> feed_item(std::string_view bytes, std::size_t at, const TakeItem& take);
  // The end of the item that is under way, or the end of the bytes; sets item_ended_.
  std::size_t scan_item(std::string_view bytes, std::size_t at);
  Result<void> end_item(std::string_view last_part, const TakeItem& take);
  bool at_target() const;
  void open_in_envelope(char bracket);

  const std::vector<std::string> path_;
  const Bounds bounds_;
  Place place_ = Place::Envelope;

  // The envelope: open containers, and how many of them lead to the target.
  std::string envelope_;
  std::size_t depth_ = 0;
  std::size_t on_path_ = 0;
  std::vector<bool> is_object_;
  bool in_string_ = false;
  bool escaped_ = false;
  bool expects_name_ = false;
  bool reads_name_ = false;
  bool expects_value_ = true;
  std::string name_;
  bool found_ = false;
  bool ended_ = false;

  // The item under way.
  bool is_single_ = false;  // the value at the path is no list
  bool is_container_ = false;
  bool item_is_string_ = false;
  bool item_ended_ = false;
  enum class Between { Start, AfterItem, AfterComma } between_ = Between::Start;
  NestingScan nesting_;
  std::string item_;  // its bytes of earlier feeds
};

}  // namespace weir::documents
