"""A small HTTP server on loopback that answers with JSON: what the recording servers stand on."""
import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def serve(description, answer, options=()):
    """Runs until it is killed. answer(method, path, body, arguments) -> (status, JSON value). Prints the URL, once it listens."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    for name, settings in options:
        parser.add_argument(name, **settings)
    arguments = parser.parse_args()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self, method):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                status, value = answer(method, self.path.split("?")[0], json.loads(body) if body else {}, arguments)
            except (ValueError, TypeError, AttributeError) as error:
                status, value = 400, {"error": str(error)}
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self):
            self.reply("GET")

        def do_POST(self):
            self.reply("POST")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
