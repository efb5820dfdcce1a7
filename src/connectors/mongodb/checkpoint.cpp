#include "connectors/mongodb/checkpoint.hpp"

namespace weir::mongodb {
namespace {

constexpr int kCheckpointVersion = 1;

}  // namespace

Result<Json> read_checkpoint(const std::optional<flow::Checkpoint>& checkpoint) {
  if (!checkpoint) return Json(nullptr);
  auto json = parse_json(checkpoint->text);
  const bool own = json.ok() && json->is_object() && json->value("weir", std::string{}) == "mongodb" &&
                   json->value("version", 0) == kCheckpointVersion;
  if (!own) return Error::user(Code::InvalidData, "a checkpoint that a connection of type mongodb did not write");
  return std::move(json).value();
}

std::optional<flow::Checkpoint> checkpoint_after(const Arrival::Outcome& outcome) {
  if (outcome.until.is_null()) return std::nullopt;
  auto json = outcome.until;
  json["weir"] = "mongodb";
  json["version"] = kCheckpointVersion;
  json["shape"] = outcome.shape.to_json();
  return flow::Checkpoint{to_text(json)};
}

}  // namespace weir::mongodb
