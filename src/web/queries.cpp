#include "web/queries.hpp"

#include <algorithm>

#include "base/secret.hpp"

namespace weir::web {
namespace {

constexpr int kIdLength = 12;
constexpr std::ptrdiff_t kRunningMax = 8;

}  // namespace

Queries::Running::Running(Queries& queries, std::string id, std::stop_token client)
    : queries_(queries), id_(std::move(id)), client_gone_(std::move(client), Request{source_}) {}

Queries::Running::~Running() { queries_.end(id_); }

Result<std::unique_ptr<Queries::Running>> Queries::begin(const std::string& user, const std::string& id,
                                                         std::stop_token client) {
  const std::lock_guard guard(mutex_);
  const auto chosen = id.empty() ? generate_secret(kIdLength).reveal() : id;
  if (running_.contains(chosen))
    return Error::user(Code::AlreadyExists, "a statement of this id runs already: {}", chosen);
  if (std::ranges::count_if(running_, [&](const auto& entry) { return entry.second.user == user; }) >= kRunningMax)
    return Error::user(Code::Conflict, "{} of your statements run already", kRunningMax).hint("cancel one, or wait");
  auto running = std::make_unique<Running>(*this, chosen, std::move(client));
  running_[chosen] = {user, running.get()};
  return running;
}

Result<void> Queries::cancel(const std::string& user, const std::string& id) {
  std::stop_source source{std::nostopstate};
  {
    const std::lock_guard guard(mutex_);
    const auto found = running_.find(id);
    if (found == running_.end() || found->second.user != user)
      return Error::user(Code::NotFound, "no such statement runs: {}", id);
    source = found->second.running->source_;
  }
  source.request_stop();
  return {};
}

void Queries::end(const std::string& id) {
  const std::lock_guard guard(mutex_);
  running_.erase(id);
}

}  // namespace weir::web
