#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/setting.hpp"
#include "project/yaml.hpp"

namespace weir::project {

// Whether keys that are required may be missing: those of a connection whose server Weir runs itself.
enum class Missing { Refused, Accepted };

// Whether a template may stand where a number, a flag or a duration is expected: not in keys that are used before any run.
enum class TypedTemplates { Kept, Refused };

// Checks YAML against settings and turns it into their values: defaults filled in, shorthands written out. Every mistake
// is collected with its place and a hint. A text with a template may stand where a scalar of any type is expected: its syntax
// is checked now, its value when it is rendered. An optional group that is absent stays absent, whatever defaults its keys have.
class Validator {
 public:
  Validator(std::string file, const std::string& text, std::vector<Error>& mistakes,
            TypedTemplates templates = TypedTemplates::Kept)
      : file_(std::move(file)), text_(text), mistakes_(mistakes), templates_(templates) {}

  // The keys of a map; `what` names the map in messages ("the pipeline", "copy"). `places` are added below `path`.
  Json group(const Node& node, std::span<const Setting> settings, std::string_view what, const std::string& path = {},
             Missing missing = Missing::Refused);
  // One value as `setting` describes it.
  Json value(const Node& node, const Setting& setting, const std::string& path);

  // Checks the Jinja syntax of every text in the value, which no setting describes.
  void check_templates(const Node& node);
  void mistake(const Node& node, std::string message, std::string hint);

  // Keys at the top whose maps are read by other code: they are not looked into.
  std::vector<std::string_view> read_elsewhere;
  // Where each value stands, by its path ("rules.0.column").
  std::map<std::string, Place> places;

 private:
  Json list(const Node& node, const Setting& setting, const std::string& path);
  Json map(const Node& node, const Setting& setting, const std::string& path);
  Json scalar(const Node& node, const Setting& setting);
  Json shorthand(const Node& node, const Setting& setting, const std::string& path);
  Json any(const Node& node, const std::string& path);
  void check_template(const Node& node);
  void fill_default(Json& values, const Setting& setting, const std::string& path);

  std::string file_;
  const std::string& text_;  // of the file: where templates stand in it
  std::vector<Error>& mistakes_;
  TypedTemplates templates_;
};

// "rules" + "0" → "rules.0".
std::string join_path(std::string_view path, std::string_view key);

}  // namespace weir::project
