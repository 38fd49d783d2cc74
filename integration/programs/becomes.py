# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A server that becomes what it is only after it listens.
Usage: becomes.py [wait] PORT WAY ... opens the port for TCP and for UDP, goes the ways one after another, and greets whoever
                                      comes; connections stay open. wait: it serves first, and goes at SIGUSR1
       becomes.py hold HOST PORT      a connection to it, until it ends: says "held", then "ended"
A way: uid:N; cgroup:DIRECTORY; exec:PROGRAM (a Python); hand: a child goes on, this process keeps the sockets and does nothing
with them; share:N: a child of the user N has them too, and does nothing (says "shared with PID"); pass:N: a process of the user N,
which was there before, gets the sockets, and this one closes its own."""

import array
import contextlib
import os
import pathlib
import select
import signal
import socket
import sys

from dial import greet, listener


class Asked(Exception):
    """SIGUSR1 came."""


def main(arguments):
    if arguments[0] == "hold":
        return hold(arguments[1], int(arguments[2]))
    if arguments[0] == "serve":
        return serve([socket.socket(fileno=int(number)) for number in arguments[1:]], [])
    waits = arguments[0] == "wait"
    port, *ways = arguments[waits:]
    receiver = receiver_start(ways)
    sockets, kept = [listener(socket.AF_INET6, kind, int(port), both=True) for kind in ("tcp", "udp")], []
    if waits:
        with contextlib.suppress(Asked):
            signal.signal(signal.SIGUSR1, asked)
            serve(sockets, kept)
    for way in ways:
        go(way, sockets, kept, receiver)
    print("has become it", flush=True)
    return serve(sockets, kept)


def asked(*_):
    raise Asked


def go(way, sockets, kept, receiver):
    kind, _, value = way.partition(":")
    if kind == "uid":
        become_user(int(value))
    elif kind == "cgroup":
        pathlib.Path(value, "cgroup.procs").write_text("0")
    elif kind == "exec":
        for sock in [*sockets, *kept]:
            sock.set_inheritable(True)
        print("has become it", flush=True)
        os.execv(value, [value, __file__, "serve", *(str(sock.fileno()) for sock in sockets)])
    elif kind == "hand":
        if os.fork():
            rest()
    elif kind == "share":
        share(int(value))
    elif kind == "pass":
        receiver.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [sock.fileno() for sock in sockets]))])
        for sock in sockets:
            sock.close()
        rest()


def become_user(number):
    os.setgroups([])
    os.setresgid(number, number, number)
    os.setresuid(number, number, number)


def share(number):
    child = os.fork()
    if not child:
        become_user(number)
        rest()
    print("shared with", child, flush=True)


def rest():
    while True:
        signal.pause()


def receiver_start(ways):
    """Where to send the sockets; None: they are not passed."""
    users = [int(way.partition(":")[2]) for way in ways if way.startswith("pass:")]
    if not users:
        return None
    here, there = socket.socketpair()
    if os.fork():
        return here
    become_user(users[0])
    _, [(_, _, data)], _, _ = there.recvmsg(1, socket.CMSG_SPACE(8))
    numbers = array.array("i")
    numbers.frombytes(data)
    print("has become it", flush=True)
    return serve([socket.socket(fileno=number) for number in numbers], [])


def serve(sockets, kept):
    while True:
        for sock in select.select([*sockets, *kept], [], [])[0]:
            if sock in kept:
                kept_read(sock, kept)
            elif sock.type == socket.SOCK_DGRAM:
                greet(sock)
            else:
                kept.append(sock.accept()[0])
                with contextlib.suppress(ConnectionError):
                    kept[-1].sendall(b"hi")


def kept_read(sock, kept):
    with contextlib.suppress(ConnectionError):
        if sock.recv(100):
            return
    kept.remove(sock)
    sock.close()


def hold(host, port):
    sock = socket.create_connection((host, port), 10)
    sock.settimeout(None)
    print("held" if sock.recv(10) == b"hi" else "closed", flush=True)
    with contextlib.suppress(ConnectionError):
        sock.recv(10)
    print("ended", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
