# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""In a network namespace of its own: has the addresses of others, and connects to them. Prints as JSON what came of it.
Usage: isolated.py refused VIP PORT ADDRESS...         nothing listens there
       isolated.py fails VIP PORT ADDRESS...           answers 500 there; requests to all of them, with the path /forged
       isolated.py holds VIP PORT ADDRESS...           accepts connections there; holds connections until it is ended"""

import collections
import errno
import json
import signal
import socket
import subprocess
import sys
import threading

TIMES, FRONT = 30, 80
ANSWER = b"HTTP/1.1 500 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
REQUEST = b"GET /forged HTTP/1.1\r\nHost: cart\r\n\r\n"


def answer(listener):
    while True:
        sock, _ = listener.accept()
        sock.recv(1000)
        sock.sendall(ANSWER)
        sock.close()


def listen(port):
    listener = socket.socket()
    listener.bind(("0.0.0.0", port))
    listener.listen(100)
    return listener


def ask(address, port):
    with socket.create_connection((address, port), timeout=5) as sock:
        sock.sendall(REQUEST)
        return sock.recv(100).split(b" ")[1].decode()


def hold(vip):
    held = []
    try:
        for _ in range(TIMES):
            held.append(socket.create_connection((vip, FRONT), timeout=5))
    except OSError as problem:
        print(problem, file=sys.stderr)
    print(json.dumps({"held": len(held)}), flush=True)
    signal.pause()


def main():
    what, vip, port, *addresses = sys.argv[1:]
    for command in ("link set lo up", *(f"addr add {address}/32 dev lo" for address in (vip, *addresses))):
        subprocess.run(["ip", *command.split()], check=True)
    listener = listen(int(port)) if what != "refused" else None
    if what == "holds":
        hold(vip)
        return
    if listener:
        threading.Thread(target=answer, args=(listener,), daemon=True).start()
    found = collections.Counter()
    for target in [(vip, FRONT), *([(address, int(port)) for address in addresses] if listener else [])] * TIMES:
        try:
            found[ask(*target)] += 1
        except OSError as problem:
            found[errno.errorcode[problem.errno]] += 1
    print(json.dumps(found))


main()
