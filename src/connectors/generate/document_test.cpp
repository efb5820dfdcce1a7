#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/clock.hpp"
#include "connectors/generate/generate_source.hpp"
#include "data/calendar.hpp"
#include "data/text.hpp"

// Documents: lists, objects, alternatives, moments, columns that are missing or oddly typed.
namespace weir::generate {
namespace {

const std::int64_t kLastDay = data::days_from_civil({2026, 3, 3});

Json tickets() {
  return parse_json(R"({"columns": {
    "number": {"sequence": {"start": 1}, "output": false},
    "ticket_id": {"text": {"pattern": "T-{number:6}"}},
    "user": {"integer": {"from": 1, "to": 50}},
    "day": {"date": {"days": 30, "order": "ascending"}, "output": false},
    "course": {"choice": {"user": 1, "user agent": 3, "user agent user resolved": 2}, "output": false},
    "status": {"by": {"column": "course", "of": {
      "user": {"choice": {"open": 1}}, "user agent": {"choice": {"open": 1, "waiting": 1}},
      "user agent user resolved": {"choice": {"closed": 1}}}}},
    "created_at": {"timestamp": {"date": "day", "hours": {"3": 5}}},
    "before": {"date": {"days": 1, "ends_before": 2}},
    "messages": {"list": {"words": "course", "columns": {
      "sender": {"same": {"column": "word"}},
      "wait": {"skewed": {"median": 600, "spread": 1.0, "from": 1, "to": 86400}, "output": false},
      "waited": {"running": {"column": "wait"}, "output": false},
      "at": {"timestamp": {"after": "created_at", "seconds": "waited"}},
      "text": {"text": {"pattern": "{sender} {position} of {user}"}, "present": 0.9}}}},
    "updated_at": {"last": {"column": "messages.at"}},
    "tag_count": {"integer": {"from": 0, "to": 4}, "output": false},
    "tags": {"list": {"length": "tag_count", "columns": {"value": {"choice": {"red": 1, "blue": 1}}}}},
    "device": {"struct": {"os": {"choice": {"ios": 1, "web": 1}}, "mobile": {"flag": {"rate": 0.25}}}},
    "score": {"integer": {"from": 1, "to": 5}, "present": 0.5, "odd": {"rate": 0.1, "values": ["n/a", 4.5]}},
    "details": {"by": {"column": "status", "of": {
      "closed": {"struct": {"by": {"same": {"column": "user"}}, "note": {"choice": {"a \"b\"": 1}, "present": 0.5}}},
      "open": {"list": {"length": "tag_count", "columns": {"value": {"integer": {"from": 7, "to": 7}}}}}}}}
  }})")
      .value();
}

SpecOutcome parse(const Json& json) { return parse_spec(Settings{json}); }

Spec spec_of(const Json& json) {
  auto outcome = parse(json);
  for (const auto& mistake : outcome.mistakes) ADD_FAILURE() << mistake.path << ": " << mistake.error.text();
  return std::move(outcome.spec).value();
}

// The rows [begin, end) as JSON.
std::vector<std::string> rows_of(const Json& json, std::uint64_t rows, std::uint64_t seed, std::uint64_t begin,
                                 std::uint64_t end, std::size_t batch_rows = 65'536) {
  GenerateSource source{spec_of(json), {rows, seed, kLastDay}};
  flow::ReadRequest request;
  request.limits.batch_rows = batch_rows;
  const auto reader = source.open(request, {fmt::format("{}-{}", begin, end)}, {}, {}).value();
  std::vector<std::string> texts;
  while (auto delivery = reader->next({}).value()) {
    for (std::size_t row = 0; row < delivery->batch.rows(); ++row) {
      auto& text = texts.emplace_back("{");
      for (std::size_t i = 0; i < delivery->batch.columns().size(); ++i) {
        if (i != 0) text += ',';
        data::append_json_text(text, delivery->batch.schema()->fields[i].name);
        text += ':';
        data::append_json(text, delivery->batch.column(i), row);
      }
      text += '}';
    }
  }
  return texts;
}

std::int64_t instant(const Json& text) {
  return parse_instant(text.get<std::string>()).value().time_since_epoch().count();
}

TEST(Documents, DependOnTheSeedAndTheirNumberAlone) {
  const auto whole = rows_of(tickets(), 3000, 7, 0, 3000);
  ASSERT_EQ(whole.size(), 3000U);
  const auto part = rows_of(tickets(), 3000, 7, 1111, 2222, 100);
  EXPECT_EQ(part, (std::vector<std::string>{whole.begin() + 1111, whole.begin() + 2222}));
  EXPECT_NE(rows_of(tickets(), 3000, 8, 0, 3000), whole);
}

