#!/usr/bin/env python3
"""A bucket over HTTPS, which fails on demand.

    bucket.py FOLDER [PORT=CERTIFICATE]...

FOLDER/store holds the objects, FOLDER/requests a line of JSON for each request, FOLDER/ready
comes when all ports listen. CERTIFICATE is a file with key and chain; "plain" is none, "mute"
accepts connections and says nothing. The first part of a path says how it goes:

    o        as a bucket does it        noetag   the same, but knows no conditions
    flaky    503 once, then as o        busy     429 with Retry-After: 1 once, then as o
    status/N that status                patience 429 with Retry-After: 3600
    redirect to an object of o          short    ends before its Content-Length
    big      10 MiB                     chunked  10 MiB, without a Content-Length
    drip     a byte now and then        stalls   503 once, then as drip
    late     when FOLDER/go is there    tags     with an ETag of 1000 bytes
"""

import hashlib
import http.server
import json
import os
import socket
import ssl
import sys
import threading
import time

FOLDER = sys.argv[1]
MIB = 1 << 20
WAIT = 0.02  # s
seen = set()
lock = threading.Lock()


class Bucket(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self):
        request = {"time": time.time(), "method": self.command, "path": self.path}
        request["headers"] = {k.lower(): v for k, v in self.headers.items()}
        with lock, open(f"{FOLDER}/requests", "a") as f:
            f.write(json.dumps(request) + "\n")

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers and status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def once(self):
        with lock:
            first = self.path not in seen
            seen.add(self.path)
        return first

    def stored(self, name, conditions=True):
        path = f"{FOLDER}/store/{name}"
        if self.command == "PUT":
            with open(path + ".new", "wb") as f:
                f.write(self.body)
            os.rename(path + ".new", path)
            return self.answer(201)
        if not os.path.exists(path):
            return self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        with open(path, "rb") as f:
            body = f.read()
        if not conditions:
            return self.answer(200, body)
        etag = '"' + hashlib.sha256(body).hexdigest()[:16] + '"'
        date = self.date_time_string(int(os.stat(path).st_mtime))
        if self.path.startswith("/tags/"):
            etag = '"' + "x" * 998 + '"'
        if self.headers.get("If-None-Match") == etag:
            return self.answer(304, ETag=etag)
        return self.answer(200, body, ETag=etag, Last_Modified=date)

    def drip(self):
        self.send_response(200)
        self.send_header("Content-Length", "60000")
        self.end_headers()
        while True:
            self.wfile.write(b"#")
            self.wfile.flush()
            time.sleep(WAIT)

    def chunked(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for _ in range(10):
            self.wfile.write(b"%x\r\n" % MIB + b"#" * MIB + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def handle_one(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.note()
        how, _, name = self.path.split("?")[0][1:].partition("/")
        if how in ("flaky", "stalls") and self.once():
            self.answer(503, b"later")
        elif how == "busy" and self.once():
            self.answer(429, Retry_After="1")
        elif how == "patience":
            self.answer(429, Retry_After="3600")
        elif how == "status":
            self.answer(int(name), b"x")
        elif how == "redirect":
            self.answer(302, Location=f"/o/{name}?X-Signature=hunter2")
        elif how == "short":
            self.answer(200, b"kind: ", Content_Length="600")
            self.close_connection = True
        elif how == "big":
            self.answer(200, b"#" * 10 * MIB)
        elif how == "chunked":
            self.chunked()
        elif how in ("drip", "stalls"):
            self.drip()
        elif how == "late":
            while not os.path.exists(f"{FOLDER}/go"):
                time.sleep(WAIT)
            self.stored(name)
        else:
            self.stored(name, how != "noetag")

    def do_GET(self):
        try:
            self.handle_one()
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    do_PUT = do_GET


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    context = None

    def finish_request(self, request, address):  # in a thread of its own
        if self.context:
            request.settimeout(20)
            request = self.context.wrap_socket(request, server_side=True)
        with request:
            super().finish_request(request, address)

    def handle_error(self, *_):
        pass  # a client that does not like the certificate


def listen(port, how):
    if how == "mute":
        s = socket.create_server(("", port))
        return s
    server = Server(("", port), Bucket)
    if how != "plain":
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.load_cert_chain(how)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


os.makedirs(f"{FOLDER}/store", exist_ok=True)
servers = [listen(int(p), how) for p, how in (a.split("=", 1) for a in sys.argv[2:])]
open(f"{FOLDER}/ready", "w").close()
threading.Event().wait()
