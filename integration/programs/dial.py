# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Listens, or connects to listeners, and says how it went.
Usage: dial.py listen PORT ...           greets whoever connects or sends a datagram
       dial.py [--uid N] HOST TARGET ... one word per target: ok, or the name of the errno
A target is [KIND:]PORT[@SOURCE_PORT]. KIND: tcp; udp and lite (UDP-Lite) send a datagram, each from a socket that is
not connected; udp-connected; dst, hop, rth: TCP behind an IPv6 header of destination options, hop-by-hop options, segment routing
(RFC 8754, its only segment being the target; both ends have to take it: sysctl seg6_enabled)."""

import contextlib
import errno
import os
import select
import socket
import struct
import sys

UDPLITE = 136
PADDING = bytes([0, 0, 1, 4, 0, 0, 0, 0])  # options that mean nothing
HEADERS = {"dst": (socket.IPV6_DSTOPTS, PADDING), "hop": (socket.IPV6_HOPOPTS, PADDING)}
DATAGRAMS = ("udp", "udp-connected", "lite")


def listen(ports):
    sockets = []
    for port in ports:
        for family in (socket.AF_INET, socket.AF_INET6):
            for kind in ("tcp", "udp", "lite"):
                sockets.append(listener(family, kind, port))
    while True:
        for sock in select.select(sockets, [], [])[0]:
            greet(sock)


def socket_of(family, kind):
    if kind in DATAGRAMS:
        return socket.socket(family, socket.SOCK_DGRAM, UDPLITE if kind == "lite" else 0)
    sock = socket.socket(family, socket.SOCK_STREAM)
    if kind in HEADERS:
        sock.setsockopt(socket.IPPROTO_IPV6, *HEADERS[kind])
    return sock


def listener(family, kind, port):
    sock = socket_of(family, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind(("", port))
    if kind == "tcp":
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


def ask(sock, kind, address):
    if kind in ("udp", "lite"):
        sock.sendto(b"hello", address)
        return
    sock.connect(address)
    if kind in DATAGRAMS:
        sock.send(b"hello")


def dial(host, target):
    kind, _, ports = target.rpartition(":")
    port, _, source = ports.partition("@")
    sock = socket_of(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    sock.settimeout(2)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if kind == "rth":
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RTHDR, struct.pack("!BBBBI", 0, 2, 4, 0, 0) + socket.inet_pton(socket.AF_INET6, host))
        if source:
            sock.bind(("", int(source)))
        ask(sock, kind, socket.getaddrinfo(host, int(port), sock.family)[0][4])  # with the scope of a link-local one
        return "ok" if sock.recv(10) == b"hi" else "closed"
    except TimeoutError:
        return "silence"
    except OSError as problem:
        return errno.errorcode.get(problem.errno, str(problem))
    finally:
        sock.close()


def main(arguments):
    if arguments[0] == "listen":
        listen([int(port) for port in arguments[1:]])
    if arguments[0] == "--uid":
        os.setuid(int(arguments[1]))
        arguments = arguments[2:]
    print(*[dial(arguments[0], target) for target in arguments[1:]])


if __name__ == "__main__":
    main(sys.argv[1:])
