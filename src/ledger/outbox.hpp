#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ledger/ledger.hpp"

namespace weir::ledger {

struct Store;

// A message to the outside (a webhook, a mail, a command) that is delivered at least once. Holds no secret: the hook is
// kept as the project writes it, its templates are rendered at each try.
struct Message {
  std::int64_t sequence = 0;
  std::string key;  // what it tells of and to whom: a second message with the same key is not made
  Json hook;
  Json message;
  int tries = 0;
  Instant created_at;
  Instant next_at;
};

enum class Delivery { Delivered, GivenUp };

// Thread-safe, durable when a call returns (but see Ledger::hold).
class Outbox {
 public:
  explicit Outbox(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  // Whether it is new.
  Result<bool> put(const Message& message);
  // What is to be delivered by now, in order, and when the next one is due. Only messages that are durable: what they tell
  // of has happened, whatever is killed now.
  Result<std::vector<Message>> due(Instant now, int limit);
  Result<std::optional<Instant>> next_due();
  Result<void> finish(std::int64_t sequence, Delivery delivery, Instant at, std::string_view error);
  Result<void> try_again(std::int64_t sequence, Instant next_at, std::string_view error);

 private:
  std::shared_ptr<Store> store_;
};

}  // namespace weir::ledger
