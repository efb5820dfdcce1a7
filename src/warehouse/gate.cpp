#include "warehouse/gate.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "warehouse/sql_tokens.hpp"

namespace weir::warehouse {
namespace {

using Tokens = std::vector<SqlToken>;
using Kind = SqlToken::Kind;

Error syntax_error(std::string_view what) {
  return Error::user(Code::InvalidQuery, "Syntax error: {}. (SYNTAX_ERROR)", what).native_code("62");
}

Error denied(std::string_view what) {
  return Error::user(Code::AccessDenied, "{} is not allowed in the warehouse. (ACCESS_DENIED)", what)
      .native_code("497");
}

// Functions that reach the machine's files or programs, or run SQL that no gate has seen. Rights in users.xml cover the
// table functions too; the scalar file() and eval() they do not.
// EmbeddedRocksDB takes a path and asks for no right.
constexpr std::array kForbiddenFunctions = {"FILE", "EVAL", "EXECUTABLE", "FILESYSTEM", "EMBEDDEDROCKSDB"};

bool equals_without_case(std::string_view text, std::string_view upper_text) {
  return std::equal(text.begin(), text.end(), upper_text.begin(), upper_text.end(), [](char ours, char theirs) {
    return (ours >= 'a' && ours <= 'z' ? ours - 'a' + 'A' : ours) == theirs;
  });
}

bool is_forbidden_function(const SqlToken& token) {
  if (!token.is_name()) return false;
  const auto name = unquote(token);
  return std::any_of(kForbiddenFunctions.begin(), kForbiddenFunctions.end(),
                     [&](const char* forbidden) { return equals_without_case(name, forbidden); });
}

// Functions that take functions as arguments: arrayMap(file, paths) calls file() without a parenthesis behind it.
bool takes_functions(const SqlToken& token) {
  if (!token.is_name()) return false;
  const auto name = unquote(token);
  return equals_without_case(std::string_view(name).substr(0, 5), "ARRAY") ||
         equals_without_case(std::string_view(name).substr(0, 3), "MAP");
}

// A statement's tokens, read one by one so that an INSERT's data are never looked at.
class Inspector {
 public:
  explicit Inspector(std::string_view sql) : lexer_(sql) {}

  Result<Statement> inspect() {
    auto token = WEIR_TRY(next());
    while (token.is('(')) token = WEIR_TRY(next());
    if (token.kind == Kind::End) {
      return Error::user(Code::InvalidQuery, "Empty query. (SYNTAX_ERROR)").native_code("62");
    }
    if (token.is_word("INSERT")) return inspect_insert();
    statement_.kind = token.is_word("SELECT") || token.is_word("WITH") || token.is_word("FROM") ? StatementKind::Select
                                                                                                : StatementKind::Other;
    statement_.changes_session = token.is_word("SET") || token.is_word("USE");
    WEIR_TRY(read_to_end());
    if (token.is_word("WITH") && has_insert()) statement_.kind = StatementKind::Other;
    return statement_;
  }

  // Whether the tokens ran into the end of the text: more text could change what they mean.
  bool reached_end() const { return reached_end_; }

 private:
  // The next token, after the rules that hold everywhere.
  Result<SqlToken> next() {
    auto token = lexer_.next();
    if (token.kind == Kind::Broken) {
      reached_end_ = true;
      return syntax_error("a quote or a comment has no end");
    }
    if (token.kind == Kind::End) reached_end_ = true;
    if (token.is('(') || token.is('[') || token.is('{')) ++depth_;
    if (token.is(')') || token.is(']') || token.is('}')) --depth_;
    tokens_.push_back(token);
    WEIR_TRY(check_last());
    return token;
  }

  const SqlToken& back(std::size_t distance) const {
    static const SqlToken kNone;
    return distance < tokens_.size() ? tokens_[tokens_.size() - 1 - distance] : kNone;
  }

  Result<void> check_last() const {
    const auto& last = back(0);
    const auto& before = back(1);
    if (last.kind == Kind::String && before.is_word("OUTFILE") && back(2).is_word("INTO")) {
      return denied("INTO OUTFILE");
    }
    if (last.kind == Kind::String && before.is_word("INFILE") && back(2).is_word("FROM")) {
      return denied("FROM INFILE");
    }
    // A dictionary's source; the rights of users.xml do not cover these.
    if (before.is('(') && back(2).is_word("SOURCE") && !last.is_word("CLICKHOUSE") && !last.is_word("NULL")) {
      return denied(fmt::format("the dictionary source {}", last.text));
    }
    if (last.is_word("WITH") && before.is_word("PARALLEL")) return syntax_error("Multi-statements are not allowed");
    if (tokens_.size() == 2) WEIR_TRY(check_command(before, last));
    return check_function();
  }

