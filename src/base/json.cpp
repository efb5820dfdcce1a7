#include "base/json.hpp"

template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace weir {

Result<Json> parse_json(std::string_view text) {
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    return Error::user(Code::InvalidData, "malformed JSON at byte {}", error.byte);
  }
}

std::string to_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace weir
