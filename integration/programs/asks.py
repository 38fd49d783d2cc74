# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A client that says when it did what, by its own clock.
usage: asks.py HOW ADDRESS PORT COUNT: as often as COUNT says, each time over a new connection, GET /NUMBER, and
  late     says nothing for 200 ms after it has connected; the answer is read
  fast     the request comes with the SYN (TCP Fast Open); the answer is read
  gives_up closes 300 ms after it has asked, whatever came
       asks.py holds ADDRESS PORT: a server that takes connections and requests, and answers none.
Prints a line of JSON for each: {"port", "least_ms", "most_ms"}: from asked to over, as it is at least and at most."""

import json
import socket
import sys
import time


def connect(how, server, request):
    """(socket, when it may have begun to ask, when it had asked)"""
    sock = socket.socket()
    sock.settimeout(20)
    if how == "fast":
        began = time.monotonic()
        sock.sendto(request, socket.MSG_FASTOPEN, server)
    else:
        sock.connect(server)
        if how == "late":
            time.sleep(0.2)
        began = time.monotonic()
        sock.sendall(request)
    return sock, began, time.monotonic()


def ask(how, server, number):
    sock, began, asked = connect(how, server, f"GET /{number} HTTP/1.1\r\nHost: asks\r\nConnection: close\r\n\r\n".encode())
    port = sock.getsockname()[1]
    if how == "gives_up":
        time.sleep(0.3)
    else:
        while sock.recv(65536):
            pass
    over = time.monotonic()
    sock.close()
    print(json.dumps({"port": port, "least_ms": (over - asked) * 1000, "most_ms": (time.monotonic() - began) * 1000}), flush=True)


def hold(server):
    listener = socket.create_server(server, backlog=128)
    held = []
    while True:
        held.append(listener.accept()[0])


how, server = sys.argv[1], (sys.argv[2], int(sys.argv[3]))
if how == "holds":
    hold(server)
for number in range(int(sys.argv[4])):
    ask(how, server, number)