TEST(Documents, HaveTheTypesThatTheDescriptionSays) {
  EXPECT_EQ(spec_of(tickets()).schema().text(),
            "ticket_id string not null, user int64 not null, status string, "
            "created_at timestamp(ms, UTC) not null, before date not null, "
            "messages list<struct<sender string, at timestamp(ms, UTC), text string>> not null, "
            "updated_at timestamp(ms, UTC) not null, tags list<string> not null, "
            "device struct<os string, mobile bool> not null, score json, details json");
}

TEST(Documents, KeepWhatTheDescriptionSays) {
  std::map<std::string, int> statuses;
  std::set<std::string> notes;
  int without_score = 0;
  int odd_scores = 0;
  int without_text = 0;
  int mobile = 0;
  int messages = 0;
  int at_three = 0;
  for (const auto& text : rows_of(tickets(), 4000, 7, 0, 4000)) {
    const auto row = parse_json(text).value();
    const auto& list = row["messages"];
    ASSERT_GE(list.size(), 1U);
    auto last = instant(row["created_at"]);
    for (std::size_t i = 0; i < list.size(); ++i) {
      EXPECT_GT(instant(list[i]["at"]), last);
      last = instant(list[i]["at"]);
      without_text += list[i]["text"].is_null() ? 1 : 0;
      if (!list[i]["text"].is_null()) {
        EXPECT_EQ(list[i]["text"],
                  fmt::format("{} {} of {}", list[i]["sender"].get<std::string>(), i, to_text(row["user"])));
      }
    }
    messages += static_cast<int>(list.size());
    EXPECT_EQ(instant(row["updated_at"]), last);
    EXPECT_EQ(list[0]["sender"], "user");
    EXPECT_EQ(row["before"], "2026-03-01");
    const auto status = row["status"].get<std::string>();
    ++statuses[status];
    EXPECT_EQ(status == "closed", list.size() == 4);
    at_three += row["created_at"].get<std::string>().substr(11, 2) == "03" ? 1 : 0;
    mobile += row["device"]["mobile"].get<bool>() ? 1 : 0;
    if (row["score"].is_null()) ++without_score;
    if (row["score"] == "n/a" || row["score"] == 4.5) ++odd_scores;
    if (status == "closed") {
      EXPECT_EQ(row["details"]["by"], row["user"]);
      notes.insert(row["details"].value("note", "none"));
    } else if (status == "open") {
      EXPECT_EQ(row["details"].size(), row["tags"].size());
      for (const auto& seven : row["details"]) EXPECT_EQ(seven, 7);
    } else {
      EXPECT_TRUE(row["details"].is_null());
    }
  }
  EXPECT_NEAR(statuses["closed"], 4000 * 2 / 6.0, 150);
  EXPECT_NEAR(statuses["waiting"], 4000 * 3 / 12.0, 150);
  EXPECT_NEAR(without_score, 2000, 150);
  EXPECT_NEAR(odd_scores, 200, 60);
  EXPECT_NEAR(without_text, messages / 10.0, 120);
  EXPECT_NEAR(mobile, 1000, 120);
  EXPECT_NEAR(at_three, 4000 * 5 / 28.0, 120);
  EXPECT_EQ(notes, (std::set<std::string>{"a \"b\"", "none"}));
}

TEST(Documents, MistakesAreNamedWhereTheyStand) {
  const auto mistakes = [](std::string_view columns) {
    std::string texts;
    for (const auto& mistake : parse(parse_json(fmt::format(R"({{"columns": {{{}}}}})", columns)).value()).mistakes) {
      texts += fmt::format("{}: {}\n", mistake.path, mistake.error.message());
    }
    return texts;
  };
  EXPECT_EQ(mistakes(R"("a": {"running": {"column": "b"}})"),
            "columns.a.running: running adds up over the elements of a list, and this column is in none\n"
            "columns.a.running: no number column above has this name: b\n");
  EXPECT_EQ(mistakes(R"("n": {"integer": {"from": 0, "to": 3}},
                        "l": {"list": {"length": "n", "columns": {"x": {"flag": {"rate": 0.5}}}}},
                        "y": {"last": {"column": "l.x"}}, "z": {"same": {"column": "w"}})"),
            "columns.y.last: the list l may be empty\n"
            "columns.z.same: no column of single values above has this name: w\n");
  EXPECT_EQ(mistakes(R"("c": {"choice": {"a": 1}}, "d": {"by": {"column": "c", "of": {"b": {"flag": {"rate": 2}}}}})"),
            "columns.d.by.of.b: c never is b\ncolumns.d.by.of: by has no alternatives\n");
  EXPECT_EQ(mistakes(R"("t": {"timestamp": {"date": "x", "after": "y"}}, "p": {"flag": {"rate": 0.5}, "present": 2})"),
            "columns.t.timestamp: a timestamp takes either date or after\n"
            "columns.p.present: present is outside of 0 to 1: 2\n");
}

}  // namespace
}  // namespace weir::generate
