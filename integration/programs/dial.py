# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Listens, or connects to listeners, and says how it went.
Usage: dial.py listen PORT ...   greets whoever connects or sends a datagram
       dial.py HOST PORT ...     one word per port: ok, or the name of the errno; udp:PORT sends a datagram"""

import contextlib
import errno
import select
import socket
import sys


def listen(ports):
    sockets = []
    for port in ports:
        for family in (socket.AF_INET, socket.AF_INET6):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                sockets.append(listener(family, kind, port))
    while True:
        for sock in select.select(sockets, [], [])[0]:
            greet(sock)


def listener(family, kind, port):
    sock = socket.socket(family, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind(("", port))
    if kind == socket.SOCK_STREAM:
        sock.listen(64)
    return sock


def greet(sock):
    if sock.type == socket.SOCK_DGRAM:
        peer = sock.recvfrom(100)[1]
        with contextlib.suppress(PermissionError):  # a policy denies the answer
            sock.sendto(b"hi", peer)
        return
    peer = sock.accept()[0]
    peer.sendall(b"hi")
    peer.close()


def dial(host, port):
    kind = socket.SOCK_DGRAM if port.startswith("udp:") else socket.SOCK_STREAM
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    sock.settimeout(2)
    address = (host, int(port.split(":")[-1]))
    try:
        if kind == socket.SOCK_DGRAM:
            sock.sendto(b"hello", address)
        else:
            sock.connect(address)
        return "ok" if sock.recv(10) == b"hi" else "closed"
    except TimeoutError:
        return "silence"
    except OSError as problem:
        return errno.errorcode.get(problem.errno, str(problem))
    finally:
        sock.close()


if __name__ == "__main__":
    if sys.argv[1] == "listen":
        listen([int(port) for port in sys.argv[2:]])
    print(*[dial(sys.argv[1], port) for port in sys.argv[2:]])
