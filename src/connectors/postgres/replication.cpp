#include "connectors/postgres/replication.hpp"

#include <algorithm>

#include "connectors/postgres/catalog.hpp"
#include "connectors/postgres/publication.hpp"
#include "connectors/postgres/reading_role.hpp"
#include "connectors/postgres/server_log.hpp"
#include "connectors/postgres/subscription.hpp"

namespace weir::postgres {
namespace {

using flow::Replica;
using flow::ReplicationRequest;
using flow::ReplicationStatus;

// A worker that meets an error ends and is started anew: one error may pass (a deadlock), the same one again does not.
constexpr std::size_t kSameErrorsMax = 2;
// Without the log only the count of errors is known, in which a publisher that restarts shows once or twice.
constexpr std::int64_t kCountedErrorsMax = 4;

class PostgresReplication final : public flow::Replication {
 public:
  PostgresReplication(ReplicationSide publisher, ReplicationSide subscriber)
      : publisher_(std::move(publisher)), subscriber_(std::move(subscriber)) {}

  Result<Replica> establish(const ReplicationRequest& request, const flow::Changed& changed,
                            std::stop_token stop) override;
  Result<std::string> position(std::stop_token stop) override {
    auto* source = WEIR_TRY(source_session(stop));
    return wal_position(*source, stop);
  }
  Result<ReplicationStatus> status(const std::string& until, std::stop_token stop) override;

 private:
  // Sessions for looking, opened again when the server was restarted meanwhile.
  Result<Connection*> source_session(std::stop_token stop) { return session(source_, publisher_.address, stop); }
  Result<Connection*> target_session(std::stop_token stop) { return session(target_, subscriber_.address, stop); }
  static Result<Connection*> session(std::optional<Connection>& kept, const Address& address, std::stop_token stop);

  std::optional<Error> failure(const SubscriptionProgress& progress);
  Error failing(const std::string& text) const;

  ReplicationSide publisher_;
  ReplicationSide subscriber_;
  std::string name_;
  std::optional<Connection> source_;
  std::optional<Connection> target_;
  std::filesystem::path data_folder_;
  std::optional<LogTail> tail_;
  std::optional<SubscriptionLog> log_;
  std::optional<std::int64_t> errors_at_start_;
};

// What establish() works with: both sides' sessions and what it has found out.
class Establishment {
 public:
  Establishment(Connection source, Connection target, const ReplicationSide& publisher,
                const ReplicationRequest& request, const flow::Changed& changed, std::stop_token stop)
      : source_(std::move(source)),
        target_(std::move(target)),
        publisher_(publisher),
        request_(request),
        changed_(changed),
        stop_(std::move(stop)) {}

  Result<Replica> run() {
    WEIR_TRY(check_publisher(source_, stop_));
    WEIR_TRY(take_turn());
    tables_ = WEIR_TRY(choose_tables(source_, request_.tables, publisher_.default_schema, stop_));
    WEIR_TRY(settle_role());
    records_ = WEIR_TRY(read_records(target_, request_.name, stop_));
    subscription_ = WEIR_TRY(find_subscription(target_, request_.name, stop_));
    published_ = WEIR_TRY(published_tables(source_, request_.name, stop_));
    WEIR_TRY(look_at_slot());
    WEIR_TRY(settle_tables());
    if (subscription_ && is_cut_) WEIR_TRY(end());
    if (subscription_) {
      WEIR_TRY(settle_subscription());
    } else {
      WEIR_TRY(begin());
    }
    return std::move(replica_);
  }

 private:
  // Two tasks of one name would undo each other's work. The lock ends with the session.
  Result<void> take_turn() {
    const auto taken = target_.query("SELECT pg_advisory_lock(hashtextextended('weir replication ' || $1, 0))",
                                     {request_.name}, stop_);
    if (taken.ok()) return {};
    return Error{taken.error()}.while_doing("waiting for another task that sets up replication " + request_.name);
  }

  Result<void> settle_role() {
    const ReadingRole role{request_.name, request_.password, RolePurpose::Replicating};
    const auto change = WEIR_TRY(ensure_role(source_, publisher_.address, role, stop_));
    if (!change.empty()) changed_(change);
    std::vector<flow::Relation> names;
    for (const auto& table : tables_) names.push_back(table.name);
    WEIR_TRY(grant_reading(source_, request_.name, names, stop_));
    const auto endpoint = WEIR_TRY(reachable_at(source_, publisher_.address, request_.address));
    publisher_connection_ = connection_string(publisher_.address, endpoint, source_.database(), role);
    return {};
  }

