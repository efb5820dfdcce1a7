#include "web/pages.hpp"

#include <algorithm>

#include "web/assets.hpp"
#include "web/reply.hpp"

namespace weir::web {
namespace {

constexpr std::string_view kNoUi = R"(<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Weir</title></head>
<body>
<h1>Weir is running, without its pages</h1>
<p>This binary was built before the web UI was. Build the UI (<code>npm ci &amp;&amp; npm run build</code> in <code>ui/</code>), then Weir again:</p>
<pre>./dev ui
./dev build weir</pre>
<p>The API is here all the same: <a href="/api/v1/openapi.json">its description</a>, <a href="/api/v1/overview">what runs now</a>.</p>
</body>
</html>
)";

std::string_view content_type(std::string_view path) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {{".html", "text/html; charset=utf-8"},
                                                                      {".js", "text/javascript; charset=utf-8"},
                                                                      {".css", "text/css; charset=utf-8"},
                                                                      {".svg", "image/svg+xml"},
                                                                      {".png", "image/png"},
                                                                      {".ico", "image/x-icon"},
                                                                      {".json", "application/json"},
                                                                      {".woff2", "font/woff2"},
                                                                      {".webmanifest", "application/manifest+json"},
                                                                      {".txt", "text/plain; charset=utf-8"},
                                                                      {".wasm", "application/wasm"}};
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

const Asset* find_asset(std::string_view path) {
  const auto all = assets();
  const auto found = std::ranges::find(all, path, &Asset::path);
  return found == all.end() ? nullptr : &*found;
}

void send_text(net::ResponseWriter& response, int status, std::string_view type, std::string_view text) {
  net::Headers headers;
  headers.add("Content-Type", std::string{type});
  headers.add("Cache-Control", "no-store");
  add_security_headers(headers);
  (void)response.send(status, headers, text);
}

void send_asset(const net::IncomingRequest& request, net::ResponseWriter& response, const Asset& asset) {
  net::Headers headers;
  const auto tag = fmt::format("\"{}\"", asset.hash);
  headers.add("ETag", tag);
  headers.add("Vary", "Accept-Encoding");
  // The build names files in assets/ by their content; others have to be asked about.
  headers.add("Cache-Control", asset.path.starts_with("assets/") ? "public, max-age=31536000, immutable" : "no-cache");
  add_security_headers(headers);
  if (request.headers.find("If-None-Match") == tag) return (void)response.send(304, headers, "");
  headers.add("Content-Type", std::string{content_type(asset.path)});
  if (takes_gzip(request.headers)) {
    headers.add("Content-Encoding", "gzip");
    return (void)response.send(200, headers, asset.gzip);
  }
  const auto text = gunzip(asset.gzip);
  WEIR_CHECK(text.ok());
  (void)response.send(200, headers, *text);
}

}  // namespace

bool has_pages() { return !assets().empty(); }

void serve_page(const net::IncomingRequest& request, net::ResponseWriter& response) {
  if (request.method != "GET" && request.method != "HEAD") return send_text(response, 405, "text/plain", "only GET\n");
  if (!has_pages()) return send_text(response, 200, "text/html; charset=utf-8", kNoUi);
  const auto path = std::string_view{request.path}.substr(1);
  if (const auto* asset = find_asset(path)) return send_asset(request, response, *asset);
  // A file that is not there is missing; a deep link has no ending, or is a name with a dot in it below its page.
  if (path.starts_with("assets/")) return send_text(response, 404, "text/plain", "no such file\n");
  const auto* index = find_asset("index.html");
  WEIR_CHECK(index != nullptr);
  send_asset(request, response, *index);
}

}  // namespace weir::web
