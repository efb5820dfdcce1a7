#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace weir::dbt {

// The folder of one attempt below .weir/dbt: profiles.yml while dbt runs, and what dbt leaves (target/, logs/), which
// stays for people. Removes the profile when it is destroyed, and old attempts' folders when it is made.
class Workplace {
 public:
  // `name` is the attempt's own ("<run>/<step>.<attempt>"); `project_key` names what dbt may reuse from the last run of
  // the same project (its parsed project, target/partial_parse.msgpack).
  static Result<Workplace> create(const std::filesystem::path& state_folder, const std::string& name,
                                  const std::string& project_key, const std::string& profile);
  Workplace(Workplace&& other) noexcept;
  Workplace& operator=(Workplace&&) = delete;
  Workplace(const Workplace&) = delete;
  ~Workplace();

  std::filesystem::path profiles() const { return folder_ / "profile"; }
  std::filesystem::path target() const { return folder_ / "target"; }
  std::filesystem::path logs() const { return folder_ / "logs"; }
  // Keeps the parsed project for the next run. A copy that fails costs that run some seconds, no more.
  void keep_parsed() const;

 private:
  Workplace(std::filesystem::path folder, std::filesystem::path parsed)
      : folder_(std::move(folder)), parsed_(std::move(parsed)) {}

  std::filesystem::path folder_;
  std::filesystem::path parsed_;
};

}  // namespace weir::dbt
