# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Connects over and over, one request each, and prints as JSON what came of it.
Usage: connects.py ADDRESS PORT COUNT|SECONDSs [HOLD_SECONDS]; with HOLD the connections stay open together that
long."""

import collections
import errno
import json
import socket
import sys
import time


def main():
    address, port = sys.argv[1], int(sys.argv[2])
    hold = float(sys.argv[4]) if len(sys.argv) > 4 else 0
    answers, errors, peers, held, slowest = collections.Counter(), collections.Counter(), collections.Counter(), [], 0
    for _ in turns(sys.argv[3]):
        began = time.monotonic()
        try:
            sock = socket.create_connection((address, port), timeout=5)
            peers["%s %d" % sock.getpeername()[:2]] += 1
            if hold:
                held.append(sock)
            else:
                answers[exchange(sock, address)] += 1
                sock.close()
        except OSError as problem:
            errors[errno.errorcode.get(problem.errno, str(problem))] += 1
        slowest = max(slowest, time.monotonic() - began)
    if hold:
        print("held", len(held), flush=True)
        time.sleep(hold)
    print(json.dumps({"answers": answers, "errors": errors, "peers": peers, "slowest": slowest}))


def turns(text):
    """So many, or as many as there is time for."""
    if not text.endswith("s"):
        yield from range(int(text))
        return
    end = time.monotonic() + float(text[:-1])
    while time.monotonic() < end:
        yield


def exchange(sock, host):
    sock.sendall(f"GET /ok/1 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    data = b""
    while chunk := sock.recv(65536):
        data += chunk
    return data.split(b" ", 2)[1].decode() if data else "nothing"


main()
