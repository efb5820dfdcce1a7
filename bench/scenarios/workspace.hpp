#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "flow/connector.hpp"
#include "program.hpp"
#include "scenario.hpp"
#include "services/service.hpp"

namespace weir::bench {

// The values with the described defaults for the keys that they lack.
Settings with_defaults(Json values, const std::vector<Setting>& described);

// A copy of an example's project in the scratch folder, with its databases running until it is destroyed.
class Workspace {
 public:
  static Result<Workspace> open(const Setup& setup, const std::string& example);
  // A project of these files (path → text) instead.
  static Result<Workspace> make(const Setup& setup, const std::string& name,
                                const std::map<std::string, std::string>& files);
  ~Workspace();
  Workspace(Workspace&& other) noexcept = default;
  Workspace& operator=(Workspace&&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  // `weir ARGS…` in the project's folder.
  Program weir(std::vector<std::string> arguments) const;
  // Where a managed connection's server listens, and the connection with its settings filled in.
  Result<services::ServiceAddress> address(const std::string& service) const;
  Result<flow::Connection> connection(const std::string& service, const flow::Connector& connector) const;

 private:
  Workspace(std::filesystem::path binary, std::filesystem::path folder);

  std::filesystem::path binary_;
  std::filesystem::path folder_;
};

}  // namespace weir::bench
