#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A server of HTTP/2 on PORT, clear or TLS with CERT and KEY, that answers /obey/SEED-NUMBER as grammar.response says, by
python3-h2: interim answers, padding, trailers, large header blocks, answers before the request is over, resets, connections that
end within a body. Streams take turns. What it sends follows from the bytes that it received, not from how they came: it reads one
frame at a time, and a PING says how much it may send before the next one."""

import functools
import os
import socket
import socketserver
import ssl

import frames_h2
import grammar
import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import serve

EVER = 1 << 30
TLS = None
if "CERT" in os.environ:
    TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    TLS.load_cert_chain(os.environ["CERT"], os.environ["KEY"])
    TLS.set_alpn_protocols(["h2"])


class Cut(Exception):
    """The connection ends within an answer."""


class Answer:
    """|left|: what is still to be sent of the body, None before the head."""

    def __init__(self, headers):
        fields = dict(headers)
        self.seed, number = map(int, fields[":path"].split("/")[2].split("-"))
        self.plan, self.dice = grammar.response(self.seed, number), grammar.seeded("server", self.seed, number)
        self.bodiless = fields[":method"] == "HEAD" or self.plan.framing == "none"
        self.trailers = not self.bodiless and self.dice.random() < 0.2
        self.size = 0 if self.bodiless else len(self.plan.body)
        self.stops_at = self.dice.randrange(self.size + 1) if self.plan.ending != "none" and self.size else None
        self.due, self.left = self.plan.early, None

    def head(self):
        fields = [(":status", str(self.plan.status)), *self.plan.headers]
        if self.plan.framing == "length" and not self.trailers:
            fields.append(("content-length", str(len(self.plan.body))))
        if self.dice.random() < 0.03:
            fields.append(("x-huge", "h" * self.dice.choice([20000, 60000])))
        return fields


class Obeys(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.settimeout(30)
        self.sock = TLS.wrap_socket(self.request, server_side=True) if TLS else self.request
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.h2.encoder.encode = functools.partial(self.h2.encoder.encode, huffman=False)
        self.answers, self.dice, self.rounds = {}, grammar.seeded("server"), 0
        self.h2.initiate_connection()
        try:
            self.flush()
            self.obey(frames_h2.Frames(self.sock, len(frames_h2.PREFACE)))
        except (Cut, OSError, ValueError, h2.exceptions.ProtocolError):
            pass
        serve.leave(self.sock)
        self.sock.close()

    def obey(self, frames):
        while frame := frames.next():
            self.rounds = self.dice.choice([0, 1, 2])
            for event in self.h2.receive_data(frame):
                self.note(event)
            self.flush()
            self.go_on()
        self.rounds = EVER
        self.go_on()

    def note(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.answers[event.stream_id] = Answer(event.headers)
            if event.stream_id == 1:
                self.dice = grammar.seeded("server", self.answers[1].seed)
        elif isinstance(event, h2.events.DataReceived) and event.flow_controlled_length:
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.answers.pop(event.stream_id, None)
        elif isinstance(event, h2.events.StreamEnded) and event.stream_id in self.answers:
            self.answers[event.stream_id].due = True
        elif isinstance(event, h2.events.PingReceived):
            self.rounds = int(event.ping_data)

    def go_on(self):
        """Pieces of each answer that is due, so many."""
        while self.rounds and any([self.send(number, answer) for number, answer in list(self.answers.items()) if answer.due]):
            self.flush()
            self.rounds -= 1

    def send(self, number, answer):
        if answer.left is None:
            self.send_head(number, answer)
            return True
        padding = answer.dice.choice([None, None, 0, 10, 255])
        window = min(self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size) - (padding or 0) - 1
        size = min(window, max(answer.dice.choice([1, 100, 5000, 16384]), answer.size // 500), len(answer.left))
        if size <= 0:
            return False
        piece, answer.left = answer.left[:size], answer.left[size:]
        if answer.stops_at is not None and answer.size - len(answer.left) >= answer.stops_at:
            self.stop(number, answer)
            return True
        self.h2.send_data(number, bytes(piece), pad_length=padding, end_stream=not answer.left and not answer.trailers)
        if not answer.left:
            self.end(number, answer)
        return True

    def send_head(self, number, answer):
        for status in answer.plan.interim:
            self.h2.send_headers(number, [(":status", str(status)), ("x-interim", "yes")])
        answer.left = memoryview(b"" if answer.bodiless else answer.plan.body)
        self.h2.send_headers(number, answer.head(), end_stream=not answer.left and not answer.trailers)
        if not answer.left:
            self.end(number, answer)

    def end(self, number, answer):
        self.answers.pop(number)
        if answer.trailers:
            self.h2.send_headers(number, [("x-trailer", "yes")], end_stream=True)

    def stop(self, number, answer):
        if answer.plan.ending == "cut":
            self.h2.close_connection()
            self.flush()
            raise Cut
        self.answers.pop(number)
        self.h2.reset_stream(number, answer.dice.choice([h2.errors.ErrorCodes.INTERNAL_ERROR, h2.errors.ErrorCodes.CANCEL]))

    def flush(self):
        for piece in grammar.pieces(self.h2.data_to_send(), self.dice, self.dice.choice(grammar.CUTS)):
            self.sock.sendall(piece)


serve.forever(Obeys)
