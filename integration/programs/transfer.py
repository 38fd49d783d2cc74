#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Moves a known number of bytes that are no HTTP. Usage: transfer.py receive PORT | transfer.py send ADDRESS PORT BYTES
The sender prints, as JSON, what the kernel counted on its socket (struct tcp_info)."""

import json
import socket
import struct
import sys

ANSWER = b"got it"


def receive(port):
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    while True:
        connection, _ = listener.accept()
        while connection.recv(1 << 20):
            pass
        connection.sendall(ANSWER)
        connection.close()


def send(address, port, size):
    with socket.create_connection((address, port)) as connection:
        piece = b"\x01" * 65536
        while size:
            size -= connection.send(piece[:size])
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(100):
            pass
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
    acked, received, segments_out, segments_in = struct.unpack_from("QQII", info, 120)
    print(json.dumps({"acked": acked, "received": received, "segments_out": segments_out, "segments_in": segments_in}))


if sys.argv[1] == "send":
    send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
else:
    receive(int(sys.argv[2]))
