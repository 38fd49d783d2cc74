# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sends SYNs behind chains of IPv6 headers and says which are answered with a SYN-ACK.
Usage: chains.py OWN_ADDRESS ADDRESS PORT    one line per chain: its name, and answered or silence"""

import select
import socket
import struct
import sys
import time

TCP, HOP, ROUTING, FRAGMENT, DESTINATION = 6, 0, 43, 44, 60
FIRST_PORT = 21000


def options(next_header, size=8):
    """A header of |size| bytes, with options that mean nothing, each of at most 255 bytes."""
    body, left = b"", size - 2
    while left:
        length = min(left, 257)
        length -= left - length == 1
        body += bytes([0x1e, length - 2]) + bytes(length - 2) if length > 1 else b"\0"
        left -= length
    return bytes([next_header, size // 8 - 1]) + body


HEADERS = {
    HOP: options,
    DESTINATION: options,
    ROUTING: lambda n: struct.pack("!BBBBI", n, 0, 253, 0, 0),  # no segments left
    FRAGMENT: lambda n: struct.pack("!BBHI", n, 0, 0, 7),  # an atomic one
    "long": lambda n: options(n, 2040),
}
CHAINS = {
    "none": [],
    "hop-by-hop": [HOP],
    "destination": [DESTINATION],
    "routing": [ROUTING],
    "atomic fragment": [FRAGMENT],
    "hop-by-hop, destination, routing, fragment, destination": [HOP, DESTINATION, ROUTING, FRAGMENT, DESTINATION],
    "twelve": [HOP] + [DESTINATION] * 11,
    "a hundred": [DESTINATION] * 100,
    "20 KiB": ["long"] * 10,
    "40 KiB": ["long"] * 20,
}


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def syn(source, target, source_port, port):
    head = struct.pack("!HHIIBBHHH", source_port, port, 1000, 0, 5 << 4, 2, 1000, 0, 0)
    pseudo = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target) + struct.pack("!II", len(head), TCP)
    return head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]


def packet(chain, source, target, segment):
    kinds = [DESTINATION if kind == "long" else kind for kind in chain] + [TCP]
    body = b"".join(HEADERS[kind](following) for kind, following in zip(chain, kinds[1:])) + segment
    head = struct.pack("!IHBB", 6 << 28, len(body), kinds[0], 64)
    return head + socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target) + body


def is_answered(listener, port, source_port, seconds=1):
    end = time.monotonic() + seconds
    while select.select([listener], [], [], max(0, end - time.monotonic()))[0]:
        ports, flags = struct.unpack("!HH", listener.recv(4096)[:4]), None
        if ports == (port, source_port):
            return True
    return False


def main(source, target, port):
    sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    listener = socket.socket(socket.AF_INET6, socket.SOCK_RAW, TCP)
    for number, (name, chain) in enumerate(CHAINS.items()):
        source_port = FIRST_PORT + number
        sender.sendto(packet(chain, source, target, syn(source, target, source_port, port)), (target, 0))
        print(f"{name}: {'answered' if is_answered(listener, port, source_port) else 'silence'}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
