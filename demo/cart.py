#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The cart of the demo's shop: HTTP/1.1; checkout asks payments by gRPC."""

import http.server
import os
import socket

import grpc

payments = grpc.insecure_channel(os.environ["PAYMENTS"]).unary_unary("/shop.Payments/Charge")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def do_GET(self):
        status = self.checkout() if self.path.startswith("/cart/checkout") else 200
        body = b'{"items":[1,2,3]}' if status == 200 else b"{}"
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def checkout(self):
        try:
            payments(b"42", timeout=2)
            return 200
        except grpc.RpcError:
            return 502

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 64


Server(("::", int(os.environ["PORT"])), Handler).serve_forever()
