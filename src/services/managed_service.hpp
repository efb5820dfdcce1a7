#pragma once

#include <mutex>
#include <optional>
#include <thread>

#include "services/record.hpp"
#include "services/start.hpp"
#include "services/wait.hpp"

namespace weir::services {

// One service as its users see it. Thread-safe.
class ManagedService {
 public:
  virtual ~ManagedService() = default;
  virtual Result<ServiceAddress> ensure(std::stop_token stop) = 0;
  virtual ServiceStatus status() = 0;
  virtual Result<void> stop() = 0;
};

// A service that lives with this object: whoever gets the lock first starts, watches and stops it, the others use it.
class OwnedService final : public ManagedService {
 public:
  OwnedService(ServiceSpec spec, Log& log);
  ~OwnedService() override;

  Result<ServiceAddress> ensure(std::stop_token stop) override;
  ServiceStatus status() override;
  Result<void> stop() override;

  bool is_ours();
  // Readable when the process that owns the service for us, or the service itself, has ended; none when we own it or
  // nobody does.
  std::vector<Descriptor> others();

 private:
  // All four are called with mutex_ held.
  Result<ServiceAddress> start(std::stop_token stop);
  bool is_running();
  void give_up(ServiceState state, std::string detail);
  void report(ServiceState state, std::string detail);

  void watch(std::stop_token stop);
  // Takes mutex_; the guard holds nothing when a stop was requested first.
  std::unique_lock<StoppableMutex> enter(const std::stop_token& stop);

  const ServiceSpec spec_;
  const ServicePaths paths_;
  Log& log_;

  StoppableMutex mutex_;  // held during a start; guards what follows
  Descriptor lock_;       // while we own the service
  std::optional<StartedService> started_;
  ServiceRecord record_;  // as last written, while we own it

  std::mutex watching_;  // guards watcher_; taken before mutex_
  std::jthread watcher_;
};

// A service that outlives us: a keeper process (`weir services keep`) owns it.
class DetachedService final : public ManagedService {
 public:
  explicit DetachedService(ServiceSpec spec);

  Result<ServiceAddress> ensure(std::stop_token stop) override;
  ServiceStatus status() override;
  Result<void> stop() override;

 private:
  const ServiceSpec spec_;
  const ServicePaths paths_;
};

// The keeper of a service, when there is one.
ProcessIdentity read_keeper(const ServicePaths& paths);

// Stops a service that another process owns: its keeper is asked to end. One that another Weir owns for itself is left
// alone, with an error that names the process.
Result<void> stop_from_outside(const ServiceSpec& spec);

}  // namespace weir::services
