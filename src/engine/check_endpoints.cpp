#include "engine/check_endpoints.hpp"

#include <algorithm>
#include <optional>

#include "base/nearest.hpp"
#include "engine/connections.hpp"
#include "engine/parquet.hpp"
#include "engine/stream_format.hpp"
#include "sql/template.hpp"

namespace weir::engine {
namespace {

// What the setting takes, when the value is something else.
std::optional<std::string> expected_instead(const Json& value, const Setting& setting) {
  if (value.is_null() || (value.is_string() && sql::has_template(value.get_ref<const std::string&>())))
    return std::nullopt;
  const auto unless = [](bool fits, std::string expected) {
    return fits ? std::nullopt : std::optional{std::move(expected)};
  };
  const auto is_text = [&](auto... parses) {
    return value.is_string() && (parses(value.get_ref<const std::string&>()) && ...);
  };
  switch (setting.type) {
    case SettingType::Text: return unless(value.is_primitive(), "a text");
    case SettingType::Integer: return unless(value.is_number_integer(), "a whole number");
    case SettingType::Number: return unless(value.is_number(), "a number");
    case SettingType::Flag: return unless(value.is_boolean(), "true or false");
    case SettingType::Duration:
      return unless(is_text([](const auto& text) { return parse_duration(text).has_value(); }),
                    "a duration such as 5s or 2m");
    case SettingType::Bytes:
      return unless(
          value.is_number_unsigned() || is_text([](const auto& text) { return parse_bytes(text).has_value(); }),
          "a size such as 64MiB");
    case SettingType::Choice:
      return unless(
          is_text([&](const auto& text) { return std::ranges::find(setting.choices, text) != setting.choices.end(); }),
          fmt::format("one of {}", fmt::join(setting.choices, ", ")));
    case SettingType::List:
      return unless(value.is_array() || (setting.shorthand == Setting::Shorthand::Allowed && value.is_primitive()),
                    "a list");
    case SettingType::Map:
    case SettingType::Group: return unless(value.is_object(), "a map");
    case SettingType::Any: return std::nullopt;
  }
  return std::nullopt;
}

class EndpointCheck {
 public:
  EndpointCheck(const TaskPlace& place, TaskFindings& findings) : place_(place), mistakes_(findings.mistakes) {}

  // One side of a copy, and the options that its connector takes there.
  void check_side(const std::string& side, std::vector<Setting> flow::Connector::*settings) {
    const auto group = place_.task.settings.group(side);
    const auto object = group.text("object");
    const auto* connector = connector_of(object);
    if (connector == nullptr) return;
    const auto& options = group.json("options");
    const auto path = side + ".options";
    if (options.is_object()) check_options(options, *connector, connector->*settings, path);
    if (connector->name == kFilesConnection) {
      check_file(project::parse_endpoint(place_.project, object).object, options,
                 fmt::format("{}.{}", path, kParquetOption), side);
    }
  }

  // What is copied as it is has no columns for a table.
  void check_bytes() {
    const auto from = place_.task.settings.group("from");
    const auto to = place_.task.settings.group("to").text("object");
    const auto* source = connector_of(from.text("object"));
    const auto* target = connector_of(to);
    if (source == nullptr || target == nullptr || target->name == kFilesConnection) return;
    const auto endpoint = project::parse_endpoint(place_.project, from.text("object"));
    const auto* connection = place_.project.find_connection(endpoint.connection);
    const auto* const settings = connection == nullptr ? nullptr : &connection->settings;
    if (!reads_bytes(settings, endpoint.object, from.json("options"))) return;
    mistakes_.push_back(Error::user(Code::InvalidProject, "bytes go into a file, not into a table: {}", to)
                            .hint("write to: \"files/{{ run.id }}/name\"; a table takes csv, jsonl, parquet or json")
                            .at(place_.place_of("to")));
  }

  // A task's only target, whose connector takes the options.
  void check_target(const std::string& to, const Json& options) {
    const auto* connector = connector_of(to);
    if (connector != nullptr && options.is_object())
      check_options(options, *connector, connector->write_options, "options");
  }

  // A Parquet file needs a ClickHouse. `otherwise` is the place's path where the option does not stand.
  void check_file(const std::string& path, const Json& options, const std::string& option,
                  const std::string& otherwise) {
    if (!is_parquet(path, options)) return;
    std::string wanted;
    const auto key = std::string{kParquetOption};
    if (options.is_object() && options.contains(key) && options[key].is_string()) wanted = options[key];
    if (sql::has_template(wanted)) return;
    auto connection = parquet_connection(place_.project, wanted);
    if (!connection.ok())
      mistakes_.push_back(std::move(connection).error().at(place_.place_of(wanted.empty() ? otherwise : option)));
  }

 private:
  // Nothing where it is a template's to say whose table it is.
  const flow::Connector* connector_of(const std::string& object) const {
    const auto known = object.substr(0, object.find("{{"));
    if (sql::has_template(object) && known.find_first_of("/.") == std::string::npos) return nullptr;
    const auto endpoint = project::parse_endpoint(place_.project, object);
    const auto* connection = place_.project.find_connection(endpoint.connection);
    return place_.registry.find(connection == nullptr ? kFilesConnection : std::string_view{connection->type});
  }

  void check_options(const Json& options, const flow::Connector& connector, const std::vector<Setting>& settings,
                     const std::string& path) {
    for (const auto& [key, value] : options.items()) {
      const auto place = place_.place_of(fmt::format("{}.{}", path, key));
      const auto setting = std::ranges::find(settings, key, &Setting::name);
      if (setting == settings.end()) {
        mistakes_.push_back(unknown_option(connector, key, settings, path).at(place));
      } else if (const auto expected = expected_instead(value, *setting)) {
        mistakes_.push_back(Error::user(Code::InvalidProject, "{} takes {}, not {}", key, *expected, to_text(value))
                                .hint(setting->doc)
                                .at(place));
      }
    }
  }

  static Error unknown_option(const flow::Connector& connector, const std::string& key,
                              const std::vector<Setting>& settings, std::string_view path) {
    std::vector<std::string> known;
    for (const auto& setting : settings) known.push_back(setting.name);
    const auto nearest = nearest_name(key, known);
    const auto hint = !nearest.empty() ? fmt::format("did you mean {}?", nearest)
                      : known.empty()  ? fmt::format("{} has no options here", connector.name)
                                       : fmt::format("{} takes {}", connector.name, fmt::join(known, ", "));
    return Error::user(Code::InvalidProject, "unknown key in {} of {}: {}", path, connector.name, key).hint(hint);
  }

  const TaskPlace& place_;
  std::vector<Error>& mistakes_;
};

}  // namespace

void check_copy(const TaskPlace& place, TaskFindings& findings) {
  EndpointCheck check{place, findings};
  check.check_side("from", &flow::Connector::read_options);
  check.check_side("to", &flow::Connector::write_options);
  check.check_bytes();
}

void check_generate(const TaskPlace& place, TaskFindings& findings) {
  const auto& settings = place.task.settings;
  EndpointCheck check{place, findings};
  check.check_target(settings.text("to"), settings.json("options"));
  check.check_file(settings.text("to"), settings.values(), std::string{kParquetOption}, "to");
}

}  // namespace weir::engine
