#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/setting.hpp"

// JSON Schema (2020-12, the dialect of OpenAPI 3.1) as the API's routes need it: what is described here checks requests,
// makes the OpenAPI document, and in the tests checks every answer.
namespace weir::web {

using Schema = Json;

// A key of an object, or a parameter of a query.
struct Member {
  std::string name;
  Schema schema;
  Need need = Need::Required;
};

Schema text(std::string_view doc = {});
Schema instant(std::string_view doc = {});  // "2026-03-01T12:45:00.250000Z"
Schema integer(std::string_view doc = {});
Schema number(std::string_view doc = {});
Schema flag(std::string_view doc = {});
Schema anything(std::string_view doc = {});
Schema one_of(const std::vector<std::string>& choices, std::string_view doc = {});
Schema list_of(Schema element, std::string_view doc = {});
Schema map_of(Schema element, std::string_view doc = {});
// No other keys than these.
Schema object(const std::vector<Member>& members, std::string_view doc = {});
// Of the document's components.
Schema reference(std::string_view component);
Schema or_null(Schema schema);
// {"items": […], "next_cursor": …}
Schema page_of(Schema element);

// Where and how a value differs from a schema ("params.rows: not an integer"), or nothing. `components` resolves references.
// Understands what the functions above make.
std::optional<std::string> mismatch(const Json& value, const Schema& schema, const Json& components);

}  // namespace weir::web
