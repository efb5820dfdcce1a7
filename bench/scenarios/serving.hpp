#pragma once

#include <filesystem>
#include <string>

#include "base/file.hpp"
#include "scenario.hpp"
#include "services/process.hpp"

namespace weir::bench {

// Writes pipelines/NAME.yml of a project that has nothing else.
Result<void> write_pipeline(const std::filesystem::path& project, const std::string& name, const std::string& text);

// The pipeline `chain`: ten empty tasks, one after the other.
Result<void> write_chain(const std::filesystem::path& project);

// `weir serve` in a project's folder; stopped when this goes.
class Serving {
 public:
  // Returns when it says that it serves.
  static Result<Serving> start(const Setup& setup, const std::filesystem::path& project);
  ~Serving();
  Serving(Serving&& other) noexcept;

  double ready_seconds() const { return ready_seconds_; }
  const std::string& address() const { return address_; }  // "http://127.0.0.1:40123"
  double memory_mb() const;                                // resident
  double processor_seconds() const;                        // so far, of the threads that live

 private:
  Serving(services::Process process, Descriptor out, double ready, std::string address);

  services::Process process_;
  Descriptor out_;
  double ready_seconds_;
  std::string address_;
  bool alive_ = true;
};

}  // namespace weir::bench
