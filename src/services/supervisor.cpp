#include <algorithm>
#include <thread>

#include "services/managed_service.hpp"

namespace weir::services {
namespace {

class ProjectSupervisor final : public Supervisor {
 public:
  ProjectSupervisor(std::vector<ServiceSpec> specs, Lifetime lifetime, Log& log) {
    for (auto& spec : specs) {
      names_.push_back(spec.name);
      // The service and its keeper work in other folders than ours.
      spec.state_folder = std::filesystem::absolute(spec.state_folder);
      if (lifetime == Lifetime::Detached) {
        services_.push_back(std::make_unique<DetachedService>(std::move(spec), log));
      } else {
        services_.push_back(std::make_unique<OwnedService>(std::move(spec), log));
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
    std::vector<Result<void>> results(services_.size());
    {
      std::vector<std::jthread> starts;
      for (std::size_t i = 0; i < services_.size(); ++i) {
        starts.emplace_back([this, i, &results, stop] {
          auto address = ensure(names_[i], stop);
          if (!address.ok()) results[i] = std::move(address).error();
        });
      }
    }
    for (auto& result : results) WEIR_TRY(std::move(result));
    return {};
  }

  std::vector<ServiceStatus> status() override {
    std::vector<ServiceStatus> all;
    for (const auto& service : services_) all.push_back(service->status());
    return all;
  }

  Result<void> stop(const std::string& name) override { return WEIR_TRY(find(name)).get().stop(); }

 private:
  Result<std::reference_wrapper<ManagedService>> find(const std::string& name) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found != names_.end()) return std::ref(*services_[static_cast<std::size_t>(found - names_.begin())]);
    return Error::user(Code::NotFound, "no managed service of this name: {}", name)
        .hint(names_.empty() ? "this project has no connection with managed: true"
                             : fmt::format("the project's managed services: {}", fmt::join(names_, ", ")));
  }

  std::vector<std::string> names_;
  std::vector<std::unique_ptr<ManagedService>> services_;
};

}  // namespace

std::unique_ptr<Supervisor> Supervisor::create(std::vector<ServiceSpec> specs, Lifetime lifetime, Log& log) {
  return std::make_unique<ProjectSupervisor>(std::move(specs), lifetime, log);
}

}  // namespace weir::services
