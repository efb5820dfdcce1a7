#include "connectors/mongodb/cursor_value.hpp"

#include <algorithm>
#include <cstring>

#include "connectors/mongodb/bson_reader.hpp"

namespace weir::mongodb {
namespace {

constexpr std::size_t kSeenMax = 10'000;  // fingerprints that a checkpoint carries

std::optional<Bracket> bracket_of(BsonType type) {
  switch (type) {
    case BsonType::Double:
    case BsonType::Int32:
    case BsonType::Int64:
    case BsonType::Decimal128: return Bracket::Numbers;
    case BsonType::String: return Bracket::Strings;
    case BsonType::ObjectId: return Bracket::ObjectIds;
    case BsonType::DateTime: return Bracket::Dates;
    case BsonType::Timestamp: return Bracket::Timestamps;
    default: return std::nullopt;
  }
}

// Their numbers, as $type takes them.
std::vector<std::int32_t> types_of(Bracket bracket) {
  switch (bracket) {
    case Bracket::Numbers: return {1, 16, 18, 19};
    case Bracket::Strings: return {2};
    case Bracket::ObjectIds: return {7};
    case Bracket::Dates: return {9};
    case Bracket::Timestamps: break;
  }
  return {17};
}

const std::uint8_t* bytes_of(const CursorValue& value) {
  return reinterpret_cast<const std::uint8_t*>(value.bytes.data());
}

// 80 bits hold every int64 exactly.
long double number_of(const CursorValue& value) {
  switch (value.type) {
    case BsonType::Int32: return read_int32(bytes_of(value));
    case BsonType::Int64: return static_cast<long double>(read_int64(bytes_of(value)));
    case BsonType::Double: return static_cast<long double>(read_double(bytes_of(value)));
    default: return std::strtold(decimal_text(bytes_of(value)).c_str(), nullptr);
  }
}

std::uint64_t fingerprint_of(BsonBytes document) {
  std::uint64_t hash = 14'695'981'039'346'656'037U;  // FNV-1a
  for (const auto byte : document) hash = (hash ^ byte) * 1'099'511'628'211U;
  return hash;
}

std::weak_ordering order_of(int compared) { return compared <=> 0; }

// A document {v: value}, to pass the value on.
Document wrapped(const CursorValue& value, std::string_view name) {
  std::string bytes(sizeof(std::int32_t), '\0');
  bytes += static_cast<char>(value.type);
  bytes += name;
  bytes += '\0';
  bytes += value.bytes;
  bytes += '\0';
  const auto size = static_cast<std::int32_t>(bytes.size());
  std::memcpy(bytes.data(), &size, sizeof size);
  return Document::from({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

}  // namespace

Bracket CursorValue::bracket() const { return bracket_of(type).value_or(Bracket::Strings); }

std::weak_ordering CursorValue::compare(const CursorValue& other) const {
  switch (bracket()) {
    case Bracket::Numbers: {
      const auto left = number_of(*this);
      const auto right = number_of(other);
      return left < right   ? std::weak_ordering::less
             : right < left ? std::weak_ordering::greater
                            : std::weak_ordering::equivalent;
    }
    case Bracket::Strings: return order_of(read_text(bytes_of(*this)).compare(read_text(bytes_of(other))));
    case Bracket::ObjectIds: return order_of(bytes.compare(other.bytes));
    case Bracket::Dates: return read_int64(bytes_of(*this)) <=> read_int64(bytes_of(other));
    case Bracket::Timestamps: break;
  }
  return static_cast<std::uint64_t>(read_int64(bytes_of(*this))) <=>
         static_cast<std::uint64_t>(read_int64(bytes_of(other)));
}

CursorValue CursorValue::before(std::chrono::milliseconds lag) const {
  if (type != BsonType::DateTime || lag.count() == 0) return *this;
  const auto earlier = read_int64(bytes_of(*this)) - lag.count();
  auto value = *this;
  std::memcpy(value.bytes.data(), &earlier, sizeof earlier);
  return value;
}

std::optional<CursorValue> cursor_value(BsonBytes document, std::string_view path) {
  const auto* at = document.data();
  while (true) {
    const auto dot = path.find('.');
    Elements elements{at};
    Element element;
    bool found = false;
    while (!found && elements.next(element)) found = element.name == path.substr(0, dot);
    if (!found) return std::nullopt;
    if (dot == std::string_view::npos) {
      if (!bracket_of(element.type)) return std::nullopt;
      return CursorValue{element.type,
                         {reinterpret_cast<const char*>(element.value), value_size(element.type, element.value)}};
    }
    if (element.type != BsonType::Document) return std::nullopt;
    at = element.value;
    path.remove_prefix(dot + 1);
  }
}

// {"at": {"v": …}, "seen": ["16 hexadecimal digits", …]}
Result<CursorState> CursorState::from_json(CursorField field, const Json& json) {
  CursorState state{std::move(field)};
  if (json.is_null()) return state;
  const auto damaged = [] { return Error::user(Code::InvalidData, "a checkpoint's cursor that Weir did not write"); };
  if (!json.is_object() || !json.contains("at")) return damaged();
  const auto at = WEIR_TRY(parse_document(json.at("at")));
  const auto value = cursor_value(at.bytes(), "v");
  if (!value) return damaged();
  auto& group = state.groups_[value->bracket()];
  group.greatest = *value;
  const auto seen = json.value("seen", std::vector<std::string>{});
  for (const auto& text : seen) group.last.push_back({*value, std::strtoull(text.c_str(), nullptr, 16)});
  state.bracket_ = value->bracket();
  return state;
}

Json CursorState::to_json() const {
  const auto* main = main_group();
  if (main == nullptr) return nullptr;
  auto group = main->second;
  prune(group);
  Json seen = Json::array();
  for (const auto& one : group.last) seen.push_back(fmt::format("{:016x}", one.fingerprint));
  const auto at = wrapped(group.greatest, "v");
  return {{"at", parse_json(at.text()).value()}, {"seen", std::move(seen)}};
}

Document CursorState::filter() const {
  Document filter;
  const auto* main = main_group();
  if (main == nullptr) return filter;
  auto range = Document{}.add(field_.path, wrapped(main->second.greatest.before(field_.lag), "$gte"));
  if (field_.odd == OddCursor::Skipped) return range;
  // What has no value in that range of values: no cursor tells whether it is new.
  Document types;
  bson_t list;
  bson_append_array_begin(types.get(), "$type", -1, &list);
  std::int32_t index = 0;
  for (const auto type : types_of(main->first)) bson_append_int32(&list, std::to_string(index++).c_str(), -1, type);
  bson_append_array_end(types.get(), &list);
  const std::array either{range, Document{}.add(field_.path, Document{}.add("$not", types))};
  return std::move(filter.add_list("$or", either));
}

bool CursorState::was_loaded(BsonBytes document) const {
  const auto* main = main_group();
  if (main == nullptr) return false;
  const auto fingerprint = fingerprint_of(document);
  return std::ranges::any_of(main->second.last, [&](const Seen& seen) { return seen.fingerprint == fingerprint; });
}

void CursorState::take(BsonBytes document) {
  const auto value = cursor_value(document, field_.path);
  if (!value) {
    ++odd_;
    return;
  }
  auto& group = groups_[value->bracket()];
  if (group.documents++ == 0 || std::is_gt(value->compare(group.greatest))) group.greatest = *value;
  if (std::is_lt(value->compare(group.greatest.before(field_.lag)))) return;
  group.last.push_back({*value, fingerprint_of(document)});
  if (group.last.size() > 2 * kSeenMax) prune(group);
}

// The most recent ones count, when there are too many: whoever is left out is read again.
void CursorState::prune(Group& group) const {
  const auto begin = group.greatest.before(field_.lag);
  std::erase_if(group.last, [&](const Seen& seen) { return std::is_lt(seen.value.compare(begin)); });
  if (group.last.size() > kSeenMax)
    group.last.erase(group.last.begin(), group.last.end() - static_cast<std::ptrdiff_t>(kSeenMax));
}

void CursorState::add(const CursorState& other) {
  odd_ += other.odd_;
  for (const auto& [bracket, group] : other.groups_) {
    auto& own = groups_[bracket];
    if (own.documents == 0 || std::is_gt(group.greatest.compare(own.greatest))) own.greatest = group.greatest;
    own.documents += group.documents;
    own.last.insert(own.last.end(), group.last.begin(), group.last.end());
    prune(own);
  }
}

CursorState CursorState::advanced(const CursorState& before) const {
  auto state = *this;
  state.bracket_ = before.bracket_;
  const auto* main = before.main_group();
  if (main != nullptr) {
    // Documents at the last value that did not change are not read as new, and stay known.
    auto& group = state.groups_[main->first];
    if (group.documents == 0 || std::is_gt(main->second.greatest.compare(group.greatest)))
      group.greatest = main->second.greatest;
    group.last.insert(group.last.end(), main->second.last.begin(), main->second.last.end());
  }
  for (auto& [bracket, group] : state.groups_) state.prune(group);
  return state;
}

// That of the runs before, else the one that most documents are of.
const std::pair<const Bracket, CursorState::Group>* CursorState::main_group() const {
  if (bracket_) {
    const auto found = groups_.find(*bracket_);
    return found == groups_.end() ? nullptr : &*found;
  }
  const auto most = std::ranges::max_element(groups_, {}, [](const auto& entry) { return entry.second.documents; });
  return most == groups_.end() ? nullptr : &*most;
}

}  // namespace weir::mongodb
