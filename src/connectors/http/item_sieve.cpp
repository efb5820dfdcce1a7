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

std::string text_of(const net::Hash128& hash) { return fmt::format("{:016x}{:016x}", hash.high, hash.low); }

}  // namespace

std::string fingerprint_of(std::string_view text) { return text_of(net::city_hash_128(net::as_bytes(text))); }

ItemSieve::ItemSieve(const Resource& resource, const CursorWindow* cursor, Repeats repeats)
    : resource_(resource), cursor_(cursor), repeats_(repeats) {
  for (const auto& path : resource.key) paths_.push_back(names_of(path));
  if (resource.cursor) paths_.push_back(resource.cursor->path.names().value_or(std::vector<std::string>{}));
}

Result<ItemSieve::Decision> ItemSieve::decide(documents::JsonParser& parser, std::string_view item) {
  Decision decision;
  // The items of different parents may have the same key; those of one list may not. Without a key all are taken.
  const bool leaves_out = repeats_ == Repeats::LeftOut && !resource_.key.empty() && resource_.parent.empty();
  if (cursor_ == nullptr && !leaves_out) return decision;
  auto fields = WEIR_TRY(read_fields(parser, item, paths_));
  if (resource_.cursor) {
    decision.cursor = std::move(fields.back());
    fields.pop_back();
  }
  std::string key;
  for (const auto& field : fields) {
    key += fmt::format("{}:{}:{}", static_cast<int>(field.kind), field.text.size(), field.text);
  }
  const auto hash = net::city_hash_128(net::as_bytes(fields.empty() ? item : std::string_view{key}));
  if (cursor_ != nullptr) decision.fingerprint = text_of(hash);
  if (cursor_ != nullptr) {
    switch (WEIR_TRY(cursor_->judge(decision.cursor, decision.fingerprint))) {
      case CursorWindow::Verdict::Take: break;
      case CursorWindow::Verdict::Skip: decision.verdict = Decision::Verdict::Skip; return decision;
      case CursorWindow::Verdict::SkipAndStop: decision.verdict = Decision::Verdict::SkipAndStop; return decision;
    }
  }
  if (leaves_out && came_before(hash)) {
    ++repeated_;
    decision.verdict = Decision::Verdict::Skip;
  }
  return decision;
}

bool ItemSieve::came_before(const net::Hash128& hash) {
  if (!recent_.insert(hash).second) return true;
  order_.push_back(hash);
  if (order_.size() > kRecentMax) {
    recent_.erase(order_.front());
    order_.pop_front();
  }
  return false;
}

}  // namespace weir::http
