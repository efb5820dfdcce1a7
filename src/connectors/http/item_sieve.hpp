#pragma once

#include <deque>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "connectors/http/cursor_window.hpp"
#include "documents/shape.hpp"
#include "net/city_hash.hpp"

namespace weir::http {

// Decides which of a resource's items a run loads. Every reader of the same pages decides alike. One thread at a time.
class ItemSieve {
 public:
  // What happens to an item that came before: a page that is asked for again brings its items again.
  enum class Repeats { Taken, LeftOut };
  // `cursor` is null for a resource without one; both must live as long.
  ItemSieve(const Resource& resource, const CursorWindow* cursor, Repeats repeats);

  struct Decision {
    enum class Verdict { Take, Skip, SkipAndStop } verdict = Verdict::Take;
    ItemField cursor;
    std::string fingerprint;  // where there is a cursor: of the item's key, else of its text
  };
  Result<Decision> decide(documents::JsonParser& parser, std::string_view item);
  // Items that came twice because the list moved while it was paged.
  std::uint64_t repeated() const { return repeated_; }

 private:
  bool came_before(const net::Hash128& hash);

  const Resource& resource_;
  const CursorWindow* cursor_;
  const Repeats repeats_;
  std::vector<std::vector<std::string>> paths_;  // of the key, then of the cursor
  struct HashOfHash {
    std::size_t operator()(const net::Hash128& hash) const { return hash.low; }
  };
  std::unordered_set<net::Hash128, HashOfHash> recent_;  // hashes of keys
  std::deque<net::Hash128> order_;                       // of `recent_`, oldest first
  std::uint64_t repeated_ = 0;
};

// 32 hexadecimal digits.
std::string fingerprint_of(std::string_view text);

}  // namespace weir::http
