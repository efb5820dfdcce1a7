#include <gtest/gtest.h>

#include "connectors/postgres/address.hpp"
#include "connectors/postgres/dialect.hpp"
#include "connectors/postgres/server_error.hpp"
#include "connectors/postgres/statement.hpp"

namespace weir::postgres {
namespace {

TEST(Statement, EndsAfterItsLastToken) {
  EXPECT_EQ(trim_statement("SELECT 1;"), "SELECT 1");
  EXPECT_EQ(trim_statement(" SELECT 1 ; -- a; b\n /* c /* d */ ; */ ;; "), " SELECT 1");
  EXPECT_EQ(trim_statement("SELECT ';--' -- x"), "SELECT ';--'");
  EXPECT_EQ(trim_statement(R"(SELECT E'\';', 'it''s;', "a;b", $x$;$$;$x$ ;)"),
            R"(SELECT E'\';', 'it''s;', "a;b", $x$;$$;$x$)");
  EXPECT_EQ(trim_statement("SELECT $1;"), "SELECT $1");
  EXPECT_EQ(trim_statement("-- nothing"), "");
  EXPECT_EQ(trim_statement("SELECT 'open;"), "SELECT 'open;");
}

TEST(Statement, KeywordComesAfterComments) {
  EXPECT_EQ(first_keyword("/* a */ -- b\n sELECT 1"), "SELECT");
  EXPECT_EQ(first_keyword("(SELECT 1)"), "(");
  EXPECT_EQ(first_keyword(" -- x"), "");
}

TEST(Statement, QuotesAreDoubled) {
  EXPECT_EQ(quote_identifier("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(quote_literal("it's \\ %"), "'it''s \\ %'");
  EXPECT_EQ(cut_name("Привет", 5), "Пр");
  EXPECT_EQ(cut_name("short", 63), "short");
}

TEST(Address, UrlPartsAreOverriddenAndThePasswordIsApart) {
  const auto address = address_from(Settings{
      Json{{"url", "postgresql://u:p%40ss@db:6000/shop?sslmode=require"}, {"port", 7000}, {"connect_timeout", "3s"}}});
  ASSERT_TRUE(address.ok());
  EXPECT_EQ(address->keyword("host"), "db");
  EXPECT_EQ(address->keyword("port"), "7000");
  EXPECT_EQ(address->keyword("user"), "u");
  EXPECT_EQ(address->keyword("dbname"), "shop");
  EXPECT_EQ(address->keyword("sslmode"), "require");
  EXPECT_EQ(address->keyword("application_name"), "weir");
  EXPECT_EQ(address->keyword("password"), "");
  EXPECT_EQ(address->password.reveal(), "p@ss");
  EXPECT_EQ(address->connect_timeout.count(), 3000);
  EXPECT_EQ(address->text(), "shop at db:7000");
}

TEST(Address, ABadUrlIsNotRepeated) {
  const auto address = address_from(Settings{Json{{"url", "postgresql://u:sec:ret@[db/x"}}});
  ASSERT_FALSE(address.ok());
  EXPECT_EQ(address.error().code(), Code::InvalidProject);
  EXPECT_EQ(address.error().explain().find("ret"), std::string::npos);
}

TEST(ServerErrors, SayWhoHasToActAndWhetherToTryAgain) {
  struct Case {
    const char* sqlstate;
    Fault fault;
    Code code;
    Retry retry;
  };
  for (const auto& each : {Case{"28P01", Fault::User, Code::AccessDenied, Retry::Never},
                           Case{"42P01", Fault::User, Code::NotFound, Retry::Never},
                           Case{"42601", Fault::User, Code::InvalidQuery, Retry::Never},
                           Case{"22P02", Fault::User, Code::TypeMismatch, Retry::Never},
                           Case{"22012", Fault::User, Code::InvalidData, Retry::Never},
                           Case{"23505", Fault::User, Code::InvalidData, Retry::Never},
                           Case{"40001", Fault::External, Code::Conflict, Retry::Later},
                           Case{"40P01", Fault::External, Code::Conflict, Retry::Later},
                           Case{"53100", Fault::External, Code::ResourceExhausted, Retry::Later},
                           Case{"57P01", Fault::External, Code::Unavailable, Retry::Reconnect},
                           Case{"08006", Fault::External, Code::Unavailable, Retry::Reconnect},
                           Case{"57014", Fault::External, Code::Cancelled, Retry::Later}}) {
    const auto error = classify({.sqlstate = each.sqlstate,
                                 .primary = "p",
                                 .detail = "d",
                                 .hint = "h",
                                 .context = "COPY t, line 7, column c: \"x\"",
                                 .position = ""});
    EXPECT_EQ(error.fault(), each.fault) << each.sqlstate;
    EXPECT_EQ(error.code(), each.code) << each.sqlstate;
    EXPECT_EQ(error.retry(), each.retry) << each.sqlstate;
    EXPECT_EQ(error.message(), "p: d");
    EXPECT_EQ(error.hint(), "h");
    EXPECT_EQ(error.context().front(), "COPY t, line 7, column c: \"x\"");
  }
  EXPECT_EQ(classify({.sqlstate = "57014",
                      .primary = "canceling statement due to statement timeout",
                      .detail = "",
                      .hint = "",
                      .context = "",
                      .position = ""})
                .code(),
            Code::TimedOut);
  const auto refused = connect_error(
      "connection to server at \"db\" failed: FATAL:  28P01: password authentication failed for user \"u\"\nLOCATION:  "
      "auth_failed",
      "shop at db");
  EXPECT_EQ(refused.code(), Code::AccessDenied);
  EXPECT_EQ(refused.message(), "password authentication failed for user \"u\"");
  EXPECT_EQ(connect_error("could not connect: Connection refused\n", "db").code(), Code::Unavailable);
}

TEST(Dialect, TypesAndScripts) {
  const auto& dialect = postgres_dialect();
  EXPECT_EQ(dialect.name(), "postgres");
  EXPECT_EQ(dialect.quote(flow::Relation{"a b", "c\"d"}), "\"a b\".\"c\"\"d\"");
  EXPECT_EQ(dialect.type_name(data::list_of(data::decimal(12, 2)), data::Nullable::No), "numeric(12,2)[]");
  flow::Materialization what;
  what.target = {"m", "orders"};
  what.materialized = flow::Materialized::Table;
  what.select = "SELECT '$weir$'; -- end";
  const auto script = dialect.materialize(what);
  ASSERT_TRUE(script.ok());
  EXPECT_EQ(script->statements[1], "CREATE TABLE \"m\".\"orders__weir_new\" AS\nSELECT '$weir$'");
  what.config = Json{{"indexes", {{{"unique", true}}}}};
  EXPECT_EQ(dialect.materialize(what).error().code(), Code::InvalidProject);
}

}  // namespace
}  // namespace weir::postgres
