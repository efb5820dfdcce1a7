// The rank table of ARCHITECTURE.md, enforced: a folder of src/ includes only folders of a lower rank and only the
// third-party headers that its row names. What rank 0 may include, everybody may, because its headers show it.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <sstream>

#include "source_tree.hpp"

namespace weir::tests {
namespace {

struct Folder {
  int rank = 0;
  std::vector<std::string> libraries;
};
using RankTable = std::map<std::string, Folder, std::less<>>;

// Rows look like "| 2 | project | YAML + SQL files | yaml-cpp date |"; other lines are none.
RankTable parse_ranks(std::string_view architecture) {
  RankTable table;
  for (std::string_view line : lines_of(architecture)) {
    std::vector<std::string_view> cells;
    while (line.starts_with('|') && line.size() > 1) {
      line.remove_prefix(1);
      cells.push_back(trimmed(line.substr(0, line.find('|'))));
      line.remove_prefix(std::min(line.find('|'), line.size()));
    }
    if (cells.size() != 4 || cells[0].size() != 1 || cells[0][0] < '0' || cells[0][0] > '9') continue;
    Folder folder{.rank = cells[0][0] - '0', .libraries = {}};
    std::istringstream words{std::string(cells[3])};
    for (std::string word; words >> word;) folder.libraries.push_back(word);
    table.emplace(cells[1], std::move(folder));
  }
  return table;
}

struct Library {
  std::string_view name;     // as the table calls it
  std::string_view headers;  // what its includes begin with
};
constexpr std::array<Library, 21> kLibraries = {{{"fmt", "fmt/"},
                                                 {"nlohmann", "nlohmann/"},
                                                 {"fast_float", "fast_float/"},
                                                 {"boost", "boost/"},
                                                 {"curl", "curl/"},
                                                 {"openssl", "openssl/"},
                                                 {"yaml-cpp", "yaml-cpp/"},
                                                 {"date", "date/"},
                                                 {"dlfcn", "dlfcn.h"},
                                                 {"lz4", "lz4"},
                                                 {"zstd", "zstd"},
                                                 {"zlib", "zlib.h"},
                                                 {"sodium", "sodium"},
                                                 {"sqlite3", "sqlite3.h"},
                                                 {"simdjson", "simdjson"},
                                                 {"libpq", "libpq-fe.h"},
                                                 {"libpq", "postgres_ext.h"},
                                                 {"mongoc", "mongoc/"},
                                                 {"bson", "bson/"},
                                                 {"CLI11", "CLI/"},
                                                 {"gtest", "gtest/"}}};

std::optional<std::string_view> library_of(std::string_view header) {
  const auto* found = std::ranges::find_if(kLibraries, [&](const Library& l) { return header.starts_with(l.headers); });
  if (found == kLibraries.end()) return std::nullopt;
  return found->name;
}

// The C++ library (no extension), the compiler's, the kernel's and the C library's folders, and POSIX's headers at the top level.
bool is_system_header(std::string_view header) {
  constexpr std::array<std::string_view, 7> kFolders = {"sys/",   "netinet/", "net/if",    "arpa/",
                                                        "linux/", "bits/",    "sanitizer/"};
  constexpr std::array<std::string_view, 31> kHeaders = {
      "ctype.h",   "dirent.h", "errno.h",    "fcntl.h",  "float.h",    "fnmatch.h",   "grp.h",      "limits.h",
      "malloc.h",  "libgen.h", "math.h",     "netdb.h",  "poll.h",     "pthread.h",   "pwd.h",      "sched.h",
      "signal.h",  "spawn.h",  "stddef.h",   "stdint.h", "stdio.h",    "stdlib.h",    "strings.h",  "string.h",
      "termios.h", "time.h",   "ucontext.h", "unistd.h", "execinfo.h", "immintrin.h", "emmintrin.h"};
  return header.find('.') == std::string_view::npos || std::ranges::find(kHeaders, header) != kHeaders.end() ||
         std::ranges::any_of(kFolders, [&](std::string_view folder) { return header.starts_with(folder); });
}

// The folder whose name is a leading part of the path below src/: "connectors/files" for "connectors/files/csv.hpp".
const RankTable::value_type* folder_of(const RankTable& table, std::string_view below_src) {
  const RankTable::value_type* found = nullptr;
  for (const auto& entry : table) {
    const bool inside = below_src.starts_with(entry.first) && below_src.substr(entry.first.size()).starts_with('/');
    if (inside && (!found || entry.first.size() > found->first.size())) found = &entry;
  }
  return found;
}

struct Include {
  std::string_view header;
  bool quoted = false;
};

std::optional<Include> parse_include(std::string_view line) {
  line = trimmed(line);
  if (!line.starts_with('#')) return std::nullopt;
  line = trimmed(line.substr(1));
  if (!line.starts_with("include")) return std::nullopt;
  line = trimmed(line.substr(std::string_view("include").size()));
  if (line.empty() || (line[0] != '"' && line[0] != '<')) return std::nullopt;
  const bool quoted = line[0] == '"';
  return Include{line.substr(1, line.find(quoted ? '"' : '>', 1) - 1), quoted};
}

bool allows(const RankTable& table, const Folder& folder, std::string_view library) {
  const auto names = [&](const Folder& f) { return std::ranges::find(f.libraries, library) != f.libraries.end(); };
  return names(folder) ||
         std::ranges::any_of(table, [&](const auto& entry) { return entry.second.rank == 0 && names(entry.second); });
}

// Whether a CMakeLists.txt names the file among the sources of its folder's library; tests and their fixtures are not.
bool is_product_source(std::string_view cmake, std::string_view name) {
  std::istringstream words{std::string(cmake)};
  bool in_sources = false;
  for (std::string word; words >> word;) {
    while (word.ends_with(')')) word.pop_back();
    if (word == "SOURCES")
      in_sources = true;
    else if (word == "USES" || word == "LIBRARIES" || word == "TESTS" || word == "LIVE_TESTS")
      in_sources = false;
    else if (in_sources && word == name)
      return true;
  }
  return false;
}

bool is_product_source(const std::vector<SourceFile>& files, const SourceFile& file, std::string_view folder) {
  const auto cmake = std::ranges::find(files, fmt::format("src/{}/CMakeLists.txt", folder), &SourceFile::path);
  return cmake == files.end() || is_product_source(cmake->text, file.name());
}

// Why the file may not include it, or nothing where it may.
std::optional<std::string> refusal(const RankTable& table, const std::vector<SourceFile>& files, const SourceFile& file,
                                   const RankTable::value_type& own, const Include& include) {
  if (include.quoted) {
    const auto* other = folder_of(table, include.header);
    if (!other) return fmt::format("\"{}\" names no folder of the rank table", include.header);
    if (other == &own || other->second.rank < own.second.rank) return std::nullopt;
    return fmt::format("{} (rank {}) includes {} (rank {})", own.first, own.second.rank, other->first,
                       other->second.rank);
  }
  const auto library = library_of(include.header);
  if (library == "gtest" && !is_product_source(files, file, own.first)) return std::nullopt;
  if (library && allows(table, own.second, *library)) return std::nullopt;
  if (!library && is_system_header(include.header)) return std::nullopt;
  return fmt::format("{} may not include <{}>: its row does not name {}", own.first, include.header,
                     library.value_or("its library"));
}

std::vector<std::string> broken_ranks(const RankTable& table, const std::vector<SourceFile>& files) {
  std::vector<std::string> findings;
  for (const SourceFile& file : files) {
    if (!file.is_cpp() || !file.path.starts_with("src/")) continue;
    const auto* own = folder_of(table, std::string_view(file.path).substr(std::string_view("src/").size()));
    if (!own) {
      findings.push_back(finding(file.path, 1, "its folder has no row in the rank table"));
      continue;
    }
    size_t number = 0;
    for (std::string_view line : lines_of(file.text)) {
      ++number;
      const auto include = parse_include(line);
      if (!include) continue;
      if (const auto why = refusal(table, files, file, *own, *include))
        findings.push_back(finding(file.path, number, *why));
    }
  }
  return findings;
}

constexpr std::string_view kExample = R"(
| rank | folder | what is inside | third-party headers it may include |
|---|---|---|---|
| 0 | base | errors | fmt |
| 1 | data | batches | |
| 3 | ledger | records | sqlite3 |
| 3 | connectors/files | CSV | |
| 3 | connectors/postgres | COPY | libpq |
)";

std::vector<std::string> findings_in(std::string path, std::string text) {
  return broken_ranks(parse_ranks(kExample), {{std::move(path), std::move(text)}});
}

using Findings = std::vector<std::string>;

TEST(Ranks, TableIsRead) {
  const RankTable table = parse_ranks(kExample);
  ASSERT_EQ(table.size(), 5U);
  EXPECT_EQ(table.at("ledger").rank, 3);
  EXPECT_EQ(table.at("ledger").libraries, std::vector<std::string>{"sqlite3"});
  EXPECT_TRUE(table.at("data").libraries.empty());
}

TEST(Ranks, LowerRanksAndOwnFolderAreFree) {
  EXPECT_EQ(findings_in("src/ledger/a.cpp",
                        "#include <sqlite3.h>\n#include <fmt/format.h>\n#include <vector>\n#include <sys/stat.h>\n"
                        "#include \"base/error.hpp\"\n#include \"data/batch.hpp\"\n#include \"ledger/a.hpp\"\n"),
            Findings{});
}

TEST(Ranks, HigherRankIsRefused) {
  EXPECT_EQ(findings_in("src/data/a.hpp", "#pragma once\n#include \"ledger/a.hpp\"\n"),
            Findings{"src/data/a.hpp:2: data (rank 1) includes ledger (rank 3)"});
}

TEST(Ranks, SiblingIsRefused) {
  EXPECT_EQ(findings_in("src/connectors/files/a.cpp", "#  include \"connectors/postgres/a.hpp\"\n"),
            Findings{"src/connectors/files/a.cpp:1: connectors/files (rank 3) includes connectors/postgres (rank 3)"});
}

TEST(Ranks, ThirdPartyHeaderOutsideItsFolderIsRefused) {
  EXPECT_EQ(
      findings_in("src/connectors/files/a.cpp", "#include <libpq-fe.h>\n"),
      Findings{
          "src/connectors/files/a.cpp:1: connectors/files may not include <libpq-fe.h>: its row does not name libpq"});
  EXPECT_EQ(findings_in("src/base/a.cpp", "#include <unknown/thing.hpp>\n").size(), 1U);
}

TEST(Ranks, GoogleTestIsForTests) {
  const auto in_file = [](std::string name) {
    return broken_ranks(parse_ranks(kExample), {{"src/base/CMakeLists.txt",
                                                 "weir_folder(base\n  SOURCES a.cpp\n  TESTS a_test.cpp server.cpp)\n"},
                                                {"src/base/" + name, "#include <gtest/gtest.h>\n"}});
  };
  EXPECT_EQ(in_file("a_test.cpp"), Findings{});
  EXPECT_EQ(in_file("server.cpp"), Findings{});
  EXPECT_EQ(in_file("a.cpp"),
            Findings{"src/base/a.cpp:1: base may not include <gtest/gtest.h>: its row does not name gtest"});
}

TEST(Ranks, PathsThatTheTableDoesNotKnowAreRefused) {
  EXPECT_EQ(findings_in("src/base/a.cpp", "#include \"error.hpp\"\n"),
            Findings{"src/base/a.cpp:1: \"error.hpp\" names no folder of the rank table"});
  EXPECT_EQ(findings_in("src/elsewhere/a.cpp", ""),
            Findings{"src/elsewhere/a.cpp:1: its folder has no row in the rank table"});
}

TEST(Ranks, TheSourcesKeepTheTable) {
  const auto files = read_repository();
  const auto architecture = std::ranges::find(files, "ARCHITECTURE.md", &SourceFile::path);
  ASSERT_NE(architecture, files.end());
  const RankTable table = parse_ranks(architecture->text);
  ASSERT_GE(table.size(), 16U) << "the rank table of ARCHITECTURE.md could not be read";
  EXPECT_EQ(join_lines(broken_ranks(table, files)), "");
}

// A folder is what has a CMakeLists.txt; the table and the tree name the same ones.
TEST(Ranks, EveryFolderHasARow) {
  const auto files = read_repository();
  std::vector<std::string> on_disk;
  std::vector<std::string> in_table;
  for (const SourceFile& file : files) {
    if (file.path == "ARCHITECTURE.md") {
      for (const auto& [name, folder] : parse_ranks(file.text)) in_table.push_back(name);
    }
    if (!file.path.starts_with("src/") || file.name() != "CMakeLists.txt") continue;
    on_disk.push_back(file.path.substr(4, file.path.size() - 4 - std::string_view("/CMakeLists.txt").size()));
  }
  std::ranges::sort(on_disk);
  EXPECT_EQ(on_disk, in_table);
}

}  // namespace
}  // namespace weir::tests
