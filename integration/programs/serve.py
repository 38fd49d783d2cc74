# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How servers that take orders serve: on $PORT of every address, a thread for each connection."""

import os
import socket
import socketserver


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass  # clients leave as they like


def leave(sock):
    """What is still under way must not become a reset that takes the answer away."""
    try:
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(2)
        while sock.recv(65536):
            pass
    except (OSError, ValueError):
        pass


def forever(handler):
    """|handler|: a class as socketserver takes it."""
    Server(("::", int(os.environ["PORT"])), handler).serve_forever()
