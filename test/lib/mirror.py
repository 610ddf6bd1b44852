#!/usr/bin/env python3
"""mirror.py FOLDER RULES LOG - a proxy on loopback that is every mirror: http://HOST/PATH is
FOLDER/HOST/PATH. It prints its port.

RULES is read anew for each request, a line each: REGEX ACTION COUNT, of which the first that
matches HOST/PATH, and was not done COUNT times yet, is done: 'corrupt' (one byte is another),
'short' (half of it), or a status, as 404. Each request is a line of LOG: ACTION HOST/PATH.
"""
import http.server
import pathlib
import re
import sys
import urllib.parse

folder, rules, log = map(pathlib.Path, sys.argv[1:])
done = {}


def choose(what):
    for line in rules.read_text().splitlines() if rules.exists() else []:
        pattern, action, count = line.split()
        if re.search(pattern, what) and done.get(line, 0) < int(count):
            done[line] = done.get(line, 0) + 1
            return action
    return "ok"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        what = f"{url.netloc}{urllib.parse.unquote(url.path)}"
        action, path = choose(what), folder / what
        with log.open("a") as out:
            print(action, what, file=out)
        if action.isdigit() or not path.is_file():
            self.send_error(int(action) if action.isdigit() else 404)
            return
        body = bytearray(path.read_bytes())
        if action == "corrupt":
            body[len(body) // 2] ^= 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if action == "short" else body)
        self.close_connection = action == "short"

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
