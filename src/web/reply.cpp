#include "web/reply.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>

namespace weir::web {
namespace {

// Below this a compressed answer takes as many packets as a plain one.
constexpr std::size_t kGzipBytesMin = 1400;
// Fast: answers are made once each.
constexpr int kGzipLevel = 4;
constexpr int kGzipWindow = 15 + 16;  // zlib: the largest window, in gzip's format

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : static_cast<char>(letter);
  });
  return result;
}

}  // namespace

int status_of(const Error& error) {
  switch (error.code()) {
    case Code::NotFound: return 404;
    case Code::AccessDenied: return 403;
    case Code::AlreadyExists:
    case Code::Conflict:
    case Code::Cancelled: return 409;
    case Code::InvalidArgument:
    case Code::InvalidQuery: return 400;
    case Code::InvalidProject:
    case Code::InvalidData:
    case Code::TypeMismatch:
    case Code::CheckFailed:
    case Code::Unsupported: return 422;
    case Code::Unavailable:
    case Code::ResourceExhausted: return 503;
    case Code::TimedOut: return 504;
    case Code::Internal: break;
  }
  return 500;
}

Json error_json(const Error& error) {
  return {{"error",
           {{"code", name(error.code())},
            {"message", error.message()},
            {"hint", error.hint()},
            {"place", error.place() ? Json(error.place()->text()) : Json(nullptr)}}}};
}

bool takes_gzip(const net::Headers& headers) {
  const auto header = headers.find("Accept-Encoding");
  if (!header) return false;
  const auto text = lower(*header);
  std::size_t begin = 0;
  while (begin < text.size()) {
    const auto end = std::min(text.find(',', begin), text.size());
    auto item = text.substr(begin, end - begin);
    std::erase(item, ' ');
    begin = end + 1;
    if (item == "gzip" || item == "*") return true;
    if (item.starts_with("gzip;") || item.starts_with("*;"))
      return item.find("q=0") == std::string::npos || item.find("q=0.") != std::string::npos;
  }
  return false;
}

std::string gzip(std::string_view text) {
  z_stream stream{};
  WEIR_CHECK(deflateInit2(&stream, kGzipLevel, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string bytes(deflateBound(&stream, text.size()), '\0');
  // zlib's input has no const; it does not write there.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  WEIR_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  bytes.resize(stream.total_out);
  deflateEnd(&stream);
  return bytes;
}

Result<std::string> gunzip(std::string_view bytes) {
  z_stream stream{};
  WEIR_CHECK(inflateInit2(&stream, kGzipWindow) == Z_OK);
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string text;
  std::array<char, 65'536> buffer{};
  int code = Z_OK;
  while (code == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = buffer.size();
    code = inflate(&stream, Z_NO_FLUSH);
    text.append(buffer.data(), buffer.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (code != Z_STREAM_END) return Error::system(Code::InvalidData, "not gzip").retry(Retry::Never);
  return text;
}

std::string_view content_security_policy() {
  return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src "
         "'self'; "
         "worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
}

void add_security_headers(net::Headers& headers) {
  headers.add("Content-Security-Policy", std::string{content_security_policy()});
  headers.add("X-Content-Type-Options", "nosniff");
  headers.add("X-Frame-Options", "DENY");
  headers.add("Referrer-Policy", "no-referrer");
  headers.add("Cross-Origin-Opener-Policy", "same-origin");
  headers.add("Cross-Origin-Resource-Policy", "same-origin");
}

Result<void> send_json(const net::IncomingRequest& request, net::ResponseWriter& response, int status,
                       const std::string& text, net::Headers headers) {
  headers.add("Content-Type", "application/json");
  headers.add("Cache-Control", "no-store");
  headers.add("Vary", "Accept-Encoding");
  add_security_headers(headers);
  if (text.size() < kGzipBytesMin || !takes_gzip(request.headers)) return response.send(status, headers, text);
  headers.add("Content-Encoding", "gzip");
  return response.send(status, headers, gzip(text));
}

Result<void> send_nothing(net::ResponseWriter& response, net::Headers headers) {
  headers.add("Cache-Control", "no-store");
  add_security_headers(headers);
  return response.send(204, headers, "");
}

}  // namespace weir::web
