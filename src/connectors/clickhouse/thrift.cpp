#include "connectors/clickhouse/thrift.hpp"

#include <algorithm>
#include <utility>

namespace weir::clickhouse {
namespace {

constexpr int kDepthMax = 32;

Error malformed() { return Error::user(Code::InvalidData, "malformed Thrift structure"); }

bool is_bool(ThriftType type) { return type == ThriftType::True || type == ThriftType::False; }

class ThriftParser {
 public:
  ThriftParser(std::string_view text, int unread) : text_(text), unread_(unread) {}

  Result<ThriftValue> structure(int depth) {
    if (depth > kDepthMax) return malformed();
    ThriftValue value;
    int id = 0;
    for (;;) {
      const auto head = WEIR_TRY(byte());
      const auto type = static_cast<ThriftType>(head & 0x0F);
      if (type == ThriftType::Stop) return value;
      id = head >> 4 != 0 ? id + (head >> 4) : static_cast<int>(WEIR_TRY(zigzag()));
      auto field = is_bool(type) ? Result<ThriftValue>{ThriftValue::flag(type == ThriftType::True)}
                                 : this->value(type, depth, depth == 0 && id == unread_);
      value.fields.push_back({id, WEIR_TRY(std::move(field))});
    }
  }

 private:
  Result<ThriftValue> value(ThriftType type, int depth, bool keep_items_unread) {
    ThriftValue value;
    value.type = type;
    switch (type) {
      case ThriftType::True:
      case ThriftType::False: return ThriftValue::flag(WEIR_TRY(byte()) == 1);
      case ThriftType::I8: value.number = static_cast<std::int8_t>(WEIR_TRY(byte())); return value;
      case ThriftType::I16:
      case ThriftType::I32:
      case ThriftType::I64: value.number = WEIR_TRY(zigzag()); return value;
      case ThriftType::Double: value.bytes = WEIR_TRY(take(8)); return value;
      case ThriftType::Binary: value.bytes = WEIR_TRY(take(WEIR_TRY(varint()))); return value;
      case ThriftType::List:
      case ThriftType::Set: return list(std::move(value), depth, keep_items_unread);
      case ThriftType::Map: return map(std::move(value), depth);
      case ThriftType::Struct: return structure(depth + 1);
      case ThriftType::Stop: break;
    }
    return malformed();
  }

  Result<ThriftValue> list(ThriftValue list, int depth, bool keep_items_unread) {
    const auto head = WEIR_TRY(byte());
    list.item_type = static_cast<ThriftType>(head & 0x0F);
    auto count = static_cast<std::uint64_t>(head >> 4);
    if (count == 15) count = WEIR_TRY(varint());
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto begin = at_;
      auto item = WEIR_TRY(value(list.item_type, depth + 1, false));
      if (keep_items_unread && list.item_type == ThriftType::Struct) {
        item = ThriftValue{};
        item.bytes = text_.substr(begin, at_ - begin);
      }
      list.items.push_back(std::move(item));
    }
    return list;
  }

  Result<ThriftValue> map(ThriftValue map, int depth) {
    const auto count = WEIR_TRY(varint());
    if (count == 0) return map;
    const auto types = WEIR_TRY(byte());
    map.key_type = static_cast<ThriftType>(types >> 4);
    map.item_type = static_cast<ThriftType>(types & 0x0F);
    for (std::uint64_t i = 0; i < count; ++i) {
      map.items.push_back(WEIR_TRY(value(map.key_type, depth + 1, false)));
      map.items.push_back(WEIR_TRY(value(map.item_type, depth + 1, false)));
    }
    return map;
  }

