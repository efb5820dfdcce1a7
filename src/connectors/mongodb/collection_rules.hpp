#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/setting.hpp"
#include "connectors/mongodb/bson_check.hpp"
#include "connectors/mongodb/document.hpp"
#include "documents/rules.hpp"

namespace weir::mongodb {

// How a collection is followed from one run to the next.
enum class Follow {
  Snapshot,  // every run reads all of it
  Cursor,    // what is new by a field that grows
  Changes,   // a snapshot, then the server's change stream
};

// What happens when the server no longer keeps the changes since the last run.
enum class OnExpired { Fail, Snapshot };

// Documents whose cursor field is missing or of another type than the cursor: no range of the cursor has them.
enum class OddCursor { Loaded, Skipped };

struct CursorField {
  std::string path;
  std::chrono::milliseconds lag{};
  OddCursor odd = OddCursor::Loaded;
};

// What a connection says of one collection.
struct CollectionRules {
  documents::Rules documents;
  Document filter;                  // as `find` takes it
  std::vector<std::string> fields;  // read from the server; empty: all
  Follow follow = Follow::Snapshot;
  CursorField cursor;
  OnExpired on_expired = OnExpired::Fail;
  NulText nul = NulText::Rejected;

  bool reads_all() const { return filter.is_empty() && fields.empty(); }
  // The filter, and `more` besides.
  Document filter_and(const Document& more) const;
  // What `find` is asked for, with the fields that Weir needs itself; empty: all.
  Document projection() const;
};

// What a connection says of reading.
class SourceRules {
 public:
  static Result<SourceRules> read(const Settings& settings);

  Result<CollectionRules> of(const std::string& collection) const;
  int readers() const { return readers_; }
  std::int64_t range_documents() const { return range_documents_; }

 private:
  Settings defaults_;
  std::map<std::string, Settings> collections_;  // by name or pattern
  int readers_ = 2;
  std::int64_t range_documents_ = 0;
};

// The connection's keys besides its address.
std::vector<Setting> source_settings();

// Extended JSON → BSON; InvalidProject says what is wrong.
Result<Document> parse_document(const Json& json);

}  // namespace weir::mongodb
