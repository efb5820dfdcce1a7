#include "warehouse/gate.hpp"

#include <gtest/gtest.h>

#include "warehouse/sql_tokens.hpp"

namespace weir::warehouse {
namespace {

Statement inspect(std::string_view sql) {
  auto statement = inspect_statement(sql, TextPart::Whole);
  EXPECT_TRUE(statement.ok()) << sql << ": " << statement.error().text();
  return statement.ok() && *statement ? **statement : Statement{};
}

std::string refusal(std::string_view sql) {
  const auto statement = inspect_statement(sql, TextPart::Whole);
  return statement.ok() ? "accepted" : statement.error().native_code();
}

std::string head(std::string_view sql) { return std::string(sql.substr(0, inspect(sql).head_end)); }
std::string data(std::string_view sql) { return std::string(sql.substr(inspect(sql).data_begin)); }

TEST(SqlLexer, CutsAsClickHouseDoes) {
  const std::string_view sql =
      "a `b``c` \"d\" 'e''f\\'g' $t$ h ' $t$ 1e5 -- i\n# j\n#! k\n/* l /* m */ $n $o \u2018p\u2019 \u201cq\u201d #r";
  SqlLexer lexer(sql);
  std::vector<std::string> texts;
  for (auto token = lexer.next(); token.kind != SqlToken::Kind::End; token = lexer.next()) {
    texts.emplace_back(token.text);
  }
  const std::vector<std::string> expected = {"a",  "`b``c`", "\"d\"",         "'e''f\\'g'",    "$t$ h ' $t$", "1e5",
                                             "$n", "$o",     "\u2018p\u2019", "\u201cq\u201d", "#",           "r"};
  EXPECT_EQ(texts, expected);
}

TEST(SqlLexer, SaysWhatHasNoEnd) {
  for (const auto* sql : {"'a", "`a", "\"a", "/* a", "'a\\'", "'a''"}) {
    EXPECT_EQ(SqlLexer(sql).next().kind, SqlToken::Kind::Broken) << sql;
  }
  EXPECT_EQ(SqlLexer("$a$ b").next().text, "$a$");  // no heredoc: an ordinary word
}

TEST(SqlLexer, Unquotes) {
  const auto plain = [](std::string_view sql) { return unquote(SqlLexer(sql).next()); };
  EXPECT_EQ(plain("'it''s \\'x\\''"), "it's 'x'");
  EXPECT_EQ(plain("`a``b`"), "a`b");
  EXPECT_EQ(plain("$x$a'b$x$"), "a'b");
  EXPECT_EQ(plain("\u2018a\u2019"), "a");
}

TEST(Gate, TellsKinds) {
  EXPECT_EQ(inspect("select 1").kind, StatementKind::Select);
  EXPECT_EQ(inspect("-- x\n (( select 1))").kind, StatementKind::Select);
  EXPECT_EQ(inspect("with a as (select 1) select * from a").kind, StatementKind::Select);
  EXPECT_EQ(inspect("with a as (select 1) insert into t select * from a").kind, StatementKind::Other);
  EXPECT_EQ(inspect("explain select 1").kind, StatementKind::Other);
  EXPECT_EQ(inspect("create table t (a Int8) engine = Log").kind, StatementKind::Other);
  EXPECT_EQ(inspect("insert into t select 1").kind, StatementKind::Other);
  EXPECT_EQ(inspect("insert into t (select 1)").kind, StatementKind::Other);
  EXPECT_EQ(inspect("insert into t values (1)").kind, StatementKind::Insert);
  EXPECT_EQ(inspect("insert into t (a, b) settings x = 1 format CSV\n1,2").kind, StatementKind::Insert);
  EXPECT_TRUE(inspect("set max_threads = 1").changes_session);
  EXPECT_FALSE(inspect("select 1").changes_session);
}

TEST(Gate, FindsWhereAnInsertsDataBegin) {
  EXPECT_EQ(head("insert into t values (1), (2); drop table t"), "insert into t ");
  EXPECT_EQ(data("insert into t values (1), (2); drop table t"), " (1), (2); drop table t");
  EXPECT_EQ(data("insert into t format CSV\n\n\ndrop table t"), "\n\ndrop table t");
  EXPECT_EQ(data("insert into t format CSV\r\n1"), "1");
  EXPECT_EQ(data("insert into t format CSV 1,2"), "1,2");
  EXPECT_EQ(data("insert into t format TSV;\n1"), "1");
  EXPECT_EQ(data("insert into t format Native\n\x01'`/*"), "\x01'`/*");
  EXPECT_EQ(head("insert into format format TSV\n1"), "insert into format ");
  EXPECT_EQ(head("insert into values values (1)"), "insert into values ");
  EXPECT_EQ(head("insert into db.`values` (`format`, values) format TSV\n1"),
            "insert into db.`values` (`format`, values) ");
  EXPECT_EQ(head("insert into {t:Identifier} values (1)"), "insert into {t:Identifier} ");
  EXPECT_EQ(head("insert into function null('a Int8') values (1)"), "insert into function null('a Int8') ");
  EXPECT_EQ(head("insert into t /* values */ -- format x\n values (1)"), "insert into t /* values */ -- format x\n ");
  EXPECT_EQ(inspect("insert into t").kind, StatementKind::Insert);
  EXPECT_EQ(inspect("insert into t format `CSV`\n1").format, "CSV");
}

TEST(Gate, FindsInput) {
  const std::string sql = "insert into t select a + 1 from input('a Int8') where a > 0 format TSV\n1\n'";
  const auto statement = inspect(sql);
  EXPECT_EQ(statement.kind, StatementKind::InsertFromInput);
  EXPECT_EQ(statement.input_structure, "a Int8");
  EXPECT_EQ(sql.substr(statement.input_begin, statement.input_end - statement.input_begin), "input('a Int8')");
  EXPECT_EQ(sql.substr(0, statement.head_end), "insert into t select a + 1 from input('a Int8') where a > 0 ");
  EXPECT_EQ(sql.substr(statement.data_begin), "1\n'");
}

TEST(Gate, FindsTheFormatClause) {
  const auto format = [](std::string_view sql) {
    const auto statement = inspect(sql);
    return statement.format + "|" + std::string(sql.substr(0, statement.format_begin)) + "|" +
           std::string(sql.substr(statement.format_end, statement.end - statement.format_end));
  };
  EXPECT_EQ(format("select 1"), "|select 1|");
  EXPECT_EQ(format("select 1 -- x"), "|select 1|");
  EXPECT_EQ(format("select 1 format JSON;;"), "JSON|select 1 |");
  EXPECT_EQ(format("select 1 format JSON settings a = 1"), "JSON|select 1 | settings a = 1");
  EXPECT_EQ(format("select 1 settings a = 1"), "|select 1 settings a = 1|");
  EXPECT_EQ(format("select format from t"), "|select format from t|");
  EXPECT_EQ(format("select 'format JSON'"), "|select 'format JSON'|");
  EXPECT_EQ(format("select * from (select 1 format JSON)"), "|select * from (select 1 format JSON)|");
  EXPECT_EQ(format("show tables format CSV"), "CSV|show tables |");
}

TEST(Gate, RefusesSeveralStatements) {
  EXPECT_EQ(refusal("select 1; select 2"), "62");
  EXPECT_EQ(refusal("select 1;; drop table t"), "62");
  EXPECT_EQ(refusal("insert into t select 1; drop table t"), "62");
  EXPECT_EQ(refusal("select 1 parallel with select 2"), "62");
  EXPECT_EQ(refusal("select ';' -- ; x\n;"), "accepted");
  EXPECT_EQ(refusal(""), "62");
  EXPECT_EQ(refusal("-- nothing"), "62");
  EXPECT_EQ(refusal("select 'open"), "62");
}

TEST(Gate, RefusesWhatReachesTheMachine) {
  for (const auto* sql :
       {"select 1 into outfile 'x'",
        "select 1 INTO/**/OUTFILE $x$y$x$",
        "insert into t from infile 'x' format CSV",
        "select file('/etc/passwd')",
        "select FILE /* */ ('x')",
        "select `file`('x')",
        "select \"file\"('x')",
        "select * apply(file) from t",
        "select * apply file from t",
        "select columns('a') APPLY (`file`) from t",
        "select arrayMap(file, ['x'])",
        "select MAPAPPLY ( file , m)",
        "select arrayMap(x -> file(x), a)",
        "create function f as x -> file(x)",
        "insert into function file('x', 'CSV') values (1)",
        "select * from eval('select 1')",
        "select * from executable('x', 'CSV', 'a Int8')",
        "select * from filesystem('/')",
        "create table t (a Int8) engine = File(CSV, '/etc/passwd')",
        "create database d engine = Filesystem('/')",
        "backup database weir to File('x')",
        "create dictionary d (a Int8) primary key a source(http(url 'x' format 'CSV')) layout(flat())",
        "create dictionary d (a Int8) primary key a SOURCE(executable(command 'id' format 'CSV'))",
        "set role admin",
        "set default role x to y",
        "execute as admin select 1",
        "system shutdown",
        "SYSTEM KILL",
        "system suspend for 1 second"}) {
    EXPECT_EQ(refusal(sql), "497") << sql;
  }
}

TEST(Gate, LeavesTheSameWordsAloneElsewhere) {
  for (const auto* sql :
       {"select file from t", "select t.file, file from t", "select 'into outfile x'", "select outfile from infile",
        "select file /* ( */ from t", "create table file (a Int8) engine = Log", "insert into file (a) values (1)",
        "create table if not exists file (a Int8) engine = Log", "create index i on file (a)",
        "select coalesce(file, '') from t", "select * from db.file (1)", "system flush logs", "set max_threads = 1",
        "create dictionary d (a Int8) primary key a source(clickhouse(table 't')) layout(flat())",
        "select kill, shutdown from system.one"}) {
    EXPECT_EQ(refusal(sql), "accepted") << sql;
  }
}

TEST(Gate, ReadsOnUntilTheStatementHasEnded) {
  const auto decided = [](std::string_view sql) {
    const auto statement = inspect_statement(sql, TextPart::Beginning);
    EXPECT_TRUE(statement.ok()) << sql;
    return statement.ok() && statement->has_value();
  };
  EXPECT_FALSE(decided("insert into t form"));
  EXPECT_FALSE(decided("insert into t format CSV"));  // CSVWithNames?
  EXPECT_TRUE(decided("insert into t format CSV\n"));
  EXPECT_TRUE(decided("insert into t values ("));
  EXPECT_FALSE(decided("select 'half a str"));
  EXPECT_FALSE(decided("select 1"));
  EXPECT_FALSE(decided(""));
}

}  // namespace
}  // namespace weir::warehouse
