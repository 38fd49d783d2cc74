# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Listens, or connects to listeners, and says how it went.
Usage: dial.py [--uid N] listen PORT ... greets whoever connects or sends a datagram; mptcp:PORT: one socket of MPTCP and one
                                         for datagrams, each for both families
       dial.py [--uid N] [--together] HOST TARGET ... one word per target: ok, or the name of the errno; one after another,
                                         or together, so that silence costs its two seconds once
A target is [KIND:]PORT[@SOURCE_PORT]. KIND: tcp, mptcp, fastopen (data in the SYN); udp and lite (UDP-Lite) send a datagram,
each from a socket that is not connected; udp-connected, lite-connected; any with +dst, +hop or +rth: behind an IPv6 header
of destination options, hop-by-hop options, segment routing (RFC 8754, its only segment being the target; both ends have to take
it: sysctl seg6_enabled)."""

import contextlib
import errno
import os
import select
import socket
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

UDPLITE = 136
PADDING = bytes([0, 0, 1, 4, 0, 0, 0, 0])  # options that mean nothing
HEADERS = {"dst": (socket.IPV6_DSTOPTS, PADDING), "hop": (socket.IPV6_HOPOPTS, PADDING)}
MPTCP = 262
TRANSPORTS = {"tcp": (socket.SOCK_STREAM, 0), "mptcp": (socket.SOCK_STREAM, MPTCP), "fastopen": (socket.SOCK_STREAM, 0),
              "udp": (socket.SOCK_DGRAM, 0), "udp-connected": (socket.SOCK_DGRAM, 0), "lite": (socket.SOCK_DGRAM, UDPLITE),
              "lite-connected": (socket.SOCK_DGRAM, UDPLITE)}
IP_PKTINFO = 8


def listen(targets):
    sockets = []
    for target in targets:
        kind, _, port = target.rpartition(":")
        for family in (socket.AF_INET6,) if kind else (socket.AF_INET, socket.AF_INET6):
            sockets += [listener(family, one, int(port), both=bool(kind)) for one in (kind or "tcp", "udp", "lite")]
    while True:
        for sock in select.select(sockets, [], [])[0]:
            greet(sock)


def socket_of(family, kind):
    return socket.socket(family, *TRANSPORTS[kind.partition("+")[0] or "tcp"])


def put_header(sock, kind, address):
    header = kind.partition("+")[2]
    if header == "rth":
        route = struct.pack("!BBBBI", 0, 2, 4, 0, 0) + socket.inet_pton(socket.AF_INET6, address[0].partition("%")[0])
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RTHDR, route)
    elif header:
        sock.setsockopt(socket.IPPROTO_IPV6, *HEADERS[header])


def listener(family, kind, port, both):
    """|both|: for IPv4, too."""
    sock = socket_of(family, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not both)
    sock.bind(("", port))
    if sock.type == socket.SOCK_STREAM:
        sock.listen(1024)
        return sock
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    return sock


def greet(sock):
    """What came to one of several addresses is answered from there."""
    if sock.type == socket.SOCK_DGRAM:
        _, here, _, peer = sock.recvmsg(100, 100)
        with contextlib.suppress(PermissionError):  # a policy denies the answer
            sock.sendmsg([b"hi"], here, 0, peer)
        return
    peer = sock.accept()[0]
    with contextlib.suppress(BlockingIOError, ConnectionError):  # nothing was sent with the SYN; the client has given up
        peer.sendall(b"hi")
        peer.recv(100, socket.MSG_DONTWAIT)
    peer.close()


def ask(sock, kind, address):
    put_header(sock, kind, address)
    transport = kind.partition("+")[0]
    if transport == "fastopen":
        sock.sendto(b"hello", socket.MSG_FASTOPEN, address)
    elif transport in ("udp", "lite"):
        sock.sendto(b"hello", address)
    else:
        sock.connect(address)
        if sock.type == socket.SOCK_DGRAM:
            sock.send(b"hello")


def where(host, port):
    """Family and address, with the scope of a link-local one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return family, socket.getaddrinfo(host, int(port), family)[0][4]


def dial(host, target):
    kind, _, ports = target.rpartition(":")
    port, _, source = ports.partition("@")
    family, address = where(host, port)
    sock = socket_of(family, kind)
    sock.settimeout(2)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if source:
            sock.bind(("", int(source)))
        ask(sock, kind, address)
        return "ok" if sock.recv(10) == b"hi" else "closed"
    except TimeoutError:
        return "silence"
    except OSError as problem:
        return errno.errorcode.get(problem.errno, str(problem))
    finally:
        sock.close()


def main(arguments):
    if arguments[0] == "--uid":
        os.setuid(int(arguments[1]))
        arguments = arguments[2:]
    if arguments[0] == "listen":
        listen(arguments[1:])
    together = arguments[0] == "--together"
    host, *targets = arguments[together:]
    with ThreadPoolExecutor(len(targets) if together else 1) as pool:
        print(*pool.map(dial, [host] * len(targets), targets))


if __name__ == "__main__":
    main(sys.argv[1:])
