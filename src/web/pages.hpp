#pragma once

#include "net/http_server.hpp"

namespace weir::web {

// The UI's files; what is none of them is a deep link, which its script understands. Without a built UI a page that says
// how to build it.
void serve_page(const net::IncomingRequest& request, net::ResponseWriter& response);
// Whether the UI was built before Weir was.
bool has_pages();

}  // namespace weir::web
