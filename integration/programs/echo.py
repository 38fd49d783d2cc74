#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Says back what it is told. Usage: echo.py serve PORT | echo.py ask ADDRESS PORT TIMES SIZE ...
The asker sends each size that often and checks every byte."""

import os
import socket
import sys
import threading


def serve(port):
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
    while True:
        threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()


def echo(connection):
    with connection:
        while data := connection.recv(1 << 16):
            connection.sendall(data)


def ask(address, port, times, sizes):
    with socket.create_connection((address, port), timeout=20) as connection:
        for size in sizes:
            for _ in range(times):
                exchange(connection, os.urandom(size))


def exchange(connection, sent):
    got = b""
    connection.sendall(sent)
    while len(got) < len(sent):
        piece = connection.recv(1 << 16)
        if not piece:
            raise SystemExit(f"the end came after {len(got)} bytes of {len(sent)}")
        got += piece
    if got != sent:
        raise SystemExit(f"{len(sent)} bytes came back differently")


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    ask(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), [int(size) for size in sys.argv[5:]])
