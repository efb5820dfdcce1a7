#include "connectors/mongodb/familiar.hpp"

#include <algorithm>

#include "connectors/mongodb/bson_reader.hpp"
#include "documents/tables.hpp"

namespace weir::mongodb {
namespace {

using documents::ScalarKinds;
using Kind = documents::Value::Kind;

constexpr std::size_t kFewNames = 64;  // whose presence one word keeps
constexpr std::size_t kDocumentBytesMin = 5;
constexpr std::int64_t kExactMax = std::int64_t{1} << 53;

bool holds(const ScalarKinds& kinds, std::uint32_t kind) { return (kind & ~kinds.bits()) == 0; }

std::uint32_t integer_kind(std::int64_t value) {
  return value > kExactMax || value < -kExactMax ? ScalarKinds::kLargeInteger | ScalarKinds::kInteger
                                                 : ScalarKinds::kInteger;
}

// How many bytes a document or an array takes; 0 where that cannot be true.
std::size_t framed(const std::uint8_t* at, const std::uint8_t* limit) {
  if (limit - at < static_cast<std::ptrdiff_t>(kDocumentBytesMin)) return 0;
  const auto size = read_int32(at);
  if (size < static_cast<std::int32_t>(kDocumentBytesMin) || size > limit - at || at[size - 1] != 0) return 0;
  return static_cast<std::size_t>(size);
}

}  // namespace

FamiliarDocuments::FamiliarDocuments(const documents::Shape& shape, NulText nul)
    : nul_(nul), has_text_kinds_(shape.rules().times == documents::Times::Detect) {
  const auto& rules = shape.rules();
  for (const auto& path : rules.key) keys_.push_back(find_node(shape, path));
  is_usable_ = !rules.contracts.rejects() && std::ranges::find(keys_, nullptr) == keys_.end();
  root_ = std::make_unique<Node>(node_of(rules, shape.root(), 0));
}

FamiliarDocuments::Node FamiliarDocuments::node_of(const documents::Rules& rules, const documents::ShapeNode& from,
                                                   int level) const {
  Node node{.name = KnownName{from.name}};
  node.kinds = from.kinds;
  node.level = level;
  node.is_skipped = from.treatment == documents::Treatment::Skip;
  node.is_key = std::ranges::find(keys_, &from) != keys_.end();
  node.is_judged = from.stated || (from.known && rules.contracts.types != documents::Contract::Evolve);
  node.keeps_documents = is_kept(rules, from, Kind::Object, level);
  node.keeps_arrays = is_kept(rules, from, Kind::List, level) || from.role == documents::ShapeNode::Role::Element;
  for (const auto& member : from.members) node.members.push_back(node_of(rules, *member, level + 1));
  if (from.element) node.element = std::make_unique<Node>(node_of(rules, *from.element, level + 1));
  return node;
}

bool FamiliarDocuments::knows(BsonBytes bytes) {
  if (!is_usable_ || framed(bytes.data(), bytes.data() + bytes.size()) != bytes.size()) return false;
  keys_seen_ = 0;
  return document(*root_, bytes.data(), bytes.data() + bytes.size()) != nullptr && keys_seen_ == keys_.size();
}

const std::uint8_t* FamiliarDocuments::document(const Node& node, const std::uint8_t* at, const std::uint8_t* limit) {
  const auto size = framed(at, limit);
  if (size == 0 || node.members.size() > kFewNames) return nullptr;
  const auto* end = at + size - 1;
  at += sizeof(std::int32_t);
  std::uint64_t seen = 0;
  std::size_t next = 0;  // members mostly come in the order in which they came before
  while (at < end) {
    const auto type = static_cast<BsonType>(*at++);
    const Node* member = nullptr;
    for (std::size_t i = 0; i < node.members.size(); ++i, ++next) {
      if (next >= node.members.size()) next = 0;
      const auto& candidate = node.members[next];
      if (!candidate.name.is_at(at, end)) continue;
      member = &candidate;
      at += candidate.name.size();
      break;
    }
    if (member == nullptr || (seen >> next & 1) != 0) return nullptr;
    seen |= std::uint64_t{1} << next++;
    at = value(*member, type, at, end);
    if (at == nullptr) return nullptr;
  }
  return at == end ? end + 1 : nullptr;
}

const std::uint8_t* FamiliarDocuments::array(const Node& node, const std::uint8_t* at, const std::uint8_t* limit) {
  const auto size = framed(at, limit);
  if (size == 0) return nullptr;
  const auto* end = at + size - 1;
  at += sizeof(std::int32_t);
  while (at < end) {
    const auto type = static_cast<BsonType>(*at++);
    // Names of elements say nothing.
    while (at < end && *at != 0) ++at;
    if (at == end) return nullptr;
    at = value(node, type, at + 1, end);
    if (at == nullptr) return nullptr;
  }
  return at == end ? end + 1 : nullptr;
}

const std::uint8_t* FamiliarDocuments::inner(const Node& node, Inner kind, const std::uint8_t* at,
                                             const std::uint8_t* limit) {
  const bool is_kept = kind == Inner::Document ? node.keeps_documents : node.keeps_arrays;
  if (is_kept || node.is_skipped) {
    const bool is_known = node.is_skipped || holds(node.kinds, ScalarKinds::kNested);
    if (!is_known || !is_sound(kind, at, limit, node.level, nul_)) return nullptr;
    return at + read_int32(at);
  }
  if (kind == Inner::Document) return document(node, at, limit);
  return node.element ? array(*node.element, at, limit) : nullptr;
}

const std::uint8_t* FamiliarDocuments::value(const Node& node, BsonType type, const std::uint8_t* at,
                                             const std::uint8_t* limit) {
  if (node.is_judged) return nullptr;
  const auto rest = limit - at;
  std::uint32_t kind = 0;
  std::ptrdiff_t size = 0;
  switch (type) {
    case BsonType::Document:
    case BsonType::Array:
      keys_seen_ += node.is_key ? 1 : 0;
      return inner(node, type == BsonType::Document ? Inner::Document : Inner::Array, at, limit);
    case BsonType::String: {
      constexpr std::ptrdiff_t kHead = sizeof(std::int32_t);
      if (rest <= kHead || has_text_kinds_) return nullptr;
      const auto bytes = read_int32(at);
      if (bytes < 1 || bytes > rest - kHead || at[kHead + bytes - 1] != 0) return nullptr;
      if (!is_sound({reinterpret_cast<const char*>(at + kHead), static_cast<std::size_t>(bytes - 1)}, nul_))
        return nullptr;
      kind = ScalarKinds::kText;
      size = kHead + bytes;
      break;
    }
    case BsonType::Int32: kind = ScalarKinds::kInteger, size = 4; break;
    case BsonType::Int64:
      if (rest < 8) return nullptr;
      kind = integer_kind(read_int64(at)), size = 8;
      break;
    case BsonType::Double: kind = ScalarKinds::kFloat, size = 8; break;
    case BsonType::Bool: kind = ScalarKinds::kBool, size = 1; break;
    case BsonType::ObjectId: kind = ScalarKinds::kObjectId, size = 12; break;
    case BsonType::Null: kind = ScalarKinds::kNull; break;
    case BsonType::DateTime:
      if (rest < 8 || !is_sound_date(read_int64(at))) return nullptr;
      kind = ScalarKinds::kMoment, size = 8;
      break;
    case BsonType::Decimal128: {
      if (rest < 16) return nullptr;
      const auto seen = ScalarKinds::of(BsonValue{type, at}, documents::Times::Text);
      if (!node.is_skipped && (node.kinds | seen) != node.kinds) return nullptr;
      kind = seen.bits(), size = 16;
      break;
    }
    default: return nullptr;  // the rarer ones
  }
  if (size > rest || (!node.is_skipped && !holds(node.kinds, kind))) return nullptr;
  keys_seen_ += node.is_key && type != BsonType::Null ? 1 : 0;
  return at + size;
}

}  // namespace weir::mongodb
