#pragma once

#include "base/result.hpp"
#include "net/byte_stream.hpp"

// The Native format depends on the protocol revision that both sides speak; the embedded engine always speaks revision 0.
// From revision 1 a block begins with its BlockInfo, from 54454 each column has one more byte (whether it has a custom
// serialization). clickhouse-go insists on both (ClickHouse: src/Formats/NativeWriter.cpp, src/Core/ProtocolDefines.h).
namespace weir::warehouse {

constexpr int kCustomSerializationRevision = 54454;

// Copies blocks of revision 0 from `in` to `out` as a client of kCustomSerializationRevision expects them, until `in` ends;
// does not finish `out`. Bounded memory: values are passed on as they come. InvalidData for what is no Native block,
// Unsupported for types of unknown layout. The other way needs nothing: over HTTP clients send revision 0, whatever they ask for.
Result<void> reframe_native(net::ByteSource& in, net::ByteSink& out);

}  // namespace weir::warehouse
