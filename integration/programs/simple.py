#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A client of HTTP/0.9: asks for each PATH on a connection of its own, in one line without a version, in one piece or in two, and
prints how many bytes the server sent until it closed.
Usage: simple.py [--tls] HOST PORT PATH..."""

import socket
import sys
import time

import talks

tls = sys.argv[1] == "--tls"
host, port, *paths = sys.argv[1 + tls:]
for number, path in enumerate(paths):
    sock = socket.create_connection((host, int(port)), 10)
    sock = talks.client_context(()).wrap_socket(sock, server_hostname="lab.example") if tls else sock
    line = f"GET {path}\r\n".encode()
    cut = len(line) if number % 2 else 6
    sock.sendall(line[:cut])
    if line[cut:]:
        time.sleep(0.01)
        sock.sendall(line[cut:])
    size = 0
    while got := sock.recv(65536):
        size += len(got)
    print(size, flush=True)
    sock.close()