  static Result<void> check_command(const SqlToken& first, const SqlToken& second) {
    if (first.is_word("SET") && (second.is_word("ROLE") || second.is_word("DEFAULT"))) return denied("SET ROLE");
    if (first.is_word("EXECUTE")) return denied("EXECUTE AS");
    if (first.is_word("SYSTEM")) {
      for (const auto* command : {"SHUTDOWN", "KILL", "SUSPEND"}) {
        if (second.is_word(command)) return denied(fmt::format("SYSTEM {}", command));
      }
    }
    return {};
  }

  Result<void> check_function() const {
    const auto& last = back(0);
    // APPLY file, APPLY(file
    if (is_forbidden_function(last) && (back(1).is_word("APPLY") || (back(1).is('(') && back(2).is_word("APPLY")))) {
      return denied(fmt::format("the function {}", last.text));
    }
    if (!is_forbidden_function(back(1))) return {};
    const auto& before = back(2);
    // A table may have such a name: INSERT INTO file (a, b), CREATE TABLE file (…), CREATE TABLE IF NOT EXISTS file (…).
    const bool names_a_table = before.is_word("INTO") || before.is_word("TABLE") || before.is_word("EXISTS") ||
                               before.is_word("VIEW") || before.is_word("ON") || before.is('.');
    if (last.is('(') && !names_a_table) return denied(fmt::format("the function {}", back(1).text));
    if (last.is(',') && before.is('(') && takes_functions(back(3))) {
      return denied(fmt::format("the function {} as an argument", back(1).text));
    }
    return {};
  }

  // Reads the rest of a statement without data and finds its end and its FORMAT clause.
  Result<void> read_to_end() {
    for (auto token = tokens_.back(); token.kind != Kind::End; token = WEIR_TRY(next())) {
      if (token.is(';')) {
        statement_.end = token.begin;
        WEIR_TRY(expect_nothing_more());
        tokens_.resize(tokens_.size() - trailing_);
        find_format();
        return {};
      }
    }
    tokens_.pop_back();
    statement_.end = tokens_.back().end;
    find_format();
    return {};
  }

  // Only further semicolons may follow one.
  Result<void> expect_nothing_more() {
    trailing_ = 1;
    for (auto token = WEIR_TRY(next()); token.kind != Kind::End; token = WEIR_TRY(next())) {
      ++trailing_;
      if (!token.is(';')) return syntax_error("Multi-statements are not allowed");
    }
    ++trailing_;
    return {};
  }

  // FORMAT name [SETTINGS …] at the end, outside of parentheses.
  void find_format() {
    statement_.format_begin = statement_.format_end = statement_.end;
    int depth = 0;
    bool settings = false;
    for (auto i = tokens_.size(); i-- > 1;) {
      const auto& name = tokens_[i];
      if (name.is(')') || name.is(']') || name.is('}')) ++depth;
      if (name.is('(') || name.is('[') || name.is('{')) --depth;
      if (depth != 0) continue;
      const bool at_end = i + 1 == tokens_.size() || (settings && tokens_[i + 1].is_word("SETTINGS"));
      if (name.is_word("SETTINGS")) settings = true;
      if (at_end && name.is_name() && tokens_[i - 1].is_word("FORMAT")) {
        statement_.format = unquote(name);
        statement_.format_begin = tokens_[i - 1].begin;
        statement_.format_end = name.end;
        return;
      }
      if (name.is_word("FROM")) return;  // what follows a FROM backwards is no longer the end of the statement
    }
  }

  // WITH … INSERT INTO … SELECT.
  bool has_insert() const {
    int depth = 0;
    for (std::size_t i = 0; i + 1 < tokens_.size(); ++i) {
      if (tokens_[i].is('(')) ++depth;
      if (tokens_[i].is(')')) --depth;
      if (depth == 0 && tokens_[i].is_word("INSERT") && tokens_[i + 1].is_word("INTO")) return true;
    }
    return false;
  }

  // INSERT [INTO] [TABLE] name | FUNCTION name(…), then (columns), PARTITION BY …, SETTINGS … until its data or SELECT.
  Result<Statement> inspect_insert() {
    auto token = WEIR_TRY(next());
    if (token.is_word("INTO")) token = WEIR_TRY(next());
    if (token.is_word("TABLE")) token = WEIR_TRY(next());
    if (token.is_word("FUNCTION")) token = WEIR_TRY(next());
    // The name itself, so that a table may be called `format` or `values`.
    token = WEIR_TRY(skip_name(token));
    for (;; token = WEIR_TRY(next())) {
      if (token.kind == Kind::End || token.is(';')) return insert_without_data(token);
      const bool nested = depth_ > 0 && (!token.is('(') || depth_ != 1);
      if (nested) continue;
      if (token.is_word("VALUES")) return insert_with_data("Values", token, token.end);
      if (token.is_word("SELECT") || token.is_word("WITH") || token.is_word("WATCH")) return inspect_insert_select();
      if (token.is('(')) {
        // INSERT INTO t (SELECT …)
        token = WEIR_TRY(next());
        if (token.is_word("SELECT") || token.is_word("WITH")) return inspect_insert_select();
      }
      if (token.is_word("FORMAT")) {
        const auto name = WEIR_TRY(next());
        if (!name.is_name()) return syntax_error("FORMAT wants a name");
        return insert_with_data(unquote(name), token, name.end);
      }
    }
  }

