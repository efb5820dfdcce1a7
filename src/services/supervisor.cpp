#include <algorithm>
#include <mutex>
#include <thread>

#include "services/managed_service.hpp"

namespace weir::services {
namespace {

class ProjectSupervisor final : public Supervisor {
 public:
  ProjectSupervisor(std::vector<ServiceSpec> specs, Lifetime lifetime, Log& log) : lifetime_(lifetime), log_(log) {
    know(std::move(specs));
  }

  void know(std::vector<ServiceSpec> specs) override {
    const std::lock_guard guard{mutex_};
    for (auto& spec : specs) {
      if (std::find(names_.begin(), names_.end(), spec.name) != names_.end()) continue;
      names_.push_back(spec.name);
      // The service and its keeper work in other folders than ours.
      spec.state_folder = std::filesystem::absolute(spec.state_folder);
      if (lifetime_ == Lifetime::Detached) {
        services_.push_back(std::make_unique<DetachedService>(std::move(spec)));
      } else {
        services_.push_back(std::make_unique<OwnedService>(std::move(spec), log_));
      }
    }
  }

  ~ProjectSupervisor() override {
    while (!services_.empty()) services_.pop_back();
  }

  Result<ServiceAddress> ensure(const std::string& name, std::stop_token stop) override {
    auto& service = WEIR_TRY(find(name)).get();
    return service.ensure(std::move(stop)).while_doing(fmt::format("starting service {}", name));
  }

  Result<void> ensure_all(std::stop_token stop) override {
    const auto names = known_names();
    std::vector<Result<void>> results(names.size());
    {
      std::vector<std::jthread> starts;
      for (std::size_t i = 0; i < names.size(); ++i) {
        starts.emplace_back([this, i, &names, &results, stop] {
          auto address = ensure(names[i], stop);
          if (!address.ok()) results[i] = std::move(address).error();
        });
      }
    }
    for (auto& result : results) WEIR_TRY(std::move(result));
    return {};
  }

  std::vector<ServiceStatus> status() override {
    std::vector<ServiceStatus> all;
    for (const auto& name : known_names()) all.push_back((*find(name)).get().status());
    return all;
  }

  Result<void> stop(const std::string& name) override { return WEIR_TRY(find(name)).get().stop(); }

 private:
  std::vector<std::string> known_names() {
    const std::lock_guard guard{mutex_};
    return names_;
  }

  // Services stay where they are as long as we live.
  Result<std::reference_wrapper<ManagedService>> find(const std::string& name) {
    const std::lock_guard guard{mutex_};
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found != names_.end()) return std::ref(*services_[static_cast<std::size_t>(found - names_.begin())]);
    return Error::user(Code::NotFound, "no managed service of this name: {}", name)
        .hint(names_.empty() ? "this project has no connection with managed: true"
                             : fmt::format("the project's managed services: {}", fmt::join(names_, ", ")));
  }

  const Lifetime lifetime_;
  Log& log_;
  std::mutex mutex_;
  std::vector<std::string> names_;  // this and the next guarded by mutex_
  std::vector<std::unique_ptr<ManagedService>> services_;
};

}  // namespace

std::unique_ptr<Supervisor> Supervisor::create(std::vector<ServiceSpec> specs, Lifetime lifetime, Log& log) {
  return std::make_unique<ProjectSupervisor>(std::move(specs), lifetime, log);
}

}  // namespace weir::services
