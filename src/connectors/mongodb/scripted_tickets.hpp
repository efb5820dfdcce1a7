#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "connectors/mongodb/scripted_server.hpp"

namespace weir::mongodb::testing {

// An event of a change stream of the collection tickets, as the manual documents them: `rest` is what else it says, `at` the
// second of its cluster time.
std::string change_event(const std::string& token, const std::string& type, const std::string& rest, int at = 50);

// A replica set with one collection, tickets: its documents in ranges and batches, and a change stream that is told what a
// test says. A test changes what is public between runs, or in the hooks, which are called one at a time.
class ScriptedTickets {
 public:
  // One member, or two that have the same data, of which the first is the primary until step_down().
  explicit ScriptedTickets(std::size_t members = 1);

  std::string url(const std::string& userinfo = "") const;
  ScriptedServer& server(std::size_t member = 0) { return *servers_[member]; }
  void step_down() { primary_ = 1; }

  std::vector<Document> documents;      // by _id
  std::size_t batch_documents = 1'000;  // that a reply has, and events
  std::string uuid = "AAAAAAAAAAAAAAAAAAAAAQ==";
  std::int64_t withheld = 0;  // documents that it counts and hands over to nobody
  Document refusal;           // of a stream that is resumed; empty: none
  // The stream's next event, behind all others: its token is its number.
  void tell(const std::string& type, const std::string& rest);

  // Called when the documents, or the events, that were sent are not all and more is asked for; what it returns is answered in
  // the place of them, unless that is empty.
  using Hook = std::function<Document()>;
  Hook amid_snapshot;
  Hook amid_stream;
  // Answers any command in the place of what else is answered, unless it returns an empty document.
  ScriptedServer::Answer instead;

 private:
  // What a cursor has not sent yet.
  struct OpenCursor {
    bool is_stream = false;
    std::vector<Document> rest;  // of documents
    std::size_t position = 0;    // of a stream: the events that it has told
  };

  Document answer(std::size_t member, const std::string& name, const Document& command);
  Document answer_find(const Document& command);
  Document answer_aggregate(const Document& command);
  Document answer_more(std::int64_t id);
  Document next_documents(std::int64_t id, const char* which);
  Document next_events(std::int64_t id, const char* which);

  std::vector<std::string> events_;
  std::mutex mutex_;  // the members answer one at a time
  std::map<std::int64_t, OpenCursor> cursors_;
  std::int64_t last_cursor_ = 0;
  std::atomic<std::size_t> primary_ = 0;
  std::vector<std::unique_ptr<ScriptedServer>> servers_;
};

}  // namespace weir::mongodb::testing
