#include "engine/render.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace weir::engine {
namespace {

using Places = std::map<std::string, Place>;

Json instant_variables(Instant instant, const project::Pipeline& pipeline) {
  const auto local =
      pipeline.schedules.empty() ? format_instant(instant) : pipeline.schedules.front().local_text(instant);
  return {{"text", format_instant(instant)},
          {"date", local.substr(0, 10)},
          {"time", local.substr(11, 8)},
          {"epoch", std::chrono::floor<std::chrono::seconds>(instant).time_since_epoch().count()}};
}

class Renderer {
 public:
  Renderer(sql::TemplateEngine& engine, const Json& variables, const Places& places)
      : engine_(engine), variables_(variables), places_(places) {}

  Result<Json> group(const Json& values, std::span<const Setting> descriptions, const std::string& path) {
    Json rendered = Json::object();
    for (const auto& [key, value] : values.items()) {
      const auto found = std::ranges::find(descriptions, key, &Setting::name);
      const auto inner = path.empty() ? key : fmt::format("{}.{}", path, key);
      rendered[key] =
          found == descriptions.end() ? WEIR_TRY(anything(value, inner)) : WEIR_TRY(one(value, *found, inner));
    }
    return rendered;
  }

 private:
  Result<Json> one(const Json& value, const Setting& setting, const std::string& path) {
    if (value.is_null()) return value;
    switch (setting.type) {
      case SettingType::Group: return group(value, setting.fields, path);
      case SettingType::List: {
        Json rendered = Json::array();
        for (std::size_t i = 0; i < value.size(); ++i) {
          rendered.push_back(WEIR_TRY(one(value[i], setting.fields.front(), path + "." + std::to_string(i))));
        }
        return rendered;
      }
      case SettingType::Map: {
        Json rendered = Json::object();
        for (const auto& [key, entry] : value.items()) {
          rendered[key] = WEIR_TRY(one(entry, setting.fields.front(), fmt::format("{}.{}", path, key)));
        }
        return rendered;
      }
      case SettingType::Any: return anything(value, path);
      default: return scalar(value, setting, path);
    }
  }

  Result<Json> anything(const Json& value, const std::string& path) {
    if (value.is_string()) return text(value, path);
    if (!value.is_structured()) return value;
    Json rendered = value;
    for (auto entry = rendered.begin(); entry != rendered.end(); ++entry) {
      const auto key = value.is_object() ? entry.key() : std::to_string(std::distance(rendered.begin(), entry));
      *entry = WEIR_TRY(anything(*entry, fmt::format("{}.{}", path, key)));
    }
    return rendered;
  }

  Result<Json> text(const Json& value, const std::string& path) {
    const auto& source = value.get_ref<const std::string&>();
    if (!sql::has_template(source)) return value;
    const auto place = place_of(path, places_);
    auto given = WEIR_TRY(engine_.evaluate(place.file, source, variables_, std::max(place.line, 1)));
    // "{{ run.started_at }}" alone is the instant, of which a setting takes the text.
    if (given.is_object() && given.contains("epoch") && given.contains("text")) return given.at("text");
    return given;
  }

  Result<Json> scalar(const Json& value, const Setting& setting, const std::string& path) {
    if (!value.is_string() || !sql::has_template(value.get_ref<const std::string&>())) return value;
    const auto rendered = WEIR_TRY(text(value, path));
    if (auto fitted = fit(rendered, setting)) return std::move(*fitted);
    return Error::user(Code::InvalidProject, "{} takes {}, but its template gave another value: {}", path,
                       expectation(setting), rendered.is_string() ? rendered.get<std::string>() : to_text(rendered))
        .at(place_of(path, places_));
  }

  static std::optional<Json> fit(Json value, const Setting& setting) {
    const auto as_text = [&] { return value.is_string() ? value.get<std::string>() : to_text(value); };
    switch (setting.type) {
      case SettingType::Integer:
      case SettingType::Number: {
        if (value.is_string()) {
          const auto parsed = parse_json(value.get_ref<const std::string&>());
          if (!parsed.ok()) return std::nullopt;
          value = *parsed;
        }
        const bool fits = setting.type == SettingType::Integer ? value.is_number_integer() : value.is_number();
        return fits ? std::optional{value} : std::nullopt;
      }
      case SettingType::Flag:
        if (as_text() == "true") return Json(true);
        if (as_text() == "false") return Json(false);
        return std::nullopt;
      case SettingType::Duration: return parse_duration(as_text()) ? std::optional<Json>{as_text()} : std::nullopt;
      case SettingType::Bytes: return parse_bytes(as_text()) ? std::optional<Json>{as_text()} : std::nullopt;
      case SettingType::Choice:
        return std::ranges::find(setting.choices, as_text()) != setting.choices.end() ? std::optional<Json>{as_text()}
                                                                                      : std::nullopt;
      default: return Json(as_text());
    }
  }

  static std::string expectation(const Setting& setting) {
    switch (setting.type) {
      case SettingType::Integer: return "a whole number";
      case SettingType::Number: return "a number";
      case SettingType::Flag: return "true or false";
      case SettingType::Duration: return "a duration such as 5s or 2m";
      case SettingType::Bytes: return "a size such as 64MiB";
      case SettingType::Choice: return fmt::format("one of {}", fmt::join(setting.choices, ", "));
      default: return "a text";
    }
  }

  sql::TemplateEngine& engine_;
  const Json& variables_;
  const Places& places_;
};

}  // namespace

Place place_of(std::string path, const Places& places) {
  for (;;) {
    if (const auto found = places.find(path); found != places.end()) return found->second;
    const auto dot = path.rfind('.');
    if (dot == std::string::npos) break;
    path.resize(dot);
  }
  const auto whole = places.find("");
  return whole == places.end() ? Place{} : whole->second;
}

Json environment_variables() {
  Json variables = Json::object();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) variables[std::string{text.substr(0, equals)}] = text.substr(equals + 1);
  }
  return variables;
}

Json template_variables(const project::Pipeline& pipeline, const Json& params, const RunFacts& facts) {
  return {{"run",
           {{"id", facts.id.text()},
            {"pipeline", pipeline.name},
            {"started_at", instant_variables(facts.started_at, pipeline)}}},
          {"interval",
           {{"from", instant_variables(facts.interval_from.value_or(facts.started_at), pipeline)},
            {"to", instant_variables(facts.interval_to.value_or(facts.started_at), pipeline)}}},
          {"params", params},
          {"env", environment_variables()}};
}

Result<Settings> render(sql::TemplateEngine& engine, const Settings& settings, std::span<const Setting> descriptions,
                        const Json& variables, const std::map<std::string, Place>& places) {
  return Settings{WEIR_TRY(Renderer(engine, variables, places).group(settings.values(), descriptions, ""))};
}

}  // namespace weir::engine
