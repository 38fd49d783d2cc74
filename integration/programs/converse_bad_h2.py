#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Has conversations in HTTP/2 with a client that breaks its rules (malformed_h2.py) between good requests, and says what came back,
by frames that it reads itself. Usage and output as of converse_h2.py, and reset ([method, path] of each stream that the server reset
and did not answer), shapes, ends (how the server ended the connection). The method of what is no good request is "?"."""

import itertools
import os
import socket
import ssl
import struct

import frames_h2 as frames
import grammar
import hpack
import malformed_h2 as bad
import talks

PATIENCE = 8  # seconds for the next byte
SETTLED = 0.3  # the same once the server has read all that it wants to
MOST = 5000  # bytes of a body
ONLY = os.environ.get("CONVERSATIONS_SHAPE")  # a name of one
SHAPES = [shape for shape in bad.SHAPES if ONLY in (None, shape.__name__)]


class Stream:
    def __init__(self, method, path, sent):
        self.method, self.path, self.sent, self.answer, self.over = method, path, sent, None, False
        self.dropped = False


class Talk:
    """One connection."""

    def __init__(self, seed, args, tls):
        self.seed, self.dice = seed, grammar.seeded("bad", seed)
        self.asked, self.answers, self.reset, self.streams, self.shapes = [], [], [], {}, []
        self.authority, self.scheme = f"{args.host}:{args.port}", "https" if tls else "http"
        plain = socket.create_connection((args.host, args.port), PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client = "{}:{}".format(*plain.getsockname())
        self.sock = tls.wrap_socket(plain, server_hostname="lab.example") if tls else plain
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.decoder.max_allowed_table_size = 65536
        self.numbers, self.cuts = itertools.count(1, 2), self.dice.choice(["whole", "whole", "large", "small"])
        self.frames, self.block = frames.Frames(self.sock), b""
        self.pinged, self.refused, self.ends = False, False, "open"
        self.good = (grammar.request(seed, number, False) for number in itertools.count())

    def run(self):
        try:
            self.have()
        except (EOFError, OSError) as error:
            self.ends = f"{self.ends} {type(error).__name__}"
        self.sock.close()
        return {"seed": self.seed, "client": self.client, "asked": self.asked, "answers": self.answers, "reset": self.reset, "shapes": self.shapes, "ends": self.ends}

    def have(self):
        self.begin()
        self.ask_some(1, 3)
        if self.dice.random() < 0.5:
            self.wait()
        for _ in range(self.dice.choice([1, 1, 2])):
            self.say_bad(self.dice.choice(SHAPES))
            self.ask_some(0, 2)
        self.send(frames.frame(frames.PING, 0, 0, b"all read"))
        self.wait(lambda: self.pinged)
        self.wait(strange=True)

    def begin(self):
        self.send(frames.PREFACE, cut=False)
        if self.dice.random() < 0.1:
            self.say_bad(self.dice.choice(bad.BEGINNINGS))
        self.send(frames.frame(frames.SETTINGS, 0, 0, frames.setting(frames.SETTING_WINDOW, 1 << 20)) + frames.frame(frames.WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 24)))

    def say_bad(self, shape):
        path = f"/ok/{self.seed}-bad-{len(self.asked)}-"
        place = bad.Place(self.dice, path, self.scheme, self.authority, self.numbers, self.ended())
        said = shape(place)
        self.shapes.append(shape.__name__)
        for number, path in place.asked.items():
            self.asked.append(["?", path])
            self.streams.setdefault(number, Stream("?", path, None))
        for number in place.dropped:
            self.streams[number].over = self.streams[number].dropped = True
        self.send(said)

    def ended(self):
        """The number of a stream that is over; at the beginning there is none."""
        while self.streams and not any(stream.over for stream in self.streams.values()):
            self.take()
        return next((number for number, stream in self.streams.items() if stream.over), 1)

    def ask_some(self, least, most):
        for _ in range(self.dice.randint(least, most)):
            self.ask(next(self.good))

    def ask(self, request):
        number, body = next(self.numbers), request.body[:MOST]
        headers = [(":method", request.method), (":scheme", self.scheme), (":authority", self.authority), (":path", request.path), *request.headers]
        self.asked.append([request.method, request.path])
        self.streams[number] = Stream(request.method, request.path, len(body))
        flags = frames.END_HEADERS | frames.END_STREAM * (not body)
        block = self.encoder.encode(headers, huffman=self.dice.random() < 0.7)
        self.send(frames.frame(frames.HEADERS, flags, number, block) + (frames.frame(frames.DATA, frames.END_STREAM, number, body) if body else b""))

    def send(self, data, cut=True):
        for piece in grammar.pieces(data, self.dice, self.cuts if cut else "whole"):
            self.sock.sendall(piece)

    # ---- what comes back

    def wait(self, until=lambda: True, strange=False):
        """Until |until| and all good streams are over, |strange|: the others too, of which a server may say nothing."""
        while not until() or not all(stream.over or (stream.method == "?" and not strange) for stream in self.streams.values()):
            self.sock.settimeout(SETTLED if strange or self.refused else PATIENCE)
            self.take()

    def take(self):
        try:
            got = self.frames.next()
        except (TimeoutError, ssl.SSLWantReadError):
            raise EOFError("silent") from None
        if not got:
            self.ends += " closed"
            raise EOFError
        self.take_frame(*struct.unpack(">BBI", got[3:frames.HEAD_BYTES]), got[frames.HEAD_BYTES:])

    def take_frame(self, kind, flags, number, payload):
        stream = self.streams.get(number)
        if kind in (frames.HEADERS, frames.CONTINUATION):
            self.block = payload if kind == frames.HEADERS else self.block + payload
            if flags & frames.END_HEADERS:
                self.take_head(stream, dict(self.decoder.decode(self.block)))
        elif kind == frames.DATA and stream and stream.answer:
            stream.answer[3] += len(payload)
        elif kind == frames.RST_STREAM and stream:
            stream.over = True
            if not stream.answer and not stream.dropped:
                self.reset.append([stream.method, stream.path])
        elif kind == frames.GOAWAY:
            self.ends += f" goaway {int.from_bytes(payload[4:8])}"
            self.refused = any(payload[4:8])
        elif kind == frames.PING and flags & frames.ACK:
            self.pinged |= payload == b"all read"
        elif kind == frames.SETTINGS and not flags & frames.ACK:
            self.send(frames.frame(frames.SETTINGS, frames.ACK, 0), cut=False)
        if stream and kind in (frames.DATA, frames.HEADERS) and flags & frames.END_STREAM:
            stream.over = True
            if stream.answer:
                stream.answer[4:6] = True, stream.sent

    def take_head(self, stream, fields):
        if stream and not stream.answer and not stream.dropped and ":status" in fields and fields[":status"][0] != "1":
            stream.answer = [stream.method, stream.path, int(fields[":status"]), 0, False, None, []]
            self.answers.append(stream.answer)


talks.main(Talk, protocols=["h2"])
