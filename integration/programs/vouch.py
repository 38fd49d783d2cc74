# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Asks a server by datagrams, as an unprivileged user; then again while a network namespace of this user's own, which has
the address of another machine and leads nowhere, sends from the same address and port. And once it has sent to itself
from the server's address.
Usage: vouch.py SERVER MINE THEIRS   prints a word for each of the three: ok, silence, or the name of the errno
       vouch.py send SERVER MINE THEIRS PORT   is that namespace; says "sent"
"""

import contextlib
import errno
import os
import pathlib
import socket
import subprocess
import sys
import time

USER, PORT, HERE = 65534, 8080, 5555
IP_TRANSPARENT, IPV6_TRANSPARENT, IPV6_FREEBIND = 19, 75, 78


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def ask(sock, server):
    try:
        sock.sendto(b"hello", (server, PORT))
        return "ok" if sock.recv(100) == b"hi" else "closed"
    except TimeoutError:
        return "silence"
    except OSError as problem:
        return errno.errorcode[problem.errno]


def send(server, mine, theirs, port):
    bits = 128 if ":" in theirs else 32
    for command in ("link add eth0 type veth peer name far", "link set far up", "link set eth0 up",
                    f"addr add {theirs}/{bits} dev eth0{' nodad' if bits == 128 else ''}",
                    f"-{6 if bits == 128 else 4} route add default dev eth0"):
        subprocess.run(["ip", *command.split()], check=True)
    sock = socket.socket(family(mine), socket.SOCK_DGRAM)
    sock.setsockopt(*((socket.IPPROTO_IPV6, IPV6_TRANSPARENT) if bits == 128 else (socket.IPPROTO_IP, IP_TRANSPARENT)), 1)
    sock.bind((mine, int(port)))
    while True:
        with contextlib.suppress(OSError):  # the address may not be ready yet
            sock.sendto(b"hello", (server, PORT))
            print("sent", flush=True)
        time.sleep(0.1)


def vouched(program, sock, server, mine, theirs):
    own = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c", program, "send", server, mine, theirs, str(HERE)]
    with subprocess.Popen(own, stdout=subprocess.PIPE) as sender:
        if not sender.stdout.readline():
            sys.exit("the namespace of the user's own does not send")
        word = ask(sock, server)
        sender.kill()
    return word


def forged(sock, server, mine):
    """Over IPv4 no client may."""
    if family(server) == socket.AF_INET6:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as forging:
            forging.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
            forging.bind((server, PORT))
            forging.sendto(b"forged", (mine, HERE))
            if sock.recv(100) != b"forged":
                sys.exit("what was sent to itself did not arrive")
    return ask(sock, server)


def main(arguments):
    if arguments[0] == "send":
        send(*arguments[1:])
    program = pathlib.Path(__file__).read_text()  # which the user may not be able to read
    os.setuid(USER)
    server, mine, theirs = arguments
    with socket.socket(family(server), socket.SOCK_DGRAM) as sock:
        sock.bind(("", HERE))
        sock.settimeout(2)
        print(ask(sock, server), vouched(program, sock, server, mine, theirs), forged(sock, server, mine))


if __name__ == "__main__":
    main(sys.argv[1:])
