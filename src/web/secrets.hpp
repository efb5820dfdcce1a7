#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"
#include "engine/project_version.hpp"
#include "flow/connector.hpp"
#include "services/service.hpp"

namespace weir::web {

// Knows the secrets among the values of a connection's settings, whatever a server makes of them in its messages.
Redactor redactor_of(const Json& values, const std::vector<Setting>& settings);

// The last thing that happens to every text before it leaves: whatever is secret about the project's connections becomes ***.
// Nothing should contain a secret by then; a server's error message, a log line of a user's program or SQL with a
// password in it may. Thread-safe.
class SecretFilter {
 public:
  SecretFilter(const flow::Registry& registry, services::Supervisor* supervisor)
      : registry_(registry), supervisor_(supervisor) {}

  // `version` is the project as it stands; its secrets are collected once for each version and when a managed service has
  // been started, whose password is then new.
  std::string filter(std::string_view text, const std::shared_ptr<const engine::ProjectVersion>& version);

 private:
  std::shared_ptr<const Redactor> redactor_for(const std::shared_ptr<const engine::ProjectVersion>& version);

  const flow::Registry& registry_;
  services::Supervisor* supervisor_;
  std::mutex mutex_;
  std::weak_ptr<const engine::ProjectVersion> version_;
  std::chrono::steady_clock::time_point collected_at_{};
  std::shared_ptr<const Redactor> redactor_;
  std::set<std::string> passwords_;  // of managed services, once seen
};

}  // namespace weir::web
