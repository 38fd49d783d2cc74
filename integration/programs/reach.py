# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Makes many attempts to reach servers at once, in the ways of dial.py, and says how each went.
Usage: reach.py [--uid N] FILE [STOP]
FILE is JSON: {"seconds": until an attempt is over, "rows": [[HOST, KIND, PORT, SOURCE], ...]}; SOURCE is the address to come
from, "" for any. Each row once; with STOP over and over, evenly spread, until that file exists, with the word "turn" after
each time. The last line is JSON: for each row {word: count}, with the words of dial.py."""

import collections
import ctypes
import errno
import json
import os
import resource
import selectors
import socket
import sys
import time
import weakref

from dial import MPTCP, ask, socket_of, where

PR_SET_SECUREBITS, NO_SETUID_FIXUP = 28, 4
GAP = 0.004  # between attempts that are spread
stirred = weakref.WeakSet()


def begin(row):
    """A socket whose answer is awaited, or a word."""
    host, kind, port, source = row
    family, address = where(host, port)
    sock = socket_of(family, kind)
    sock.setblocking(False)
    try:
        if source:
            sock.bind((source, 0))
        ask(sock, kind, address)
    except BlockingIOError:
        pass  # it connects
    except OSError as problem:
        sock.close()
        return word_of(problem)
    return sock


def word_of(problem):
    return errno.errorcode.get(problem.errno, str(problem))


def answer(sock):
    try:
        return "ok" if sock.recv(10) == b"hi" else "closed"
    except OSError as problem:
        return word_of(problem)


def was_stirred(sock):
    """Of Multipath TCP, connected, and for the first time. Its servers that accept before the last packet of the handshake is
    done with, and speak first, may not be heard until their client says something: 16 of 254,000 connections to one that
    does nothing but accept, without weft (Linux 6.18); none of TCP. What policy refuses is never connected."""
    if sock.proto != MPTCP or sock in stirred:
        return False
    try:
        sock.getpeername()  # refuses where nothing is connected; shutdown() of Multipath TCP does not
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        return False
    stirred.add(sock)
    return True


class Attempts:
    def __init__(self, seconds, note):
        """|note|(number of the row, word) is called for each that is over."""
        self.seconds, self.note = seconds, note
        self.awaited, self.deadlines = selectors.EpollSelector(), collections.deque()

    def begin(self, number, row):
        sock = begin(row)
        if isinstance(sock, str):
            self.note(number, sock)
            return
        self.awaited.register(sock, selectors.EVENT_READ, number)
        self.deadlines.append((time.monotonic() + self.seconds, sock))

    def take(self, seconds=0.0):
        """The answers of the next |seconds|."""
        for key, _ in self.awaited.select(seconds):
            self.end(key, answer(key.fileobj))
        while self.deadlines and self.deadlines[0][0] < time.monotonic():
            sock = self.deadlines.popleft()[1]
            if sock.fileno() < 0:
                continue
            if was_stirred(sock):
                self.deadlines.append((time.monotonic() + self.seconds, sock))
            else:
                self.end(self.awaited.get_key(sock), "silence")

    def end(self, key, word):
        self.awaited.unregister(key.fileobj)
        key.fileobj.close()
        self.note(key.data, word)

    def finish(self):
        while self.awaited.get_map():
            self.take(0.05)


def main(arguments):
    resource.setrlimit(resource.RLIMIT_NOFILE, [resource.getrlimit(resource.RLIMIT_NOFILE)[1]] * 2)
    if arguments[0] == "--uid":
        ctypes.CDLL(None).prctl(PR_SET_SECUREBITS, NO_SETUID_FIXUP)  # that user may still set options of IPv6
        os.setuid(int(arguments[1]))
        arguments = arguments[2:]
    file, *stop = arguments
    with open(file) as text:
        task = json.load(text)
    found = [collections.Counter() for _ in task["rows"]]
    attempts = Attempts(task["seconds"], lambda number, word: found[number].update([word]))
    while True:
        for number, row in enumerate(task["rows"]):
            attempts.begin(number, row)
            attempts.take(GAP if stop else 0)
        if not stop or os.path.exists(stop[0]):
            break
        print("turn", flush=True)
    attempts.finish()
    print(json.dumps(found))


main(sys.argv[1:])
