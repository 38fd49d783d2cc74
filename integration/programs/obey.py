#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A server of HTTP/1.1 on PORT, TLS with CERT and KEY, that answers /obey/SEED-NUMBER as grammar.response says, or with FORGIVEN
as forgiven.answer says: interim
answers, lengths, chunks with extensions and trailers, bodies until close, cut at random, before the request is over, ended
within a body."""

import os
import socket
import socketserver
import ssl
import struct

import forgiven
import grammar
import serve

FORGIVEN = bool(os.environ.get("FORGIVEN"))
TLS = None
if "CERT" in os.environ:
    TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    TLS.load_cert_chain(os.environ["CERT"], os.environ["KEY"])


class Obeys(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    timeout = 30

    def setup(self):
        if TLS:
            self.request = TLS.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self):
        while self.answer():
            pass

    def answer(self):
        """One request; whether another may come."""
        line = self.rfile.readline().split()
        if len(line) != 3:
            return False
        method, path = line[0].decode(), line[1].decode()
        headers = dict(self.read_headers())
        seed, number = map(int, path.split("/")[2].split("-"))
        if FORGIVEN:
            return self.answer_forgiven(seed, number, method, headers)
        plan, dice = grammar.response(seed, number), grammar.seeded("server", seed, number)
        refuses = headers.get("expect") and dice.random() < 0.4
        if headers.get("expect") and not refuses:
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n", dice)
        if not plan.early and not refuses:
            self.read_body(headers)
        for status in plan.interim:
            self.send(grammar.head_of(f"HTTP/1.1 {status} Wait", []), dice)
        close = plan.framing == "close" or refuses
        fields = plan.headers + grammar.framing_header(plan.framing, plan.body) + ([("Connection", "close")] if close else [])
        self.send(grammar.head_of(f"HTTP/1.1 {plan.status} Said", fields), dice)
        if method != "HEAD" and not self.send_body(plan, dice):
            return False
        if plan.early and not close:
            self.read_body(headers)
        return not close

    def answer_forgiven(self, seed, number, method, headers):
        dice = grammar.seeded("server", seed, number)
        _, head, body, _, close = forgiven.answer(seed, number, method)
        if headers.get("expect"):
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n", dice)
        self.read_body(headers)
        self.send(head, dice)
        self.send(body, dice)
        return not close

    def send_body(self, plan, dice):
        """Whether all of it was sent."""
        body = grammar.framed(plan.body, plan.framing, dice)
        if plan.ending == "none":
            self.send(body, dice)
            return True
        self.send(body[:dice.randrange(len(body))], dice)
        if plan.ending == "reset":
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.request.close()
        return False

    def read_headers(self):
        while line := self.rfile.readline().strip():
            name, _, value = line.decode().partition(":")
            yield name.lower(), value.strip()

    def read_body(self, headers):
        self.rfile.read(int(headers.get("content-length", 0)))
        if headers.get("transfer-encoding") != "chunked":
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def send(self, data, dice):
        for piece in grammar.pieces(data, dice, dice.choice(grammar.CUTS)):
            self.request.sendall(piece)

    def finish(self):
        serve.leave(self.request)


serve.forever(Obeys)
