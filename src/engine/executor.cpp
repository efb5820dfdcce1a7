#include "engine/executor.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <utility>

#include "engine/active_run.hpp"
#include "engine/task_link.hpp"
#include "services/fork_server.hpp"

namespace weir::engine {

Result<std::unique_ptr<CancelSignal>> CancelSignal::create() {
  Descriptor event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!event) return Error::from_errno(errno, "making an event");
  return std::make_unique<CancelSignal>(std::move(event));
}

void CancelSignal::request(Urgency urgency) noexcept {
  requests_ += urgency == Urgency::Now ? 2 : 1;
  const std::uint64_t one = 1;
  (void)!::write(event_.get(), &one, sizeof one);
}

void CancelSignal::drain() const {
  std::uint64_t count = 0;
  (void)!::read(event_.get(), &count, sizeof count);
}

std::optional<CancelSignal::Urgency> CancelSignal::requested() const {
  const int requests = requests_;
  if (requests == 0) return std::nullopt;
  return requests == 1 ? Urgency::Orderly : Urgency::Now;
}

std::string child_trigger(const ledger::Run& parent, std::string_view task) {
  return fmt::format("{}/{}", parent.pipeline, task);
}

struct Executor::State {
  State(EventLoop& loop, ledger::Ledger& ledger, ExecutorOptions options)
      : shared{.loop = loop,
               .ledger = ledger,
               .options = std::move(options),
               .slots = Slots{0},
               .spawn = {},
               .start_child = {},
               .cancel_child = {},
               .is_current = {},
               .after_write = {},
               .children = {},
               .waiting = {},
               .log_watch = LogWatch{loop}} {
    shared.slots = Slots{shared.options.parallel};
    shared.spawn = [this](int channel, int log) { return spawn(channel, log); };
    shared.cancel_child = [this](const RunId& run, CancelSignal::Urgency urgency) { return cancel(run, urgency); };
  }

  Result<void> cancel(const RunId& run, CancelSignal::Urgency urgency) {
    const auto found = runs.find(run);
    return found == runs.end() ? Result<void>{} : found->second->cancel(urgency);
  }

  // The fork server is started with the first attempt, and again when it has died.
  Result<services::Process> spawn(int channel, int log) {
    for (const bool is_last : {false, true}) {
      if (!forks) {
        services::ProcessSpec spec;
        spec.program = shared.options.weir_binary;
        spec.arguments = {"task", "--serve"};
        spec.folder = shared.options.state_folder.parent_path();
        // Its own output is none; what breaks while it loads should still be seen.
        spec.stderr_fd = STDERR_FILENO;
        forks = WEIR_TRY(services::ForkServer::start(std::move(spec)));
      }
      auto process = forks->fork(channel, log);
      if (process.ok() || is_last) return process;
      forks.reset();
    }
    return Error::bug("unreachable");
  }

  // Gives slots to the steps that wait, as far as they go.
  Result<void> start_waiting() {
    for (auto group = shared.waiting.begin(); group != shared.waiting.end() && !shared.slots.is_full();) {
      const auto turn = group->first;
      WEIR_TRY(start_group(turn));
      group = shared.waiting.upper_bound(turn);
    }
    for (const auto& run : std::exchange(touched, {})) WEIR_TRY(run->go_on());
    return {};
  }

  // The group goes when its last step has started.
  Result<void> start_group(const RunShared::Turn& turn) {
    for (std::size_t next = 0;;) {
      const auto group = shared.waiting.find(turn);
      if (group == shared.waiting.end()) return {};
      const auto step = group->second.steps.lower_bound(next);
      auto* const run = group->second.run;
      if (step == group->second.steps.end() || !run->may_start_more() || run->lacks_slot(*step)) return {};
      next = *step + 1;
      if (WEIR_TRY(run->start_step(*step))) touched.insert(run->shared_from_this());
    }
  }

  Result<void> end_turn() {
    do {
      for (const auto& work : each_turn) WEIR_TRY(work());
      WEIR_TRY(start_waiting());
      std::erase_if(runs, [](const auto& entry) { return entry.second->has_ended(); });
      WEIR_TRY(shared.ledger.release());
      is_held = false;
      for (auto& then : std::exchange(shared.after_write, {})) then();
      // What was shown may have asked for more.
    } while (!shared.after_write.empty());
    return {};
  }

  Result<void> hold() {
    if (is_held) return {};
    is_held = true;
    return shared.ledger.hold();
  }

