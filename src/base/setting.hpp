#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/secret.hpp"

namespace weir {

// What a key of a project file takes.
enum class SettingType {
  Text,
  Integer,
  Number,
  Flag,      // true or false
  Duration,  // "5s", "2m" (parse_duration)
  Bytes,     // 1048576, "64MiB"
  Choice,    // one of `choices`
  List,      // of what `fields.front()` describes (its name is unused)
  Map,       // free keys; values as `fields.front()` describes
  Group,     // the keys in `fields`
  Any,
};

enum class Need { Optional, Required };
enum class Secrecy { Open, Secret };

// One key that a user may write in a project file: the description that validates it, documents it, completes it in
// editors (JSON Schema) and draws its form. Connectors, task kinds and the files themselves are all described this way.
struct Setting {
  std::string name;
  SettingType type = SettingType::Text;
  std::string doc = {};  // one sentence, for the reference page and the editor
  Need need = Need::Optional;
  Json default_value = nullptr;  // null: none
  Secrecy secrecy = Secrecy::Open;
  std::vector<std::string> choices = {};
  std::vector<Setting> fields = {};  // Group, List, Map
  // A list may be written as its single element, a group as the one value of its first field ("from: a.csv").
  enum class Shorthand { Refused, Allowed } shorthand = Shorthand::Refused;
};

// The values of validated settings: every required key is there, defaults are filled in, types are right. Asking for a
// key that the description lacks, or as another type, is a bug.
class Settings {
 public:
  Settings() : values_(Json::object()) {}
  explicit Settings(Json values) : values_(std::move(values)) {}

  bool has(std::string_view name) const;          // present and not null
  std::string text(std::string_view name) const;  // "" when absent
  std::int64_t integer(std::string_view name) const;
  double number(std::string_view name) const;
  bool flag(std::string_view name) const;
  std::chrono::milliseconds duration(std::string_view name) const;
  std::uint64_t bytes(std::string_view name) const;
  Secret secret(std::string_view name) const;
  std::vector<std::string> texts(std::string_view name) const;  // a list of text; empty when absent
  Settings group(std::string_view name) const;                  // empty when absent
  std::vector<Settings> groups(std::string_view name) const;    // a list of groups
  const Json& json(std::string_view name) const;                // null when absent

  // Everything, secrets included: for handing over to a child process, never for printing.
  const Json& values() const { return values_; }

 private:
  Json values_;
};

// "64MiB", "8kB", 1048576 → bytes. Units: B, kB, MB, GB (powers of 1000), KiB, MiB, GiB (powers of 1024).
std::optional<std::uint64_t> parse_bytes(std::string_view text);

}  // namespace weir
