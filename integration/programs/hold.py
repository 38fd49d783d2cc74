# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Holds connections to an HTTP server, a request on each now and then, until SIGTERM.
Usage: hold.py ADDRESS PORT COUNT
Prints "held COUNT", and a line of JSON each time that something has changed: {"alive", "ended": {errno: count},
"answers": {status: count}}; answers alone change nothing."""

import collections
import errno
import json
import select
import socket
import sys
import time

REQUEST = b"GET /ok/1 HTTP/1.1\r\nHost: held\r\n\r\n"


def main():
    address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    held = {}
    for _ in range(count):
        sock = socket.create_connection((address, port), timeout=10)
        held[sock.fileno()] = sock
    ended, answers, poll = collections.Counter(), collections.Counter(), select.epoll()
    for fd in held:
        poll.register(fd, select.EPOLLIN)
    print("held", len(held), flush=True)
    told, due = None, 0
    while True:
        if time.monotonic() >= due:
            due = time.monotonic() + 1
            for fd, sock in list(held.items()):
                attempt(held, ended, fd, lambda sock=sock: sock.sendall(REQUEST))
        for fd, _ in poll.poll(0.02):
            attempt(held, ended, fd, lambda fd=fd: take(held[fd], answers))
        if told != ended:
            told = ended.copy()
            print(json.dumps({"alive": len(held), "ended": ended, "answers": answers}), flush=True)


def take(sock, answers):
    data = sock.recv(65536)
    if not data:
        raise ConnectionError(0, "closed")
    answers[data.split(b" ", 2)[1].decode()] += 1


def attempt(held, ended, fd, action):
    try:
        if fd in held:
            action()
    except OSError as problem:
        ended[errno.errorcode.get(problem.errno, "closed")] += 1
        held.pop(fd).close()


main()