  // db.table, `a b`.c, {name:Identifier}
  Result<SqlToken> skip_name(SqlToken token) {
    for (;;) {
      if (token.is('{')) {
        while (token.kind != Kind::End && !token.is('}')) token = WEIR_TRY(next());
      } else if (!token.is_name()) {
        return token;
      }
      token = WEIR_TRY(next());
      if (!token.is('.')) return token;
      token = WEIR_TRY(next());
    }
  }

  Result<Statement> insert_with_data(std::string format, const SqlToken& keyword, std::size_t data_begin) {
    // More text could make the last word longer ("CSVWithNames").
    if (lexer_.at_end_of(data_begin)) reached_end_ = true;
    statement_.kind = StatementKind::Insert;
    statement_.format = std::move(format);
    statement_.head_end = keyword.begin;
    statement_.data_begin = data_begin;
    statement_.end = data_begin;
    return statement_;
  }

  Result<Statement> insert_without_data(const SqlToken& end) {
    statement_.kind = StatementKind::Insert;
    statement_.head_end = statement_.data_begin = statement_.end = end.begin;
    return statement_;
  }

  Result<Statement> inspect_insert_select() {
    statement_.kind = StatementKind::Other;
    for (auto token = tokens_.back(); token.kind != Kind::End; token = WEIR_TRY(next())) {
      if (back(1).is_word("INPUT") && token.is('(') && statement_.kind == StatementKind::Other) {
        WEIR_TRY(read_input_structure());
        continue;
      }
      if (statement_.kind == StatementKind::InsertFromInput && token.is_word("FORMAT") && depth_ == 0) {
        const auto name = WEIR_TRY(next());
        if (!name.is_name()) return syntax_error("FORMAT wants a name");
        WEIR_TRY(insert_with_data(unquote(name), token, name.end));
        statement_.kind = StatementKind::InsertFromInput;
        return statement_;
      }
      if (token.is(';')) {
        statement_.end = token.begin;
        WEIR_TRY(expect_nothing_more());
        break;
      }
      statement_.end = token.end;
    }
    statement_.format_begin = statement_.format_end = statement_.head_end = statement_.data_begin = statement_.end;
    return statement_;
  }

  // Behind `input(`.
  Result<void> read_input_structure() {
    statement_.input_begin = back(1).begin;
    const auto structure = WEIR_TRY(next());
    const auto close = WEIR_TRY(next());
    if (structure.kind != Kind::String || !close.is(')')) {
      return Error::user(Code::Unsupported, "input() wants its structure as one string. (BAD_ARGUMENTS)")
          .native_code("36");
    }
    statement_.input_structure = unquote(structure);
    statement_.input_end = close.end;
    statement_.kind = StatementKind::InsertFromInput;
    return {};
  }

  SqlLexer lexer_;
  Tokens tokens_;
  Statement statement_;
  std::size_t trailing_ = 0;
  int depth_ = 0;
  bool reached_end_ = false;
};

// Data begin on the line behind FORMAT, or behind one blank on the same line.
std::size_t skip_to_data(std::string_view sql, std::size_t at) {
  const auto skip = [&](std::string_view bytes) {
    if (at < sql.size() && bytes.find(sql[at]) != std::string_view::npos) ++at;
  };
  skip(";");
  while (at < sql.size() && (sql[at] == ' ' || sql[at] == '\t' || sql[at] == '\f')) ++at;
  skip("\r");
  skip("\n");
  return at;
}

}  // namespace

Result<std::optional<Statement>> inspect_statement(std::string_view sql, TextPart part) {
  Inspector inspector(sql);
  auto statement = inspector.inspect();
  if (part == TextPart::Beginning && inspector.reached_end()) return std::optional<Statement>();
  if (!statement.ok()) return std::move(statement).error();
  const bool takes_data = statement->kind == StatementKind::Insert || statement->kind == StatementKind::InsertFromInput;
  if (takes_data && statement->format != "Values") statement->data_begin = skip_to_data(sql, statement->data_begin);
  return std::optional(std::move(statement).value());
}

}  // namespace weir::warehouse
