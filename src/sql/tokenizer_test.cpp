#include "sql/tokenizer.hpp"

#include <gtest/gtest.h>

#include <random>

namespace weir::sql {
namespace {

std::vector<std::string> statements(std::string_view sql, Quoting quoting = Quoting::PostgreSql) {
  std::vector<std::string> texts;
  for (const auto& statement : split_statements(sql, quoting)) texts.emplace_back(statement.text);
  return texts;
}

using Texts = std::vector<std::string>;

TEST(Tokenizer, SplitsAtSemicolonsAndTrims) {
  EXPECT_EQ(statements("select 1;\n-- note; here\n; select 2 /* ; */ ; "), (Texts{"select 1", "select 2"}));
  EXPECT_EQ(statements(""), Texts{});
  EXPECT_EQ(statements(" ;; -- only\n"), Texts{});
  EXPECT_EQ(statements("create rule r as on insert to t do (select 1; select 2); select 3"),
            (Texts{"create rule r as on insert to t do (select 1; select 2)", "select 3"}));
}

TEST(Tokenizer, QuotesHideSemicolons) {
  EXPECT_EQ(statements("select ';', 'it''s;', \"a;b\"; x"), (Texts{"select ';', 'it''s;', \"a;b\"", "x"}));
  EXPECT_EQ(statements("do $$ begin; end $$; select $a$ $$;$b$ $a$; select $1; x"),
            (Texts{"do $$ begin; end $$", "select $a$ $$;$b$ $a$", "select $1", "x"}));
  EXPECT_EQ(statements("/* a /* ; */ ; */ select 1; 2"), (Texts{"select 1", "2"}));
}

TEST(Tokenizer, BackslashesEscapeAsTheDialectSays) {
  EXPECT_EQ(statements(R"(select '\'; x)", Quoting::PostgreSql), (Texts{R"(select '\')", "x"}));
  EXPECT_EQ(statements(R"(select E'\';'; x)", Quoting::PostgreSql), (Texts{R"(select E'\';')", "x"}));
  EXPECT_EQ(statements(R"(select '\';'; x)", Quoting::ClickHouse), (Texts{R"(select '\';')", "x"}));
  EXPECT_EQ(statements("select `a;b` # c;\n; x", Quoting::ClickHouse), (Texts{"select `a;b`", "x"}));
  EXPECT_EQ(statements("/* a /* ; */ select 1", Quoting::ClickHouse), Texts{"select 1"});
}

TEST(Tokenizer, AFunctionsBodyIsOneStatement) {
  const std::string function =
      "create function f() returns int begin atomic select case when true then 1 end; select 2; end";
  EXPECT_EQ(statements(function + "; select 3"), (Texts{function, "select 3"}));
  EXPECT_EQ(statements("begin; select 1; end"), (Texts{"begin", "select 1", "end"}));
}

TEST(Tokenizer, StatementsKnowTheirLineAndKeyword) {
  const auto all =
      split_statements("-- first\nselect 1;\n\n/* x\n */ (with a as (select 1) select 2);\n42", Quoting::PostgreSql);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].line, 2);
  EXPECT_EQ(all[0].keyword, "SELECT");
  EXPECT_EQ(all[1].line, 5);
  EXPECT_EQ(all[1].keyword, "WITH");
  EXPECT_EQ(all[2].line, 6);
  EXPECT_EQ(all[2].keyword, "");
}

TEST(Tokenizer, KindsOfTokens) {
  const auto tokens = tokenize("a1$ 1.5e-3 'x' \"y\" -- z", Quoting::PostgreSql);
  std::vector<TokenKind> kinds;
  for (const auto& token : tokens) {
    if (token.kind != TokenKind::Space) kinds.push_back(token.kind);
  }
  EXPECT_EQ(kinds, (std::vector{TokenKind::Word, TokenKind::Number, TokenKind::Text, TokenKind::QuotedName,
                                TokenKind::Comment}));
  EXPECT_EQ(tokens[2].text, "1.5e-3");
}

TEST(Tokenizer, WhatTheEndCutsOffIsNotComplete) {
  for (const auto* text : {"'a", "\"a", "/* a", "$t$ a", "E'a\\"}) {
    EXPECT_FALSE(tokenize(text, Quoting::PostgreSql).back().complete) << text;
  }
  EXPECT_TRUE(tokenize("'a'", Quoting::PostgreSql).back().complete);
}

// Whatever the text: the tokens are the text, none is empty, and splitting the statements again changes nothing.
TEST(Tokenizer, AnyTextIsCoveredByItsTokens) {
  std::mt19937 random{20260301};
  const std::string alphabet = "'\"`$;()-*/\\#eE \nab1.\xc3\xa9_";
  for (int round = 0; round < 20'000; ++round) {
    std::string text(random() % 24, ' ');
    for (auto& c : text) c = alphabet[random() % alphabet.size()];
    for (const auto quoting : {Quoting::PostgreSql, Quoting::ClickHouse}) {
      std::string together;
      for (const auto& token : tokenize(text, quoting)) {
        ASSERT_FALSE(token.text.empty());
        together += token.text;
      }
      ASSERT_EQ(together, text);
      for (const auto& statement : split_statements(text, quoting)) {
        const auto again = split_statements(statement.text, quoting);
        ASSERT_EQ(again.size(), 1u) << text;
        ASSERT_EQ(again[0].text, statement.text) << text;
      }
    }
  }
}

}  // namespace
}  // namespace weir::sql
