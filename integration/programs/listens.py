# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""usage: listens.py PORT BACKLOG [deferred]: listens for IPv4 and IPv6 and accepts nothing; deferred: what has sent
something (TCP_DEFER_ACCEPT) is accepted, and closed."""

import socket
import sys
import time

port, backlog, deferred = int(sys.argv[1]), int(sys.argv[2]), "deferred" in sys.argv
listener = socket.socket(socket.AF_INET6)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 10 * deferred)
listener.bind(("::", port))
listener.listen(backlog)
while True:
    time.sleep(0 if deferred else 60)
    with listener.accept()[0] as connection:
        connection.recv(16)
