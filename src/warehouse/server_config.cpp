#include "warehouse/server_config.hpp"

#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>

#include "base/file.hpp"

namespace weir::warehouse {
namespace {

namespace fs = std::filesystem;

// One query may take this much of what the engine may take.
constexpr double kQueryMemoryShare = 0.8;

// The database's identity within this data folder; any fixed value does.
constexpr std::string_view kDefaultDatabase =
    "ATTACH DATABASE _ UUID '8f3c1f5e-6f0a-4f5b-9a53-0c6d9b7e4d11'\nENGINE = Atomic\n";

std::uint64_t machine_memory_bytes() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// The engines that keep their data in the data folder, or none: the only ones that are granted to everybody. A list of what is
// allowed rather than of what is not, since every version of ClickHouse brings new ones.
constexpr std::array kLocalEngines = {"MergeTree",
                                      "ReplacingMergeTree",
                                      "SummingMergeTree",
                                      "AggregatingMergeTree",
                                      "CollapsingMergeTree",
                                      "VersionedCollapsingMergeTree",
                                      "CoalescingMergeTree",
                                      "GraphiteMergeTree",
                                      "Memory",
                                      "Log",
                                      "TinyLog",
                                      "StripeLog",
                                      "Set",
                                      "Join",
                                      "Buffer",
                                      "Null",
                                      "Merge",
                                      "View",
                                      "MaterializedView",
                                      "WindowView",
                                      "Dictionary",
                                      "GenerateRandom",
                                      "Alias",
                                      "TimeSeries",
                                      "Atomic"};

// What a service may be allowed to reach: ClickHouse's name of the right, and the engines that need it.
struct SourceRight {
  std::string_view name;
  std::string_view right;
  std::vector<std::string_view> engines;
};
const std::vector<SourceRight>& source_rights() {
  static const std::vector<SourceRight> kRights = {
      {"postgres", "POSTGRES", {"PostgreSQL", "MaterializedPostgreSQL"}},
      {"mysql", "MYSQL", {"MySQL"}},
      {"mongodb", "MONGO", {"MongoDB"}},
      {"redis", "REDIS", {"Redis"}},
      {"kafka", "KAFKA", {"Kafka"}},
      {"remote", "REMOTE", {"Remote", "RemoteSecure", "Distributed"}},
      {"url", "URL", {"URL"}},
      {"s3", "S3", {"S3", "S3Queue", "GCS", "IcebergS3", "DeltaLakeS3"}},
      {"azure", "AZURE", {"AzureBlobStorage", "AzureQueue", "IcebergAzure", "DeltaLakeAzure"}},
  };
  return kRights;
}

std::string engine_grants(const std::vector<std::string>& sources) {
  std::string grants;
  const auto grant = [&](std::string_view what) { grants += fmt::format("      <query>GRANT {}</query>\n", what); };
  for (const auto* engine : kLocalEngines) grant(fmt::format("TABLE ENGINE ON {}", engine));
  for (const auto& source : source_rights()) {
    if (std::find(sources.begin(), sources.end(), source.name) == sources.end()) continue;
    grant(fmt::format("{} ON *.*", source.right));
    for (const auto engine : source.engines) grant(fmt::format("TABLE ENGINE ON {}", engine));
  }
  return grants;
}

// The rights of every client. The databases that the engine itself needs stay: without one of them it opens no connection
// any more, until it is started again.
std::string users_xml(std::uint64_t memory_bytes_max, const std::vector<std::string>& sources) {
  return fmt::format(R"(<clickhouse>
  <profiles><default>
    <max_memory_usage>{}</max_memory_usage>
    <log_queries>0</log_queries>
  </default></profiles>
  <quotas><default/></quotas>
  <users><default>
    <password></password>
    <networks><ip>::/0</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
    <grants>
      <query>GRANT ALL ON *.*</query>
      <query>REVOKE SOURCES ON *.*</query>
      <query>REVOKE INTROSPECTION ON *.*</query>
      <query>REVOKE DROP DATABASE ON default.*</query>
      <query>REVOKE DROP DATABASE ON weir.*</query>
      <query>REVOKE DROP ON system.*</query>
      <query>REVOKE DROP ON information_schema.*</query>
      <query>REVOKE DROP ON INFORMATION_SCHEMA.*</query>
      <query>REVOKE DROP ON _local.*</query>
      <query>REVOKE TABLE ENGINE ON *</query>
{}    </grants>
  </default></users>
</clickhouse>
)",
                     static_cast<std::uint64_t>(static_cast<double>(memory_bytes_max) * kQueryMemoryShare),
                     engine_grants(sources));
}

std::string config_xml(const fs::path& users, std::uint64_t memory_bytes_max, Durability durability) {
  const int fsync = durability == Durability::Fsync ? 1 : 0;
  return fmt::format(R"(<clickhouse>
  <users_config>{}</users_config>
  <max_server_memory_usage>{}</max_server_memory_usage>
  <mark_cache_size>268435456</mark_cache_size>
  <index_mark_cache_size>67108864</index_mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <access_control_improvements><table_engines_require_grant>true</table_engines_require_grant></access_control_improvements>
  <merge_tree>
    <fsync_after_insert>{}</fsync_after_insert>
    <fsync_part_directory>{}</fsync_part_directory>
  </merge_tree>
</clickhouse>
)",
                     users.string(), memory_bytes_max, fsync, fsync);
}

// By itself the engine makes `default` an overlay that also shows the machine's files and that loses its tables to a failing
// DROP DATABASE.
Result<void> make_default_database_plain(const fs::path& data_folder) {
  const auto metadata = data_folder / "metadata";
  WEIR_TRY(make_folder(metadata));
  const auto link = metadata / "default";
  std::error_code error;
  if (fs::is_symlink(link, error) && !fs::remove(link, error)) {
    return Error::from_errno(error.value(), fmt::format("removing: {}", link.string()));
  }
  const auto definition = metadata / "default.sql";
  if (fs::exists(definition, error)) return {};
  return write_file(definition, kDefaultDatabase);
}

}  // namespace

std::vector<std::string> source_names() {
  std::vector<std::string> names;
  for (const auto& source : source_rights()) names.emplace_back(source.name);
  return names;
}

Result<std::vector<std::string>> prepare_engine(const EngineSettings& settings) {
  const auto known = source_names();
  for (const auto& source : settings.sources) {
    if (std::find(known.begin(), known.end(), source) != known.end()) continue;
    return Error::user(Code::InvalidArgument, "unknown source of the warehouse: {}", source)
        .hint(fmt::format("one of {}", fmt::join(known, ", ")));
  }
  const auto folder = fs::absolute(settings.data_folder);
  const auto memory = settings.memory_bytes_max != 0 ? settings.memory_bytes_max : machine_memory_bytes() / 2;
  WEIR_TRY(make_folder(folder));
  const auto users = folder / "users.xml";
  const auto config = folder / "config.xml";
  WEIR_TRY(write_file(users, users_xml(memory, settings.sources), FileAccess::OwnerOnly));
  WEIR_TRY(write_file(config, config_xml(users, memory, settings.durability), FileAccess::OwnerOnly));
  const auto store = folder / "store";
  WEIR_TRY(make_default_database_plain(store));
  return std::vector<std::string>{
      fmt::format("--path={}", store.string()),
      fmt::format("--config-file={}", config.string()),
      "--default_database=_local",  // the overlay's name from now on
      "--implicit_select=0",        // "garbage" is no SELECT
      "--allow_introspection_functions=0",
  };
}

}  // namespace weir::warehouse
