# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Where connections go, by the server's own word: it says the address that each came to, and holds it until the client
closes. Clients print JSON.
where.py serve PORT
where.py hold ADDRESS PORT COUNT SECONDS     all stay open for SECONDS: {"open": {endpoint: count}, "widest": most minus
                                             least at any time since each had one}
where.py sources ADDRESS PORT COUNT NETWORK  each from an address of its own: {source: endpoint}
where.py count ADDRESS PORT COUNT            one after the other: {endpoint: count}
where.py changes ADDRESS PORT SECONDS        one after the other: {"count": n, "changes": [[monotonic seconds, endpoint], ...]},
                                             an error's name in the place of an endpoint"""

import collections
import errno
import ipaddress
import json
import resource
import select
import socket
import sys
import time


def serve(port):
    listener = socket.create_server(("", int(port)), backlog=4096)
    poll, held = select.epoll(), {}
    poll.register(listener, select.EPOLLIN)
    while True:
        for number, _ in poll.poll():
            if number != listener.fileno():
                held.pop(number).close()
                continue
            sock, _ = listener.accept()
            sock.send(sock.getsockname()[0].encode())
            held[sock.fileno()] = sock
            poll.register(sock, select.EPOLLIN)


def ask(address, port, source=None):
    """(socket, endpoint)"""
    sock = socket.socket()
    sock.settimeout(5)
    if source:
        sock.bind((source, 0))
    sock.connect((address, int(port)))
    return sock, sock.recv(64).decode()


def hold(address, port, count, seconds):
    held, open_now, widest = [], collections.Counter(), 0
    for _ in range(int(count)):
        sock, endpoint = ask(address, port)
        held.append(sock)
        open_now[endpoint] += 1
        widest = max(widest, max(open_now.values()) - min(open_now.values()))
    print(json.dumps({"open": open_now, "widest": widest}), flush=True)
    time.sleep(float(seconds))


def sources(address, port, count, network):
    found, hosts = {}, iter(ipaddress.ip_network(network).hosts())
    for _ in range(int(count)):
        source = str(next(hosts))
        sock, found[source] = ask(address, port, source)
        sock.close()
    print(json.dumps(found))


def count(address, port, number):
    found = collections.Counter()
    for _ in range(int(number)):
        sock, endpoint = ask(address, port)
        sock.close()
        found[endpoint] += 1
    print(json.dumps(found))


def changes(address, port, seconds):
    found, times, end = [], 0, time.monotonic() + float(seconds)
    while time.monotonic() < end:
        began = time.monotonic()
        try:
            sock, endpoint = ask(address, port)
            sock.close()
        except OSError as problem:
            endpoint = errno.errorcode.get(problem.errno, str(problem))
        times += 1
        if times == 1:
            print("begun", flush=True)
        if not found or found[-1][1] != endpoint:
            found.append([began, endpoint])
    print(json.dumps({"count": times, "changes": found}))


resource.setrlimit(resource.RLIMIT_NOFILE, [resource.getrlimit(resource.RLIMIT_NOFILE)[1]] * 2)
{"serve": serve, "hold": hold, "sources": sources, "count": count, "changes": changes}[sys.argv[1]](*sys.argv[2:])
