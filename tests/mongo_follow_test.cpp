#include <gtest/gtest.h>

#include "connectors/mongodb/scripted_tickets.hpp"
#include "mongo_program.hpp"

// What a later run brings, by the whole program: documents that arrive late behind a cursor, and changes as MongoDB tells them.
namespace weir {
namespace {

using mongodb::testing::json;
using mongodb::testing::ScriptedTickets;

class MongoCursor : public testing::LiveMongoProgram {
 protected:
  // At a minute after noon.
  static std::string event(int id, int minute, const std::string& text = "first") {
    return fmt::format(R"({{"_id":{},"at":{{"$date":"2026-03-01T12:{:02}:00Z"}},"text":"{}"}})", id, minute, text);
  }
  int rows_written() const { return load().event("step", "all")["rows_written"].get<int>(); }
};

// An append shows what comes twice.
TEST_F(MongoCursor, LateDocumentsWithinTheLagArriveOnce) {
  configure("    collections: {events: {cursor: {path: at, lag: 10m}}}\n");
  pipeline("from: mongo.events, to: shop.events, mode: append");
  database_->insert("events", {event(1, 0), event(2, 20), event(3, 30), event(4, 30)});
  EXPECT_EQ(rows_written(), 4);

  // Behind the last value, at it, at the lag's begin, and before that: what comes so late, no run sees.
  database_->insert("events", {event(5, 25), event(6, 30), event(7, 20), event(8, 19)});
  EXPECT_EQ(rows_written(), 3);
  EXPECT_EQ(rows_written(), 0);

  // The lag counts from the last value, which moves on.
  database_->insert("events", {event(9, 35), event(10, 24), event(11, 25)});
  EXPECT_EQ(rows_written(), 3) << "at that time the last value was still 12:30";
  database_->insert("events", {event(12, 24), event(13, 25)});
  EXPECT_EQ(rows_written(), 1);
  EXPECT_EQ(
      query("SELECT _id, count(*), to_char(min(at) AT TIME ZONE 'UTC', 'HH24:MI') FROM events GROUP BY 1 ORDER BY 1"),
      "1,1,12:00\n2,1,12:20\n3,1,12:30\n4,1,12:30\n5,1,12:25\n6,1,12:30\n7,1,12:20\n9,1,12:35\n10,1,12:24\n"
      "11,1,12:25\n13,1,12:25\n");
}

TEST_F(MongoCursor, WhatChangesWithinTheLagIsMerged) {
  configure("    collections: {events: {cursor: {path: at, lag: 10m}}}\n");
  pipeline("from: mongo.events, to: shop.events, mode: merge");
  database_->insert("events", {event(1, 0), event(2, 25), event(3, 30)});
  EXPECT_EQ(rows_written(), 3);
  for (const int id : {1, 2, 3}) {
    database_->run(fmt::format(
        R"({{"update":"events","updates":[{{"q":{{"_id":{}}},"u":{{"$set":{{"text":"second"}}}}}}]}})", id));
  }
  EXPECT_EQ(rows_written(), 2);
  EXPECT_EQ(rows_written(), 0);
  EXPECT_EQ(query("SELECT _id, text FROM events ORDER BY _id"), "1,first\n2,second\n3,second\n");
}

class MongoChanges : public testing::MongoProgram {
 protected:
  void SetUp() override {
    configure_at(tickets_.url(), "    follow: changes\n");
    pipeline(R"(from: "mongo.*", to: {object: "shop.*", options: {schema_changes: evolve}}, mode: merge)");
  }
  void expect(const std::string& tickets, const std::string& messages) const {
    EXPECT_EQ(query("SELECT _id, status, rating FROM tickets ORDER BY _id"), tickets);
    EXPECT_EQ(query("SELECT tickets__id, position, text FROM tickets__messages ORDER BY 1, 2"), messages);
  }

