# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""usage: half_open.py ADDRESS PORT COUNT: sends COUNT SYNs and nothing more; the kernel, which knows nothing of them, answers
their SYN-ACKs with a RST."""

import socket
import struct
import sys


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def syn(source, target, ports, number):
    fields = [*ports, number, 0, 5 << 12 | 2, 1024, 0, 0]
    pseudo = socket.inet_aton(source) + socket.inet_aton(target) + struct.pack("!HH", socket.IPPROTO_TCP, 20)
    fields[6] = checksum(pseudo + struct.pack("!HHIIHHHH", *fields))
    return struct.pack("!HHIIHHHH", *fields)


target, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
    raw.connect((target, 0))
    source = raw.getsockname()[0]
    for i in range(count):
        raw.send(syn(source, target, (20000 + i, port), 1000 * i))
