# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Datagrams of one socket that is connected, by the server's own word: it says the address that each came to.
datagrams.py serve PORT
datagrams.py ask ADDRESS PORT SECONDS   twenty a second; connects again after an error: one line for each change of what
                                        answers, an endpoint or "ended": the socket's connection was taken away"""

import errno
import socket
import sys
import time

IP_PKTINFO = 8


def serve(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    sock.bind(("", int(port)))
    while True:
        _, (info, *_), _, client = sock.recvmsg(16, 64)
        to = socket.inet_ntoa(info[2][8:12])
        sock.sendmsg([to.encode()], [(socket.IPPROTO_IP, IP_PKTINFO, bytes(4) + info[2][8:12] + bytes(4))], 0, client)


def connected(address, port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(0.5)
    sock.connect((address, int(port)))
    return sock


def ask(address, port, seconds):
    sock, last, end = connected(address, port), None, time.monotonic() + float(seconds)
    while time.monotonic() < end:
        try:
            sock.send(b"?")
            answer = sock.recv(64).decode()
        except TimeoutError:
            answer = "nothing"
        except OSError as problem:
            ended = problem.errno in (errno.ECONNABORTED, errno.EDESTADDRREQ)  # by recv() and by send()
            answer = "ended" if ended else errno.errorcode[problem.errno]
            sock = connected(address, port)
        if answer != last:
            print(answer, flush=True)
        last = answer
        time.sleep(0.05)


{"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:])
