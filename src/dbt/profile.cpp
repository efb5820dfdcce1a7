#include "dbt/profile.hpp"

#include <fmt/format.h>

namespace weir::dbt {
namespace {

// dbt renders the texts of a profile as templates: what looks like one stands for itself.
Json plain(const Json& value) {
  if (value.is_structured()) {
    Json copy = value;
    for (auto& element : copy) element = plain(element);
    return copy;
  }
  if (!value.is_string()) return value;
  const auto& text = value.get_ref<const std::string&>();
  if (text.find('{') == std::string::npos) return value;
  return fmt::format("{{% raw %}}{}{{% endraw %}}", text);
}

}  // namespace

std::string profile_text(const flow::DbtOutput& output, const std::string& target, int threads) {
  Json fields{{"type", output.adapter}, {"threads", threads}};
  for (const auto& [name, value] : output.fields.items()) fields[name] = plain(value);
  fields["password"] = fmt::format("{{{{ env_var('{}') }}}}", kPasswordVariable);
  const Json profile{{"target", target}, {"outputs", {{target, std::move(fields)}}}};
  return to_text(Json{{std::string{kProfileName}, profile}}) + "\n";
}

}  // namespace weir::dbt
