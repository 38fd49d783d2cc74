#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A bad cable between two interfaces: frames are lost, doubled and change places, at random from SEED.
Usage: jumble.py SEED INTERFACE INTERFACE"""

import collections
import random
import selectors
import socket
import sys
import time

LOST, DOUBLED, HELD = 0.003, 0.01, 0.03  # shares of frames
HELD_S = 0.002
ETH_P_ALL, PACKET_OUTGOING, SO_RCVBUFFORCE = 3, 4, 33


def open_interface(name):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((name, ETH_P_ALL))
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
    return sock


def main():
    dice = random.Random(sys.argv[1])
    ends = [open_interface(name) for name in sys.argv[2:]]
    held = collections.deque()  # (when it goes, where to, frame)
    selector = selectors.DefaultSelector()
    for end, other in (ends, ends[::-1]):
        selector.register(end, selectors.EVENT_READ, other)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select(HELD_S if held else None):
            frame, address = key.fileobj.recvfrom(65536)
            if address[2] == PACKET_OUTGOING or dice.random() < LOST:
                continue
            if dice.random() < HELD:
                held.append((time.monotonic() + HELD_S, key.data, frame))
                continue
            for _ in range(2 if dice.random() < DOUBLED else 1):
                key.data.send(frame)
        while held and held[0][0] < time.monotonic():
            _, where, frame = held.popleft()
            where.send(frame)


main()
