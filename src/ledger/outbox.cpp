#include "ledger/outbox.hpp"

#include <limits>

#include "ledger/journal.hpp"

namespace weir::ledger {

namespace {

// Below which sequence messages are durable.
std::int64_t durable_before(const Store& store) {
  return store.first_held_message.value_or(std::numeric_limits<std::int64_t>::max());
}

}  // namespace

Result<bool> Outbox::put(const Message& message) {
  const std::lock_guard guard(store_->mutex);
  WEIR_TRY(store_->sqlite.run(
      "INSERT INTO outbox (key, hook, message, state, tries, created_at_us, next_at_us, error) "
      "VALUES (?, ?, ?, 'waiting', 0, ?, ?, '') ON CONFLICT DO NOTHING",
      message.key, to_text(message.hook), to_text(message.message), message.created_at, message.next_at));
  const bool is_new = store_->sqlite.changes() == 1;
  if (is_new && store_->held && !store_->first_held_message)
    store_->first_held_message = store_->sqlite.last_inserted();
  return is_new;
}

Result<std::vector<Message>> Outbox::due(Instant now, int limit) {
  const std::lock_guard guard(store_->mutex);
  auto rows =
      WEIR_TRY(store_->sqlite.query("SELECT sequence, key, hook, message, tries, created_at_us, next_at_us "
                                    "FROM outbox WHERE state = 'waiting' AND next_at_us <= ? AND sequence < ? "
                                    "ORDER BY sequence LIMIT ?",
                                    now, durable_before(*store_), std::int64_t{limit}));
  std::vector<Message> found;
  while (WEIR_TRY(rows.step())) {
    Message message;
    message.sequence = rows.integer(0);
    message.key = rows.text(1);
    message.hook = WEIR_TRY(parse_json(rows.text(2)));
    message.message = WEIR_TRY(parse_json(rows.text(3)));
    message.tries = static_cast<int>(rows.integer(4));
    message.created_at = rows.instant(5).value_or(Instant{});
    message.next_at = rows.instant(6).value_or(Instant{});
    found.push_back(std::move(message));
  }
  return found;
}

Result<std::optional<Instant>> Outbox::next_due() {
  const std::lock_guard guard(store_->mutex);
  auto row = WEIR_TRY(store_->sqlite.query(
      "SELECT min(next_at_us) FROM outbox WHERE state = 'waiting' AND sequence < ?", durable_before(*store_)));
  if (!WEIR_TRY(row.step())) return std::optional<Instant>{};
  return row.instant(0);
}

Result<void> Outbox::finish(std::int64_t sequence, Delivery delivery, Instant at, std::string_view error) {
  const std::lock_guard guard(store_->mutex);
  return store_->sqlite.run(
      "UPDATE outbox SET state = ?, tries = tries + 1, finished_at_us = ?, error = ? WHERE sequence = ?",
      delivery == Delivery::Delivered ? "delivered" : "given_up", at, error, sequence);
}

Result<void> Outbox::try_again(std::int64_t sequence, Instant next_at, std::string_view error) {
  const std::lock_guard guard(store_->mutex);
  return store_->sqlite.run("UPDATE outbox SET tries = tries + 1, next_at_us = ?, error = ? WHERE sequence = ?",
                            next_at, error, sequence);
}

}  // namespace weir::ledger
