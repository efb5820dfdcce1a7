#include "flow/growing_source.hpp"

namespace weir::flow {
namespace {

constexpr auto kOutgrown = "outgrown";

}  // namespace

Result<Stream> describe_early(Source& source, const ReadRequest& request, std::stop_token stop) {
  auto* growing = dynamic_cast<GrowingSource*>(&source);
  return growing == nullptr ? source.describe(request, std::move(stop))
                            : growing->describe_early(request, std::move(stop));
}

Error outgrown(const std::string& stream) {
  return Error::external(Code::Conflict, "rows came that the described columns do not hold: {}", stream)
      .native_code(kOutgrown);
}

bool is_outgrown(const Error& error) { return error.native_code() == kOutgrown; }

}  // namespace weir::flow
