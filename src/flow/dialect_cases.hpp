#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

// What flow::Dialect promises about reconciliation, as cases: every database's live test walks them, so that two
// databases which pass compute the same text, digest and bucket for the same value.
//
// The canonical text of a value that is not NULL:
//   bool                 true, false
//   integers             digits
//   decimal              digits without trailing zeros after the point, and no point then: 1.50 → 1.5, 2.00 → 2, NaN → nan
//   floats               never an exponent: a value without a fraction below 2^63 is its integer's digits (-0 is 0), any
//                        other its shortest digits that read back, written out: 1e21 → 1000000000000000000000,
//                        1e-7 → 0.0000001; nan, inf, -inf
//   date                 2026-03-01
//   time                 microseconds since midnight, with a fraction where there are nanoseconds
//   timestamp            microseconds since 1970-01-01 (of the instant with a zone, of the reading without one), likewise
//   string               as it is
//   json                 as jsonb writes it (flow/canonical_json.hpp), of dialects that compare_json()
//   binary               \x and lower-case hexadecimal digits
//   uuid                 lower case with dashes
//   list                 [ and every element as in a digest (length:text, N for NULL) and ]
//   struct               ( and every field as in a digest and )
namespace weir::flow {

struct CanonicalCase {
  std::string_view type;                      // as data::parse_type reads it
  std::string_view value;                     // cast from this text to the dialect's type name
  std::optional<std::string_view> canonical;  // nothing: the value is NULL, whatever `value` says
};

inline constexpr CanonicalCase kCanonicalCases[] = {
    {"bool", "true", "true"},
    {"bool", "false", "false"},
    {"bool", "", std::nullopt},
    {"int16", "-32768", "-32768"},
    {"int32", "2147483647", "2147483647"},
    {"int64", "-9223372036854775808", "-9223372036854775808"},
    {"int64", "0", "0"},
    {"int64", "", std::nullopt},
    {"decimal(18,2)", "1.50", "1.5"},
    {"decimal(18,2)", "1.00", "1"},
    {"decimal(18,2)", "100.00", "100"},
    {"decimal(18,2)", "-0.05", "-0.05"},
    {"decimal(18,2)", "0.00", "0"},
    {"decimal(18,0)", "100", "100"},
    {"decimal(38,10)", "1234567890123456789012345678.0123456789", "1234567890123456789012345678.0123456789"},
    {"decimal(76,38)", "-0.00000000000000000000000000000000000001", "-0.00000000000000000000000000000000000001"},
    {"decimal(18,2)", "", std::nullopt},
    {"float64", "0", "0"},
    {"float64", "-0", "0"},
    {"float64", "1.5", "1.5"},
    {"float64", "3", "3"},
    {"float64", "0.1", "0.1"},
    {"float64", "-123.456", "-123.456"},
    {"float64", "0.30000000000000004", "0.30000000000000004"},
    {"float64", "1e15", "1000000000000000"},
    {"float64", "1e18", "1000000000000000000"},
    {"float64", "18014398509481988", "18014398509481988"},
    {"float64", "1e21", "1000000000000000000000"},
    {"float64", "1.5e22", "15000000000000000000000"},
    {"float64", "-1.25e25", "-12500000000000000000000000"},
    {"float64", "0.0001", "0.0001"},
    {"float64", "1e-5", "0.00001"},
    {"float64", "1e-7", "0.0000001"},
    {"float64", "-1.25e-10", "-0.000000000125"},
    {"float64", "nan", "nan"},
    {"float64", "inf", "inf"},
    {"float64", "-inf", "-inf"},
    {"float64", "", std::nullopt},
    {"float32", "0.1", "0.1"},
    {"float32", "16777216", "16777216"},
    {"float32", "1e-10", "0.0000000001"},
    {"date", "2026-03-01", "2026-03-01"},
    {"date", "1969-12-31", "1969-12-31"},
    {"date", "", std::nullopt},
    {"timestamp(us)", "2026-03-01 12:45:00.250000", "1772369100250000"},
    {"timestamp(us)", "1969-12-31 23:59:59.999999", "-1"},
    {"timestamp(us)", "2026-03-01 12:45:00", "1772369100000000"},
    {"timestamp(us, UTC)", "2026-03-01 12:45:00.250000", "1772369100250000"},
    {"timestamp(us, UTC)", "", std::nullopt},
    {"time(us)", "12:45:00.250000", "45900250000"},
    {"time(us)", "00:00:00", "0"},
    {"string", "North", "North"},
    {"string", "", ""},
    {"string", "  Привет, 'мир' \\ 🌍 ", "  Привет, 'мир' \\ 🌍 "},
    {"uuid", "61F0C404-5CB3-11E7-907B-A6006AD3DBA0", "61f0c404-5cb3-11e7-907b-a6006ad3dba0"},
    {"uuid", "", std::nullopt},
};

// Of dialects that compare json, and of flow::append_canonical_json.
struct JsonCase {
  std::string_view json;
  std::string_view canonical;
};

inline constexpr JsonCase kJsonCases[] = {
    {R"({"b":1,"a":[true,false,null],"":{}})", R"({"": {}, "a": [true, false, null], "b": 1})"},
    {R"({"aa":1,"b":2,"ab":3,"aa":4})", R"({"b": 2, "aa": 4, "ab": 3})"},
    {R"({"é":1,"zz":2,"z":3})", R"({"z": 3, "zz": 2, "é": 1})"},
    {R"([ ])", R"([])"},
    {R"([1.50, -0, -0.00, 1e2, 1.5E3, 12e-1, -1e-7, 0e5, 0e-2, 10.250e1, 0.00123e2, -1.5e+1])",
     R"([1.50, 0, 0.00, 100, 1500, 1.2, -0.0000001, 0, 0.00, 102.50, 0.123, -15])"},
    {R"([18446744073709551616, 123456789012345678901234567890.10, 9007199254740993])",
     R"([18446744073709551616, 123456789012345678901234567890.10, 9007199254740993])"},
    {R"("a\u00e9\ud83d\ude00\/\b\f\n\r\t\u0001\u007f\"\\")", "\"aé😀/\\b\\f\\n\\r\\t\\u0001\x7f\\\"\\\\\""},
    {R"("\\u0000")", R"("\\u0000")"},
    {R"({"a" :  "x\u0000y"})", R"({"a" :  "x\u0000y"})"},
    {R"([ "\ud83d" ])", R"([ "\ud83d" ])"},
    {R"([ "\ude00\ud83d" ])", R"([ "\ude00\ud83d" ])"},
    {"7", "7"},
};

struct DigestCase {
  std::vector<std::optional<std::string_view>> canonical;
  std::int64_t digest;
};

// The lengths count bytes of UTF-8, not characters.
inline const std::vector<DigestCase>& digest_cases() {
  static const std::vector<DigestCase> kCases{
      {{"1"}, -3405469957908330435},          {{""}, -7341853780040861484},
      {{std::nullopt}, -8242659905774566237}, {{"1.5", "North", std::nullopt}, -4899894209765301441},
      {{"привет"}, 7962585118602526769},      {{"a", "b"}, 9199183874669687786},
      {{"ab"}, 3291475844639455004},          {{"1772369100250000", "7"}, 24960539899756342},
  };
  return kCases;
}

// digest & (count - 1), also for negative digests.
struct BucketCase {
  std::int64_t digest;
  int count;
  int bucket;
};

inline constexpr BucketCase kBucketCases[] = {
    {-3405469957908330435, 16, 13},
    {24960539899756342, 16, 6},
    {-1, 1024, 1023},
    {7, 1, 0},
};

}  // namespace weir::flow
