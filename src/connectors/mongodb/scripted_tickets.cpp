#include "connectors/mongodb/scripted_tickets.hpp"

#include <algorithm>
#include <limits>

namespace weir::mongodb::testing {
namespace {

Document reply_of(std::int64_t cursor, const char* which, const std::vector<Document>& documents,
                  const std::string& token = "") {
  Document inner;
  inner.add("id", cursor).add("ns", "support.tickets").add_list(which, documents);
  if (!token.empty()) inner.add("postBatchResumeToken", Document{}.add("_data", token));
  return std::move(Document{}.add("cursor", inner));
}

// A range of _ids, which part_by_id() asks for.
bool is_in_range(const Document& document, const Document& filter) {
  const auto id = document.integer("_id");
  if (!id) return true;
  return *id >= filter.integer("_id.$gte").value_or(std::numeric_limits<std::int64_t>::min()) &&
         *id < filter.integer("_id.$lt").value_or(std::numeric_limits<std::int64_t>::max());
}

}  // namespace

std::string change_event(const std::string& token, const std::string& type, const std::string& rest, int at) {
  return fmt::format(
      R"({{"_id":{{"_data":"{}"}},"operationType":"{}","clusterTime":{{"$timestamp":{{"t":{},"i":1}}}},"ns":{{"db":"support","coll":"tickets"}},{}}})",
      token, type, at, rest);
}

ScriptedTickets::ScriptedTickets(std::size_t members) {
  std::vector<ScriptedServer*> set;
  for (std::size_t member = 0; member < members; ++member) {
    servers_.push_back(std::make_unique<ScriptedServer>(
        [this, member](const std::string& name, const Document& command) { return answer(member, name, command); }));
    set.push_back(servers_.back().get());
  }
  if (members > 1) ScriptedServer::unite(set, primary_);
}

std::string ScriptedTickets::url(const std::string& userinfo) const {
  if (servers_.size() == 1) return servers_.front()->url(userinfo);
  std::string hosts;
  for (const auto& server : servers_) hosts += fmt::format("{}127.0.0.1:{}", hosts.empty() ? "" : ",", server->port());
  return fmt::format("mongodb://{}{}/support?replicaSet=rs0", userinfo, hosts);
}

void ScriptedTickets::tell(const std::string& type, const std::string& rest) {
  events_.push_back(change_event(std::to_string(events_.size() + 1), type, rest));
}

Document ScriptedTickets::answer(std::size_t member, const std::string& name, const Document& command) {
  const std::lock_guard lock(mutex_);
  if (instead) {
    if (auto other = instead(name, command); !other.is_empty()) return other;
  }
  if (member != primary_) return failure(10107, "not primary");
  if (name == "ping")
    return json(
        R"({"ok":1.0,"operationTime":{"$timestamp":{"t":90,"i":1}},"$clusterTime":{"clusterTime":{"$timestamp":{"t":100,"i":2}},"signature":{"keyId":1}}})");
  if (name == "listCollections")
    return batch(
        0, "firstBatch",
        {fmt::format(
            R"({{"name":"tickets","type":"collection","options":{{}},"info":{{"uuid":{{"$binary":{{"base64":"{}","subType":"04"}}}}}}}})",
            uuid)});
  if (name == "count") return std::move(Document{}.add("n", static_cast<std::int64_t>(documents.size())));
  if (name == "find") return answer_find(command);
  if (name == "aggregate") return answer_aggregate(command);
  if (name == "getMore") return answer_more(command.integer("getMore").value_or(0));
  return {};
}

Document ScriptedTickets::answer_find(const Document& command) {
  std::vector<Document> found;
  const auto filter = command.inner("filter").value_or(Document{});
  std::ranges::copy_if(documents, std::back_inserter(found), [&](const auto& one) { return is_in_range(one, filter); });
  if (command.integer("sort._id") == -1) std::ranges::reverse(found);
  if (const auto limit = command.integer("limit"); limit && static_cast<std::size_t>(*limit) < found.size())
    found.resize(static_cast<std::size_t>(*limit));
  const auto id = ++last_cursor_;
  cursors_[id] = {.is_stream = false, .rest = std::move(found), .position = 0};
  return next_documents(id, "firstBatch");
}

Document ScriptedTickets::answer_aggregate(const Document& command) {
  if (command.has("pipeline.0.$sample")) {
    std::vector<Document> ids;
    for (const auto& document : documents) ids.push_back(Document{}.add("_id", *document.integer("_id")));
    return reply_of(0, "firstBatch", ids);
  }
  if (command.has("pipeline.0.$match")) {
    const std::vector<Document> counted{Document{}.add("n", static_cast<std::int64_t>(documents.size()) + withheld)};
    return reply_of(0, "firstBatch", counted);
  }
  if (!command.has("pipeline.0.$changeStream")) return failure(40324, "no such stage");
  auto position = events_.size();
  if (command.has("pipeline.0.$changeStream.resumeAfter")) {
    if (!refusal.is_empty()) return refusal;
    position = std::stoul(command.text("pipeline.0.$changeStream.resumeAfter._data"));
  }
  const auto id = ++last_cursor_;
  cursors_[id] = {.is_stream = true, .rest = {}, .position = position};
  return next_events(id, "firstBatch");
}

Document ScriptedTickets::answer_more(std::int64_t id) {
  const auto found = cursors_.find(id);
  if (found == cursors_.end()) return failure(43, "no such cursor");
  const bool is_stream = found->second.is_stream;
  if (const auto& hook = is_stream ? amid_stream : amid_snapshot) {
    if (auto other = hook(); !other.is_empty()) return other;
  }
  return is_stream ? next_events(id, "nextBatch") : next_documents(id, "nextBatch");
}

Document ScriptedTickets::next_documents(std::int64_t id, const char* which) {
  auto& rest = cursors_[id].rest;
  const auto count = static_cast<std::ptrdiff_t>(std::min(batch_documents, rest.size()));
  const std::vector<Document> sent{rest.begin(), rest.begin() + count};
  rest.erase(rest.begin(), rest.begin() + count);
  const bool is_last = rest.empty();
  if (is_last) cursors_.erase(id);
  return reply_of(is_last ? 0 : id, which, sent);
}

Document ScriptedTickets::next_events(std::int64_t id, const char* which) {
  auto& position = cursors_[id].position;
  std::vector<Document> sent;
  for (; position < events_.size() && sent.size() < batch_documents; ++position)
    sent.push_back(json(events_[position]));
  return reply_of(id, which, sent, std::to_string(position));
}

}  // namespace weir::mongodb::testing
