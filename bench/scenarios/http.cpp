#include "scenarios/http.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace weir::bench {

namespace {

constexpr std::size_t kPieceBytes = 1U << 20;

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return encoded;
}

}  // namespace

Result<void> Http::query(const std::string& sql, std::span<const std::byte> body, const Consume& consume) {
  net::HttpRequest request;
  request.method = "POST";
  request.url = fmt::format("http://{}:{}/?database={}&query={}", address_.host, address_.port, address_.database,
                            percent_encoded(sql));
  request.unix_socket = address_.unix_socket;
  request.headers.add("X-ClickHouse-User", address_.user);
  request.headers.add("X-ClickHouse-Key", address_.password.reveal());
  request.body = net::HttpRequest::Body::Streamed;
  const auto exchange = WEIR_TRY(client_.open(request, {}));
  while (!body.empty()) {
    const auto piece = body.first(std::min(body.size(), kPieceBytes));
    WEIR_TRY(exchange->write(piece, {}));
    body = body.subspan(piece.size());
  }
  WEIR_TRY(exchange->finish_body({}));
  const net::HttpResponse response = WEIR_TRY(exchange->response({}));
  std::vector<std::byte> buffer(kPieceBytes);
  std::string refusal;
  while (const std::size_t got = WEIR_TRY(exchange->read(buffer, {}))) {
    const auto piece = std::span<const std::byte>(buffer).first(got);
    if (response.status != 200)
      refusal.append(reinterpret_cast<const char*>(piece.data()), got);
    else if (consume)
      consume(piece);
  }
  if (response.status != 200)
    return Error::external(Code::InvalidQuery, "the warehouse answers {}: {}", response.status, refusal);
  return {};
}

}  // namespace weir::bench