  Result<std::uint8_t> byte() {
    if (at_ == text_.size()) return malformed();
    return static_cast<std::uint8_t>(text_[at_++]);
  }
  Result<std::string> take(std::uint64_t count) {
    if (count > text_.size() - at_) return malformed();
    at_ += count;
    return std::string{text_.substr(at_ - count, count)};
  }
  Result<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto part = WEIR_TRY(byte());
      value |= static_cast<std::uint64_t>(part & 0x7F) << shift;
      if ((part & 0x80) == 0) return value;
    }
    return malformed();
  }
  Result<std::int64_t> zigzag() {
    const auto value = WEIR_TRY(varint());
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
  }

  std::string_view text_;
  int unread_;
  std::size_t at_ = 0;
};

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void append_zigzag(std::string& out, std::int64_t value) {
  append_varint(out, static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
}

char types_byte(std::uint64_t high, ThriftType low) {
  return static_cast<char>(high << 4 | static_cast<std::uint8_t>(low));
}

void append_value(std::string& out, const ThriftValue& value) {
  switch (value.type) {
    case ThriftType::Stop: break;
    case ThriftType::True:
    case ThriftType::False:
    case ThriftType::I8:
      out += static_cast<char>(value.type == ThriftType::I8 ? value.number : static_cast<std::uint8_t>(value.type));
      break;
    case ThriftType::I16:
    case ThriftType::I32:
    case ThriftType::I64: append_zigzag(out, value.number); break;
    case ThriftType::Double: out += value.bytes; break;
    case ThriftType::Binary:
      append_varint(out, value.bytes.size());
      out += value.bytes;
      break;
    case ThriftType::List:
    case ThriftType::Set:
      out += types_byte(std::min<std::size_t>(value.items.size(), 15), value.item_type);
      if (value.items.size() >= 15) append_varint(out, value.items.size());
      for (const auto& item : value.items) append_value(out, item);
      break;
    case ThriftType::Map:
      append_varint(out, value.items.size() / 2);
      if (!value.items.empty()) out += types_byte(static_cast<std::uint8_t>(value.key_type), value.item_type);
      for (const auto& item : value.items) append_value(out, item);
      break;
    case ThriftType::Struct: append_thrift(out, value); break;
  }
}

}  // namespace

const ThriftValue* ThriftValue::find(int id) const {
  const auto found = std::ranges::find(fields, id, &ThriftField::id);
  return found == fields.end() ? nullptr : &found->value;
}

ThriftValue* ThriftValue::find(int id) { return const_cast<ThriftValue*>(std::as_const(*this).find(id)); }

std::int64_t ThriftValue::number_at(int id, std::int64_t otherwise) const {
  const auto* value = find(id);
  return value == nullptr ? otherwise : value->number;
}

void ThriftValue::set(int id, ThriftValue value) {
  erase(id);
  const auto after = std::ranges::find_if(fields, [id](const ThriftField& field) { return field.id > id; });
  fields.insert(after, {id, std::move(value)});
}

void ThriftValue::erase(int id) {
  std::erase_if(fields, [id](const ThriftField& field) { return field.id == id; });
}

ThriftValue ThriftValue::flag(bool value) {
  ThriftValue made;
  made.type = value ? ThriftType::True : ThriftType::False;
  return made;
}

ThriftValue ThriftValue::i32(std::int64_t value) {
  ThriftValue made;
  made.type = ThriftType::I32;
  made.number = value;
  return made;
}

ThriftValue ThriftValue::structure(std::vector<ThriftField> fields) {
  ThriftValue made;
  made.fields = std::move(fields);
  return made;
}

Result<ThriftValue> parse_thrift(std::string_view text, int unread) { return ThriftParser(text, unread).structure(0); }

void append_thrift(std::string& out, const ThriftValue& structure) {
  if (!structure.bytes.empty()) {
    out += structure.bytes;
    return;
  }
  int last = 0;
  for (const auto& [id, value] : structure.fields) {
    const auto delta = id - last;
    if (delta > 0 && delta <= 15) {
      out += types_byte(static_cast<std::uint64_t>(delta), value.type);
    } else {
      out += types_byte(0, value.type);
      append_zigzag(out, id);
    }
    last = id;
    if (!is_bool(value.type)) append_value(out, value);
  }
  out += '\0';
}

}  // namespace weir::clickhouse
