#include "engine/error_json.hpp"

#include <utility>

namespace weir::engine {

Json to_json(const Error& error) {
  Json json{{"fault", name(error.fault())},
            {"code", name(error.code())},
            {"retry", name(error.retry())},
            {"message", error.message()}};
  if (!error.hint().empty()) json["hint"] = error.hint();
  if (!error.native_code().empty()) json["native_code"] = error.native_code();
  if (error.place()) {
    json["place"] = {{"file", error.place()->file}, {"line", error.place()->line}, {"column", error.place()->column}};
  }
  if (!error.context().empty()) json["context"] = error.context();
  return json;
}

Error error_from_json(const Json& json) {
  const auto text = [&](const char* key) { return json.value(key, std::string{}); };
  Error error{parse_fault(text("fault")).value_or(Fault::Bug), parse_code(text("code")).value_or(Code::Internal),
              text("message")};
  error = std::move(error).retry(parse_retry(text("retry")).value_or(Retry::Never));
  if (json.contains("hint")) error = std::move(error).hint(text("hint"));
  if (json.contains("native_code")) error = std::move(error).native_code(text("native_code"));
  if (const auto place = json.find("place"); place != json.end()) {
    error =
        std::move(error).at({place->value("file", std::string{}), place->value("line", 0), place->value("column", 0)});
  }
  if (const auto context = json.find("context"); context != json.end()) {
    for (const auto& entry : *context) error = std::move(error).while_doing(entry.get<std::string>());
  }
  return error;
}

}  // namespace weir::engine
