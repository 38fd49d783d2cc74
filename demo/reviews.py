#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Reviews of the demo's shop: HTTP/1.1. With BROKEN=yes it fails for 20 s of every minute, on purpose."""

import http.server
import os
import socket
import time

BROKEN = os.environ.get("BROKEN") == "yes"
began = time.monotonic()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def do_GET(self):
        fails = BROKEN and 4 < (time.monotonic() - began) % 60 < 24
        body = b'{"stars":5}' if not fails else b"{}"
        self.send_response(503 if fails else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 64


Server(("::", int(os.environ["PORT"])), Handler).serve_forever()
