#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "figure.hpp"

namespace weir::bench {

// What every part of a scenario may use. One folder a start; it is removed at the end.
struct Setup {
  std::filesystem::path source;  // the repository
  std::filesystem::path build;   // the build folder, with `weir` in it
  std::filesystem::path folder;  // scratch
  int repeats = 3;
  std::uint64_t rows = 1'000'000;
  bool with_pyspark = false;
  bool with_pymongo = false;

  std::filesystem::path weir() const { return build / "weir"; }
};

using Figures = std::vector<Figure>;

// A part can be run on its own: `./dev bench startup`.
struct Part {
  std::string name;
  std::string summary;
  std::function<Result<Figures>(const Setup&)> measure;
};

// A scenario is its parts in order: `./dev bench sales`.
struct Scenario {
  std::string name;
  std::vector<Part> parts;
};

std::vector<Part> http_parts();
std::vector<Part> mongo_parts();
std::vector<Part> sales_parts();
std::vector<Part> replication_parts();
std::vector<Part> scheduler_parts();
std::vector<Part> soak_parts();

}  // namespace weir::bench
