#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "engine/project_version.hpp"
#include "ledger/ledger.hpp"
#include "ledger/outbox.hpp"

namespace weir::engine {

// What a hook tells of: its kind is one of project::Hook::on.
struct HookEvent {
  std::string kind;
  std::string occasion;  // tells two events of one kind and run apart ("", "load.2")
  std::string text;      // one line for people
  ledger::Run run;
  std::string task = {};
  std::string error = {};
};

// Puts a message into the outbox for each of the pipeline's hooks that wants to know: in the ledger's transaction that is
// open, so that a message exists if and only if what it tells of has happened. Returns how many.
Result<int> tell_hooks(ledger::Outbox& outbox, const project::Pipeline& pipeline, const HookEvent& event, Instant now);

// Delivers what the outbox holds, on a thread of its own: again and again, ever more rarely, for a day.
class HookDelivery {
 public:
  // `version` gives the project as it is: its mail server, its folder.
  HookDelivery(ledger::Outbox& outbox, std::function<std::shared_ptr<const ProjectVersion>()> version);
  ~HookDelivery();
  // Something new is in the outbox.
  void wake();

 private:
  void run(std::stop_token stop);
  void deliver(const ledger::Message& message, std::stop_token stop);

  ledger::Outbox& outbox_;
  std::function<std::shared_ptr<const ProjectVersion>()> version_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool woken_ = false;
  std::jthread thread_;
};

// What a webhook of the format gets: "json" or "slack" (https://api.slack.com/messaging/webhooks).
std::string webhook_body(std::string_view format, const Json& message);

}  // namespace weir::engine
