#pragma once

#include "connectors/clickhouse/column_decoder.hpp"

namespace weir::clickhouse {

// LowCardinality: a dictionary and an index a row, which become ordinary values.
// Source: ClickHouse, src/DataTypes/Serializations/SerializationLowCardinality.cpp; in Native format every block carries
// its own dictionary.
std::unique_ptr<ColumnDecoder> make_dictionary_decoder(const ColumnType& keys, std::string_view server_zone);

}  // namespace weir::clickhouse
