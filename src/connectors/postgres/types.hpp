#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/setting.hpp"
#include "connectors/postgres/connection.hpp"
#include "connectors/postgres/read_column.hpp"
#include "connectors/postgres/write_column.hpp"

// The one type table between PostgreSQL and Weir; TYPES.md is its text for people.
namespace weir::postgres {

using Oid = std::uint32_t;

// A type with its modifier, as pg_attribute and result descriptions say it.
struct TypeRef {
  Oid oid = 0;
  std::int32_t modifier = -1;
};

// The types that a session has asked pg_type about, since only the built-in scalars have numbers that are known before.
class TypeCatalog {
 public:
  // Looks up what is not known yet, domains' bases and arrays' elements included.
  Result<void> learn(Connection& connection, std::vector<Oid> oids, std::stop_token stop);

  enum class Shape { Scalar, Enum, Array, Composite, Other };
  struct Entry {
    Shape shape = Shape::Other;
    bool domain = false;
    TypeRef base;     // of a domain
    Oid element = 0;  // of an array
  };
  // The type behind domains.
  TypeRef resolve(TypeRef type) const;
  const Entry& entry(Oid oid) const;

 private:
  std::map<Oid, Entry> entries_;
};

// How numeric without precision is read: as exact text, or as a decimal that every value must fit.
struct ReadRules {
  std::optional<data::Type> numeric;
  OnInfinity on_infinity = OnInfinity::Error;
  OnNan on_nan = OnNan::Error;
  ReadArrays arrays = ReadArrays::AsLists;

  static Result<ReadRules> from(const Settings& options);
};

// The keys of a copy's `from` that ReadRules reads.
std::vector<Setting> read_rule_settings();

ReadColumn read_column(std::string name, TypeRef type, const TypeCatalog& types, const ReadRules& rules);

// How values of the Weir type are sent to a column of the native type; the column is staged as text where the server has
// to read them (an inet, a range, a date from a string). Nothing when the type cannot go there at all.
std::optional<WriteColumn> write_column(std::string name, TypeRef native, std::string native_name,
                                        const TypeCatalog& types, const data::Type& type);

// The type that a new table's column gets: "numeric(12,2)".
std::string native_type_name(const data::Type& type);
WriteColumn new_column(std::string name, const data::Type& type);

}  // namespace weir::postgres
