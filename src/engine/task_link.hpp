#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/log.hpp"
#include "flow/journal.hpp"
#include "flow/pump.hpp"
#include "ledger/ledger.hpp"
#include "services/process.hpp"

// What a task child and its parent say to each other, as JSON messages over a services::Channel. Every message has a
// "type":
//
//   parent → child   work      order: the WorkOrder                      first, once
//                    answer    value | error                            to every check, part and journal message
//   child → parent   log       time, level, message
//                    progress  rows_read, rows_written, bytes_read      totals of this attempt
//                    check     a check's result                         answered when it is durable
//                    part      an attempt of a part of the task         answered when it is durable
//                    journal   stream, call, and the call's values      answered when it is durable
//                    done      output, memory_bytes_max                 last
//                    failed    error, memory_bytes_max                  last
//
// A child that ends without done or failed has crashed or was killed.
namespace weir::engine {

inline constexpr int kTaskChannelFd = 3;  // where the child finds its end

Json to_json(const ledger::CheckResult& check);
ledger::CheckResult check_from_json(const Json& json);
// A part's name stands in the attempt's `task`; run and number are not carried.
Json part_to_json(const ledger::Attempt& part);
ledger::Attempt part_from_json(const Json& json);
Json to_json(const LogLine& line);
LogLine log_line_from_json(const Json& json);

// The parent's answer to one journal message, from the ledger's journal.
Json answer_journal(flow::Journal& journal, const Json& message);

// The child's end. Sending is thread-safe; calls that wait for an answer come from one thread at a time.
class TaskLink {
 public:
  explicit TaskLink(services::Channel channel) : channel_(std::move(channel)) {}

  Result<Json> receive_work();
  Result<void> send(const Json& message);
  // Sends a message and waits for its answer.
  Result<Json> call(const Json& message);

 private:
  services::Channel channel_;
};

// The journal that a task sees: each call travels to the parent and returns when it is durable there.
class LinkedJournal final : public flow::Journal {
 public:
  LinkedJournal(TaskLink& link, std::string stream) : link_(link), stream_(std::move(stream)) {}

  Result<std::optional<flow::Intent>> pending() override;
  Result<std::optional<flow::Receipt>> superseded() override;
  Result<std::optional<flow::Checkpoint>> checkpoint() override;
  Result<CommitId> next_commit() override;
  Result<void> intend(const flow::Intent& intent) override;
  Result<void> save(const flow::Receipt& receipt, const std::optional<flow::Checkpoint>& checkpoint) override;

 private:
  Result<Json> call(std::string_view name, Json values);

  TaskLink& link_;
  std::string stream_;
};

}  // namespace weir::engine