  ScriptedTickets tickets_;
};

TEST_F(MongoChanges, ChangeRowsAndTheRowsOfTheirListsInOrder) {
  tickets_.documents = {
      json(R"({"_id":1,"status":"open","rating":1,"messages":[{"text":"a"},{"text":"b"},{"text":"c"}]})"),
      json(R"({"_id":2,"status":"open","rating":1,"messages":[{"text":"d"}]})"),
      json(R"({"_id":3,"status":"open","rating":1,"messages":[{"text":"e"}]})")};
  load();
  expect("1,open,1\n2,open,1\n3,open,1\n", "1,0,a\n1,1,b\n1,2,c\n2,0,d\n3,0,e\n");

  // An update that takes a field and two messages away, one of a document that is gone again, a replacement, a new document that
  // changes twice, one that comes and goes, and a deleted one that comes back.
  tickets_.tell(
      "update",
      R"("documentKey":{"_id":1},"updateDescription":{"updatedFields":{"status":"closed"},"removedFields":["rating"],"truncatedArrays":[{"field":"messages","newSize":1}]},"fullDocument":{"_id":1,"status":"closed","messages":[{"text":"a"}]})");
  tickets_.tell("replace", R"("documentKey":{"_id":2},"fullDocument":{"_id":2,"status":"replaced"})");
  tickets_.tell(
      "insert",
      R"("documentKey":{"_id":4},"fullDocument":{"_id":4,"status":"new","messages":[{"text":"f"},{"text":"g"}]})");
  tickets_.tell(
      "update",
      R"("documentKey":{"_id":4},"updateDescription":{"updatedFields":{"rating":5},"removedFields":[]},"fullDocument":{"_id":4,"status":"new","rating":5,"messages":[{"text":"g"}]})");
  tickets_.tell("insert",
                R"("documentKey":{"_id":5},"fullDocument":{"_id":5,"status":"short","messages":[{"text":"h"}]})");
  tickets_.tell("delete", R"("documentKey":{"_id":5})");
  tickets_.tell("delete", R"("documentKey":{"_id":3})");
  tickets_.tell("insert", R"("documentKey":{"_id":3},"fullDocument":{"_id":3,"status":"back","rating":3})");
  load();
  expect("1,closed,\n2,replaced,\n3,back,3\n4,new,5\n", "1,0,a\n4,0,g\n");

  // Nothing has changed: the same.
  load();
  expect("1,closed,\n2,replaced,\n3,back,3\n4,new,5\n", "1,0,a\n4,0,g\n");

  tickets_.tell("delete", R"("documentKey":{"_id":1})");
  tickets_.tell(
      "update",
      R"("documentKey":{"_id":2},"updateDescription":{"updatedFields":{"rating":"high"},"removedFields":[]},"fullDocument":{"_id":2,"status":"replaced","rating":"high","messages":[{"text":"i"}]})");
  load();
  expect("2,replaced,\"\"\"high\"\"\"\n3,back,3\n4,new,5\n", "2,0,i\n4,0,g\n");
}

TEST_F(MongoChanges, ADocumentThatAChangeMakesARejectLeavesItsTableUntilItIsMended) {
  tickets_.documents = {json(R"({"_id":1,"status":"open","rating":1,"messages":[{"text":"a"}]})")};
  load();
  tickets_.tell("update", R"("documentKey":{"_id":1},"fullDocument":{"_id":1,"status":"a\u0000b","messages":[]})");
  load();
  expect("", "");
  EXPECT_EQ(query("SELECT _id, reason FROM tickets___rejects"),
            "\"{\"\"$numberInt\"\":\"\"1\"\"}\",status: a text with the character U+0000\n");
  tickets_.tell(
      "update",
      R"("documentKey":{"_id":1},"fullDocument":{"_id":1,"status":"good","rating":2,"messages":[{"text":"b"}]})");
  load();
  expect("1,good,2\n", "1,0,b\n");
  EXPECT_EQ(query("SELECT count(*) FROM tickets___rejects"), "0\n");
}

}  // namespace
}  // namespace weir
