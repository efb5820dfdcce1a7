#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace weir::warehouse {

// Whether an acknowledged INSERT survives the loss of power (fsync), or only the death of the process.
enum class Durability { Fsync, Fast };

struct EngineSettings {
  std::filesystem::path data_folder;
  Durability durability = Durability::Fsync;
  std::uint64_t memory_bytes_max = 0;  // of the whole engine; 0: half of the machine's
  // What statements may reach beyond the warehouse's own tables: names of kSources ("postgres", "s3"). None by default:
  // Weir's connectors do that, where it is seen.
  std::vector<std::string> sources;
};

// The names that `sources` takes.
std::vector<std::string> source_names();

// Writes the engine's configuration (config.xml and users.xml) and what makes `default` an ordinary database into the data
// folder, and returns the arguments of Chdb::connect. To be called before every start: the engine puts back what
// must not be there.
Result<std::vector<std::string>> prepare_engine(const EngineSettings& settings);

}  // namespace weir::warehouse