  Result<void> look_at_slot() {
    const auto slot = WEIR_TRY(find_slot(source_, request_.name, stop_));
    slot_exists_ = slot.has_value();
    if (subscription_) {
      // WAL from before a publication was made cannot be decoded for it, so a publication that was dropped ends the slot.
      is_cut_ = !slot || slot->lost || !published_;
      if (is_cut_ && request_.on_slot_lost == flow::OnSlotLost::Fail) return slot_lost(request_.name);
    } else if (slot && records_.empty()) {
      // Weir makes a slot after its records: this one is of another subscriber, which may only be down.
      return Error::user(Code::Conflict, "there is a replication slot of this name that is not of this subscriber: {}",
                         request_.name)
          .hint("give this task a name of its own, with the key name; or drop the slot when nobody reads from it");
    }
    return {};
  }

  // The old subscription goes, and with it what it has brought.
  Result<void> end() {
    WEIR_TRY(unsubscribe_and_empty(target_, request_.name, tables_, records_, stop_));
    subscription_.reset();
    changed_("emptied the subscriber's tables, since the replication slot was lost");
    replica_.warnings.push_back(
        fmt::format("the replication slot {} was lost: copying every table again", request_.name));
    return {};
  }

  // The subscriber's tables come first: a change that meets no table or no column stops the subscription.
  Result<void> settle_tables() {
    for (const auto& table : tables_) {
      const auto known = records_.find(table.name);
      const auto record = known == records_.end() ? std::nullopt : std::optional{known->second};
      auto prepared = WEIR_TRY(prepare_replica(target_, request_.name, table, record, changed_, stop_));
      replica_.tables.push_back(
          {.source = table.name, .target = table.name, .key = table.key, .not_compared = prepared.only_in_replica});
      prepared_.push_back(std::move(prepared));
      if (table.key.empty()) {
        replica_.warnings.push_back(
            fmt::format("table {} has no primary key: every update and delete searches the subscriber's whole table",
                        table.name.text()));
      }
    }
    records_ = WEIR_TRY(read_records(target_, request_.name, stop_));
    return {};
  }

  bool is_subscribed(std::size_t i) const { return subscription_ && subscription_->tables.contains(prepared_[i].oid); }

  Result<void> begin() {
    if (request_.on_slot_lost == flow::OnSlotLost::Fail) {
      const auto filled = WEIR_TRY(first_with_rows(target_, tables_, records_, stop_));
      if (filled) return subscription_lost(request_.name, *filled);
    }
    WEIR_TRY(empty_replicas(target_, request_.name, tables_, records_, stop_));
    WEIR_TRY(publish(source_, request_.name, tables_, changed_, stop_));
    // A slot without a subscription is what a run left that was cut off below, or what a former subscription needed.
    if (slot_exists_) WEIR_TRY(drop_slot(source_, request_.name, stop_));
    WEIR_TRY(make_slot(source_, request_.name, stop_));
    changed_(fmt::format("made replication slot {}", request_.name));
    WEIR_TRY(subscribe(target_, request_.name, publisher_connection_, stop_));
    changed_(fmt::format("made subscription {}", request_.name));
    return {};
  }

  Result<void> settle_subscription() {
    if (!subscription_->connection || *subscription_->connection != publisher_connection_) {
      WEIR_TRY(set_connection(target_, request_.name, publisher_connection_, stop_));
      changed_("told the subscription how to reach the publisher");
    }
    if (!subscription_->enabled) {
      WEIR_TRY(enable_subscription(target_, request_.name, stop_));
      changed_("enabled the subscription, which somebody had disabled");
    }
    std::vector<TableDefinition> staying;
    std::vector<TableDefinition> to_copy;
    bool copies_again = false;
    for (std::size_t i = 0; i < tables_.size(); ++i) {
      // What somebody took out of the publication meanwhile has changed unseen.
      const bool unseen = !std::ranges::binary_search(*published_, tables_[i].oid);
      const bool again = is_subscribed(i) && (prepared_[i].needs_copy || unseen);
      if (again) {
        changed_(fmt::format("{}: copying it again", tables_[i].name.text()));
        copies_again = true;
      }
      (is_subscribed(i) && !again ? staying : to_copy).push_back(tables_[i]);
    }
    // A table that is copied again leaves the subscription first: then nothing writes to it while it is emptied.
    if (copies_again) {
      WEIR_TRY(publish(source_, request_.name, staying, changed_, stop_));
      WEIR_TRY(refresh_subscription(target_, request_.name, stop_));
    }
    if (!to_copy.empty()) WEIR_TRY(empty_replicas(target_, request_.name, to_copy, records_, stop_));
    WEIR_TRY(publish(source_, request_.name, tables_, changed_, stop_));
    if (!to_copy.empty() || subscription_->tables.size() != tables_.size()) {
      WEIR_TRY(refresh_subscription(target_, request_.name, stop_));
    }
    return {};
  }

