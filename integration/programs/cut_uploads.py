#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Uploads that end before their end: HOST PORT [tls]. Each of UPLOADS goes on a connection of its own, which is closed when the
answer has come. Prints one JSON line for each: the path, the bytes of the body that were sent, whether that was all, the status."""

import json
import socket
import ssl
import sys

CHUNKED = "Transfer-Encoding: chunked"
UPLOADS = {  # name: how the body is framed, what is sent of it, bytes of content in that, whether it is all
    "nothing": ("Content-Length: 100000", b"", 0, False),
    "a_part": ("Content-Length: 100000", b"x" * 5000, 5000, False),
    "refused": ("Content-Length: 2000000", b"x" * 300, 300, False),
    "part_of_a_chunk": (CHUNKED, b"5\r\nabc", 3, False),
    "no_last_chunk": (CHUNKED, b"5\r\nabcde\r\n", 5, False),
    "whole": ("Content-Length: 5000", b"x" * 5000, 5000, True),
    "whole_chunks": (CHUNKED, b"5\r\nabcde\r\n0\r\n\r\n", 5, True),
}


def connect(host, port, tls):
    plain = socket.create_connection((host, port), timeout=20)
    if not tls:
        return plain
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain)


def main(host, port, tls=""):
    for name, (framing, body, content, whole) in UPLOADS.items():
        with connect(host, int(port), tls) as connection:
            connection.sendall(f"POST /ok/{name} HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n".encode() + body)
            status = int(connection.recv(1000).split()[1])
        print(json.dumps({"path": f"/ok/{name}", "sent": content, "whole": whole, "status": status}), flush=True)


main(*sys.argv[1:])
