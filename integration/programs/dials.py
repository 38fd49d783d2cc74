# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""usage: dials.py ADDRESS PORT COUNT [late | asking]: makes COUNT connections without waiting for them, and keeps them.
late: waits for each, says something on each later, waits for the end of each, and ends. asking: waits for each, and asks for
something on each at once."""

import socket
import sys
import time

address, port, count, how = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), "".join(sys.argv[4:])
dialled = []
for _ in range(count):
    dialled.append(socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET))
    dialled[-1].setblocking(bool(how))
    dialled[-1].connect_ex((address, port))
    if how == "asking":
        dialled[-1].sendall(b"GET /hang HTTP/1.1\r\nHost: lab\r\n\r\n")
    else:
        time.sleep(0.02)
if how != "late":
    time.sleep(120)
for connection in dialled:
    connection.sendall(b"late")
    connection.recv(1)