  Connection source_;
  Connection target_;
  const ReplicationSide& publisher_;
  const ReplicationRequest& request_;
  const flow::Changed& changed_;
  std::stop_token stop_;
  std::vector<TableDefinition> tables_;
  std::vector<PreparedTable> prepared_;  // one for each of tables_
  std::map<flow::Relation, ReplicaRecord> records_;
  std::optional<SubscriptionState> subscription_;
  Secret publisher_connection_;
  std::optional<std::vector<Oid>> published_;
  bool slot_exists_ = false;
  bool is_cut_ = false;  // the subscription cannot go on from where it is
  Replica replica_;
};

Result<Connection*> PostgresReplication::session(std::optional<Connection>& kept, const Address& address,
                                                 std::stop_token stop) {
  if (!kept || !kept->alive()) kept.emplace(WEIR_TRY(Connection::open(address, stop)));
  return &*kept;
}

Result<Replica> PostgresReplication::establish(const ReplicationRequest& request, const flow::Changed& changed,
                                               std::stop_token stop) {
  name_ = request.name;
  auto source = WEIR_TRY(open_discreet(publisher_.address, stop));
  auto target = WEIR_TRY(open_discreet(subscriber_.address, stop));
  data_folder_ = local_data_folder(source, publisher_.address, stop);
  auto replica =
      WEIR_TRY(Establishment(std::move(source), std::move(target), publisher_, request, changed, stop).run());
  // From here on, since what stood in the way before may be mended now: a column that was missing.
  tail_.emplace(subscriber_.server_log);
  log_.emplace(name_);
  errors_at_start_.reset();
  return replica;
}

Error PostgresReplication::failing(const std::string& text) const {
  return Error::external(Code::InvalidData, "the subscriber cannot apply the changes: {}", text)
      .hint(fmt::format(
          "mend it on the subscriber and run the task again: the changes wait in the slot. To leave out the "
          "transaction instead: ALTER SUBSCRIPTION {} SKIP (lsn = '…') with the position that it finished at",
          name_))
      .retry(Retry::Never);
}

std::optional<Error> PostgresReplication::failure(const SubscriptionProgress& progress) {
  for (const int pid : progress.workers) log_->add_worker(pid);
  log_->append(tail_->read());
  const auto& errors = log_->errors();
  std::map<std::string, std::size_t> seen;
  for (const auto& error : errors) {
    if (error.is_about_connection()) continue;
    if (++seen[error.message + error.detail] >= kSameErrorsMax) return failing(error.text());
  }
  if (!errors_at_start_) errors_at_start_ = progress.errors;
  if (tail_->readable() || progress.errors - *errors_at_start_ < kCountedErrorsMax) return std::nullopt;
  return failing(fmt::format("{} errors meanwhile; what they are stands in the server's log",
                             progress.errors - *errors_at_start_));
}

Result<ReplicationStatus> PostgresReplication::status(const std::string& until, std::stop_token stop) {
  auto* target = WEIR_TRY(target_session(stop));
  const auto subscription =
      WEIR_TRY(subscription_progress(*target, name_, stop).while_doing("asking the subscriber how far it is"));
  auto* source = WEIR_TRY(source_session(stop));
  const auto slot = WEIR_TRY(
      slot_progress(*source, name_, until, stop).while_doing("asking the publisher how far the subscriber is"));

  ReplicationStatus status;
  const auto bytes = [](std::int64_t value) { return static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0)); };
  status.missing_bytes = bytes(slot.missing_bytes);
  status.lag_bytes = bytes(slot.lag_bytes);
  status.retained_bytes = bytes(slot.retained_bytes);
  status.lag_seconds = slot.lag_seconds;
  status.tables = subscription.tables;
  status.tables_copied = subscription.tables_ready;
  status.rows_copied = subscription.rows_copied;
  status.progress = subscription.position + " " + slot.confirmed;
  status.caught_up = slot.missing_bytes <= 0 && subscription.tables_ready == subscription.tables;
  status.free_bytes = free_bytes(data_folder_);
  if (!subscription.tables_waiting.empty()) {
    status.waits_for = fmt::format("the first copy of {}", fmt::join(subscription.tables_waiting, ", "));
  } else if (!subscription.enabled) {
    status.waits_for = "the subscription, which is disabled";
  } else if (!slot.active) {
    status.waits_for = "the subscriber to connect to the publisher";
  } else {
    status.waits_for = "the subscriber to apply the changes";
  }
  if (status.caught_up) return status;
  status.failure = failure(subscription);
  if (!log_->last_words().empty()) status.waits_for += fmt::format(", whose log says: {}", log_->last_words());
  return status;
}

}  // namespace

Result<std::vector<flow::HeldLog>> held_logs(const ReplicationSide& publisher, std::stop_token stop) {
  auto connection = WEIR_TRY(Connection::open(publisher.address, stop));
  return held_logs(connection, publisher.address, stop);
}

std::unique_ptr<flow::Replication> make_replication(ReplicationSide publisher, ReplicationSide subscriber) {
  return std::make_unique<PostgresReplication>(std::move(publisher), std::move(subscriber));
}

}  // namespace weir::postgres