  RunShared shared;
  std::map<RunId, std::shared_ptr<ActiveRun>> runs;
  std::unique_ptr<services::ForkServer> forks;
  std::set<std::shared_ptr<ActiveRun>> touched;  // by what has been started
  std::vector<std::function<Result<void>()>> each_turn;
  std::uint64_t next_number = 0;
  bool is_held = false;
};

Executor::Executor(EventLoop& loop, ledger::Ledger& ledger, ExecutorOptions options)
    : state_(std::make_unique<State>(loop, ledger, std::move(options))) {
  loop.before_turn([this] { return state_->hold(); });
  loop.after_turn([this] { return state_->end_turn(); });
}

Executor::~Executor() { abandon(); }

void Executor::on_child(std::function<Result<ledger::Run>(const ChildRequest&)> start) {
  state_->shared.start_child = std::move(start);
}

void Executor::on_cancel_child(std::function<Result<void>(const RunId&, CancelSignal::Urgency)> cancel) {
  state_->shared.cancel_child = std::move(cancel);
}

void Executor::on_current(std::function<bool(const ProjectVersion&)> is_current) {
  state_->shared.is_current = std::move(is_current);
}

void Executor::set_pools(std::map<std::string, int> slots) { state_->shared.slots.set_pools(std::move(slots)); }

Result<void> Executor::start(RunOrder order) {
  WEIR_TRY(state_->hold());
  const auto id = order.run.id;
  auto run = std::make_shared<ActiveRun>(state_->shared, std::move(order), ++state_->next_number);
  state_->runs[id] = run;
  return run->begin();
}

bool Executor::is_active(const RunId& run) const {
  const auto found = state_->runs.find(run);
  return found != state_->runs.end() && !found->second->has_ended();
}

std::size_t Executor::active_runs() const { return state_->runs.size(); }
std::size_t Executor::running_attempts() const { return state_->shared.slots.taken(); }

Result<void> Executor::cancel(const RunId& run, CancelSignal::Urgency urgency) { return state_->cancel(run, urgency); }

Result<void> Executor::child_ended(const ledger::Run& run) {
  const auto found = state_->shared.children.find(run.id);
  if (found == state_->shared.children.end()) return {};
  const auto [parent, step] = found->second;
  state_->shared.children.erase(found);
  return parent->child_ended(step, run);
}

Result<void> Executor::interrupt() {
  for (const auto& [id, run] : state_->runs) WEIR_TRY(run->interrupt());
  state_->shared.waiting.clear();
  state_->shared.children.clear();
  return {};
}

void Executor::abandon() {
  for (const auto& [id, run] : state_->runs) run->abandon();
  state_->shared.waiting.clear();
  state_->shared.children.clear();
  state_->shared.after_write.clear();
  state_->runs.clear();
  state_->forks.reset();
}

void Executor::each_turn(std::function<Result<void>()> work) { state_->each_turn.push_back(std::move(work)); }

void Executor::after_write(std::function<void()> then) { state_->shared.after_write.push_back(std::move(then)); }

std::vector<ledger::Attempt> Executor::live_attempts(const RunId& run) const {
  const auto found = state_->runs.find(run);
  return found == state_->runs.end() ? std::vector<ledger::Attempt>{} : found->second->live_attempts();
}

std::map<std::string, std::string> Executor::waiting_reasons(const RunId& run) const {
  const auto found = state_->runs.find(run);
  return found == state_->runs.end() ? std::map<std::string, std::string>{} : found->second->waiting_reasons();
}

Result<void> Executor::warn_of_waiting() {
  for (const auto& [id, run] : state_->runs) WEIR_TRY(run->warn_of_waiting());
  return {};
}

Result<ledger::Run> Executor::execute(RunOrder order, const CancelSignal& cancel) {
  const auto id = order.run.id;
  std::optional<ledger::Run> ended;
  order.ended = [&ended, then = std::move(order.ended)](const ledger::Run& run) -> Result<void> {
    ended = run;
    return then ? then(run) : Result<void>{};
  };
  auto& loop = state_->shared.loop;
  WEIR_TRY(loop.watch(cancel.descriptor(), [this, &cancel, id]() -> Result<void> {
    cancel.drain();
    const auto urgency = cancel.requested();
    return urgency ? state_->cancel(id, *urgency) : Result<void>{};
  }));
  loop.post([this, order = std::move(order)]() mutable { return start(std::move(order)); });
  auto turned = Result<void>{};
  while (turned.ok() && !ended) turned = loop.turn();
  loop.unwatch(cancel.descriptor());
  WEIR_TRY(std::move(turned));
  return *ended;
}

}  // namespace weir::engine
