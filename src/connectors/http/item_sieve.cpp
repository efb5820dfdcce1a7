#include "connectors/http/item_sieve.hpp"

#include "net/byte_stream.hpp"
#include "net/city_hash.hpp"

namespace weir::http {
namespace {

// An item that moves while a list is paged comes again within a few pages.
constexpr std::size_t kRecentMax = 100'000;

std::vector<std::string> names_of(std::string_view path) {
  std::vector<std::string> names;
  while (true) {
    const auto dot = path.find('.');
    names.emplace_back(path.substr(0, dot));
    if (dot == std::string_view::npos) return names;
    path.remove_prefix(dot + 1);
  }
}

}  // namespace

std::string fingerprint_of(std::string_view text) {
  const auto hash = net::city_hash_128(net::as_bytes(text));
  return fmt::format("{:016x}{:016x}", hash.high, hash.low);
}

ItemSieve::ItemSieve(const Resource& resource, const CursorWindow* cursor, Repeats repeats)
    : resource_(resource), cursor_(cursor), repeats_(repeats) {
  for (const auto& path : resource.key) paths_.push_back(names_of(path));
  if (resource.cursor) paths_.push_back(resource.cursor->path.names().value_or(std::vector<std::string>{}));
}

Result<ItemSieve::Decision> ItemSieve::decide(documents::JsonParser& parser, std::string_view item) {
  Decision decision;
  auto fields = WEIR_TRY(read_fields(parser, item, paths_));
  if (resource_.cursor) {
    decision.cursor = std::move(fields.back());
    fields.pop_back();
  }
  if (!fields.empty()) {
    std::string key;
    for (const auto& field : fields) {
      key += fmt::format("{}:{}:{}", static_cast<int>(field.kind), field.text.size(), field.text);
    }
    decision.fingerprint = fingerprint_of(key);
  } else if (cursor_ != nullptr) {
    decision.fingerprint = fingerprint_of(item);
  }
  if (cursor_ != nullptr) {
    switch (WEIR_TRY(cursor_->judge(decision.cursor, decision.fingerprint))) {
      case CursorWindow::Verdict::Take: break;
      case CursorWindow::Verdict::Skip: decision.verdict = Decision::Verdict::Skip; return decision;
      case CursorWindow::Verdict::SkipAndStop: decision.verdict = Decision::Verdict::SkipAndStop; return decision;
    }
  }
  // The items of different parents may have the same key; those of one list may not. Without a key all are taken.
  if (repeats_ == Repeats::LeftOut && !fields.empty() && resource_.parent.empty() &&
      came_before(decision.fingerprint)) {
    ++repeated_;
    decision.verdict = Decision::Verdict::Skip;
  }
  return decision;
}

bool ItemSieve::came_before(const std::string& fingerprint) {
  const auto [place, is_new] = recent_.insert(fingerprint);
  if (!is_new) return true;
  order_.push_back(&*place);
  if (order_.size() > kRecentMax) {
    recent_.erase(*order_.front());
    order_.pop_front();
  }
  return false;
}

}  // namespace weir::http
