#include "documents/item_splitter.hpp"

#include "documents/json_parser.hpp"

namespace weir::documents {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

Error malformed(std::string_view why) {
  return Error{Fault::External, Code::InvalidData, fmt::format("invalid JSON: {}", why)};
}

}  // namespace

Result<void> ItemSplitter::feed(std::string_view bytes, const TakeItem& take) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    switch (place_) {
      case Place::Envelope: at = WEIR_TRY(feed_envelope(bytes, at)); break;
      case Place::BetweenItems: at = WEIR_TRY(feed_between(bytes, at)); break;
      case Place::Item: at = WEIR_TRY(feed_item(bytes, at, take)); break;
    }
  }
  return {};
}

Result<void> ItemSplitter::finish(const TakeItem& take) {
  // A number at the top ends with the text.
  if (place_ == Place::Item && is_single_ && !is_container_ && !item_is_string_ && depth_ == 0)
    WEIR_TRY(end_item({}, take));
  if (place_ != Place::Envelope || depth_ != 0 || in_string_ || envelope_.empty())
    return malformed("the text is cut off");
  return {};
}

bool ItemSplitter::at_target() const {
  if (depth_ != on_path_ || on_path_ != path_.size() || found_) return false;
  return on_path_ == 0 || name_ == path_.back();
}

void ItemSplitter::open_in_envelope(char bracket) {
  const bool leads_on = depth_ == on_path_ && bracket == '{' && on_path_ < path_.size() &&
                        (on_path_ == 0 || name_ == path_[on_path_ - 1]);
  ++depth_;
  is_object_.push_back(bracket == '{');
  if (leads_on) ++on_path_;
  expects_name_ = bracket == '{';
  expects_value_ = bracket == '[';
}

Result<std::size_t> ItemSplitter::feed_envelope(std::string_view bytes, std::size_t at) {
  for (; at < bytes.size(); ++at) {
    const char c = bytes[at];
    if (in_string_) {
      envelope_ += c;
      if (reads_name_ && (escaped_ || c != '"')) name_ += c;
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
        reads_name_ = false;
        if (depth_ == 0) ended_ = true;
      }
      continue;
    }
    if (is_space(c)) continue;
    if (ended_) return malformed("text behind the end");
    if (envelope_.size() > bounds_.envelope_bytes_max) {
      return Error::user(Code::ResourceExhausted, "what stands around the items is larger than {} MiB",
                         bounds_.envelope_bytes_max >> 20)
          .hint("name the path to the list of items in the resource's select");
    }
    const bool starts_value = expects_value_ && c != ']' && c != '}' && c != ',' && c != ':';
    if (starts_value && at_target()) {
      found_ = true;
      is_single_ = c != '[';
      expects_value_ = false;
      if (!is_single_) {
        place_ = Place::BetweenItems;
        return at + 1;
      }
      place_ = Place::Item;
      return at;
    }
    envelope_ += c;
    switch (c) {
      case '{':
      case '[': open_in_envelope(c); break;
      case '}':
      case ']':
        if (depth_ == 0 || is_object_.back() != (c == '}')) return malformed("brackets that do not match");
        if (on_path_ == depth_) --on_path_;
        --depth_;
        is_object_.pop_back();
        expects_value_ = false;
        expects_name_ = false;
        if (depth_ == 0) ended_ = true;
        break;
      case ',':
        expects_name_ = depth_ != 0 && is_object_.back();
        expects_value_ = !expects_name_;
        break;
      case ':': expects_value_ = true; break;
      case '"':
        in_string_ = true;
        if (expects_name_) {
          reads_name_ = depth_ == on_path_;
          if (reads_name_) name_.clear();
          expects_name_ = false;
        } else {
          expects_value_ = false;
        }
        break;
      default: expects_value_ = false; break;
    }
  }
  return at;
}

Result<std::size_t> ItemSplitter::feed_between(std::string_view bytes, std::size_t at) {
  while (at < bytes.size() && is_space(bytes[at])) ++at;
  if (at == bytes.size()) return at;
  if (bytes[at] == ']' && between_ != Between::AfterComma) {
    envelope_ += "[]";
    place_ = Place::Envelope;
    if (depth_ == 0) ended_ = true;
    return at + 1;
  }
  if (bytes[at] == ',' && between_ == Between::AfterItem) {
    between_ = Between::AfterComma;
    return at + 1;
  }
  if (between_ == Between::AfterItem) return malformed("two values without a comma");
  place_ = Place::Item;
  item_.clear();
  return at;
}

std::size_t ItemSplitter::scan_item(std::string_view bytes, std::size_t at) {
  const auto* end = bytes.data() + bytes.size();
  if (is_container_) {
    const auto* next = nesting_.run(bytes.data() + at, end);
    item_ended_ = nesting_.closed();
    return static_cast<std::size_t>(next - bytes.data());
  }
  item_ended_ = false;
  while (at < bytes.size()) {
    const char c = bytes[at++];
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = !in_string_;
      if (in_string_) continue;
      item_ended_ = true;
      return at;
    }
  }
  return at;
}

Result<std::size_t> ItemSplitter::feed_item(std::string_view bytes, std::size_t at, const TakeItem& take) {
  const auto begin = at;
  if (item_.empty()) {
    const char first = bytes[at];
    if (first == '}' || first == ']' || first == ':' || first == ',') return malformed("brackets that do not match");
    is_container_ = first == '{' || first == '[';
    item_is_string_ = first == '"';
    nesting_.begin(0);
  }
  if (is_container_ || item_is_string_) {
    at = scan_item(bytes, at);
  } else {
    while (at < bytes.size() && bytes[at] != ',' && bytes[at] != ']' && bytes[at] != '}' && !is_space(bytes[at])) ++at;
    item_ended_ = at < bytes.size();
  }
  const auto part = bytes.substr(begin, at - begin);
  if (item_.size() + part.size() > bounds_.item_bytes_max) {
    return Error{Fault::External, Code::ResourceExhausted,
                 fmt::format("one item is larger than {} MiB", bounds_.item_bytes_max >> 20)}
        .hint("name the path to the list of items in the resource's select");
  }
  if (item_ended_) {
    WEIR_TRY(end_item(part, take));
  } else {
    item_.append(part);
  }
  return at;
}

Result<void> ItemSplitter::end_item(std::string_view last_part, const TakeItem& take) {
  if (is_single_) {
    envelope_ += "[]";
    place_ = Place::Envelope;
    if (depth_ == 0) ended_ = true;
  } else {
    place_ = Place::BetweenItems;
    between_ = Between::AfterItem;
  }
  if (item_.empty()) {
    if (is_single_ && last_part == "null") return {};
    return take(last_part);
  }
  item_.append(last_part);
  const auto size = item_.size();
  item_.resize(size + kJsonPadding);
  const auto item = std::string_view{item_}.substr(0, size);
  auto taken = is_single_ && item == "null" ? Result<void>{} : take(item);
  item_.clear();
  return taken;
}

}  // namespace weir::documents
