#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A Python server for the integration tests and the demo: KIND is threads (http.server) or asyncio; TLS when CERT is
given; answers /KIND/... as ANSWERS says ({kind: [status, body bytes]}), after DELAY_MS, and writes one JSON line per
exchange to ACCESS_LOG."""

import asyncio
import http.server
import json
import os
import socket
import ssl
import time

PORT = int(os.environ["PORT"])
ANSWERS = json.loads(os.environ["ANSWERS"])
DELAY = int(os.environ.get("DELAY_MS", "0")) / 1000
LOG = open(os.environ["ACCESS_LOG"], "a", buffering=1)
BODIES = {kind: b"p" * size for kind, (_, size) in ANSWERS.items()}
REASONS = {200: "OK", 204: "No Content", 301: "Moved Permanently", 404: "Not Found", 500: "Internal Server Error",
           503: "Service Unavailable"}


def answer(path):
    """(status, body) for a path."""
    kind = path.split("/")[1]
    return (ANSWERS[kind][0], BODIES[kind]) if kind in ANSWERS else (404, b"")


def record(method, path, status, size, seconds):
    """|seconds| from when the request was read to when its answer was there: none of it is reading or writing."""
    LOG.write(json.dumps({"status": status, "method": method, "path": path, "bytes": size, "seconds": seconds}) + "\n")


def context():
    if "CERT" not in os.environ:
        return None
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(os.environ["CERT"], os.environ["KEY"])
    return tls


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536

    def do_GET(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        began = time.monotonic()
        if DELAY:
            time.sleep(DELAY)
        status, body = answer(self.path)
        if status == 204 or self.command == "HEAD":
            body = b""
        self.send_response(status)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        seconds = time.monotonic() - began
        self.wfile.write(body)
        self.wfile.flush()
        record(self.command, self.path, status, len(body), seconds)

    do_POST = do_PUT = do_HEAD = do_DELETE = do_GET

    def handle_expect_100(self):
        """The client waits for it."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def log_message(self, *arguments):
        pass


class Threads(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 128


def serve_threads():
    server = Threads(("::", PORT), Handler)
    tls = context()
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


async def serve_connection(reader, writer):
    try:
        while await serve_exchange(reader, writer):
            pass
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    writer.close()


async def serve_exchange(reader, writer):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
    await reader.readexactly(int(fields.get("content-length", 0)))
    began = time.monotonic()
    if DELAY:
        await asyncio.sleep(DELAY)
    status, body = answer(path)
    length = "" if status == 204 else f"content-length: {len(body)}\r\n"
    if status == 204 or method == "HEAD":
        body = b""
    seconds = time.monotonic() - began
    writer.write(f"HTTP/1.1 {status} {REASONS[status]}\r\n{length}\r\n".encode() + body)
    await writer.drain()
    record(method, path, status, len(body), seconds)
    return fields.get("connection") != "close"


async def serve_asyncio():
    server = await asyncio.start_server(serve_connection, None, PORT, ssl=context(), limit=1 << 20)
    async with server:
        await server.serve_forever()


if os.environ["KIND"] == "asyncio":
    asyncio.run(serve_asyncio())
else:
    serve_threads()
