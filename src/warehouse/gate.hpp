#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

// Every statement of a client passes here before the engine sees it. The engine trusts whoever calls it: it runs several
// statements of one text, writes and reads the machine's files, and stops its process when asked to.
namespace weir::warehouse {

// How a statement is run.
enum class StatementKind {
  Select,           // streams its result
  Insert,           // takes data from the client
  InsertFromInput,  // INSERT … SELECT … FROM input('…') FORMAT X: takes data through a temporary table
  Other,            // a small result, or none
};

// Byte ranges are positions in the text that was given.
struct Statement {
  StatementKind kind = StatementKind::Other;
  std::string format;   // as the statement names it; "" when it names none ("Values" for VALUES)
  std::size_t end = 0;  // the statement without trailing semicolons
  // Select, Other: the FORMAT clause, [end, end) when there is none.
  std::size_t format_begin = 0;
  std::size_t format_end = 0;
  // Insert, InsertFromInput: the statement without FORMAT or VALUES is [0, head_end), its data begin at data_begin.
  std::size_t head_end = 0;
  std::size_t data_begin = 0;
  // InsertFromInput: input(…) stands at [input_begin, input_end) and describes these columns.
  std::size_t input_begin = 0;
  std::size_t input_end = 0;
  std::string input_structure;
  bool changes_session = false;  // SET or USE: allowed where only reading is
};

// Whether more of the request may follow behind the text.
enum class TextPart { Whole, Beginning };

// Errors carry ClickHouse's code: 62 for what is not one statement, 497 for what clients may not do. With a Beginning,
// nothing is returned when the statement does not end (or its data do not begin) within it: read on and ask again.
Result<std::optional<Statement>> inspect_statement(std::string_view sql, TextPart part);

}  // namespace weir::warehouse
