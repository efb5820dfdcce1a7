#include "project/project.hpp"

namespace weir::project {

Json json_schema(std::string_view, const Vocabulary&) { return Json::object(); }

}  // namespace weir::project
