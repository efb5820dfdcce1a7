#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>

#include "base/json.hpp"
#include "connectors/generate/generator.hpp"

namespace weir::generate {

struct GenerateReport {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  // How many rows got each kind of defect, in the order of DefectKind; kinds without a rate are not listed.
  std::vector<std::pair<DefectKind, std::uint64_t>> defects;
};

// {"rows": …, "bytes": …, "defects": {"duplicate": …}}: what the run keeps.
Json to_json(const GenerateReport& report);
GenerateReport make_report(const Spec& spec, std::uint64_t rows, std::uint64_t bytes, const DefectCounts& counts);

struct GenerateRequest {
  Spec spec;
  Variation variation;
  std::filesystem::path path;  // of a CSV file; its folder is made
  int threads = 1;
};

// Writes a CSV file with a header: same description, variation, same bytes, whatever the threads. The file appears by a
// rename once it is complete and synced; another run of the same request replaces it by the same. Memory is about 4 MiB a
// thread. `progress` gets the rows so far, from one thread at a time.
Result<GenerateReport> generate_file(const GenerateRequest& request, std::stop_token stop,
                                     const std::function<void(std::uint64_t)>& progress = {});

}  // namespace weir::generate
