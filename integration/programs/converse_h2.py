#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Has conversations in HTTP/2, clear (prior knowledge) or over TLS, and says what came back, by python3-h2. Streams overlap;
windows, padding, priorities, trailers, header blocks of many frames, resets and pings come at random.
Usage and output as of converse.py, without --lengths and --lenient; --no-head: for a server that answers HEAD with a
body, which python3-h2 does not bear. With --orders the bytes that are sent follow from the seed alone, and so do those that come;
"bytes" says of which they are, by hashes."""

import functools
import hashlib
import socket
import ssl
import struct

import frames_h2
import grammar
import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import talks

PATIENCE = 8  # seconds for the next byte
UNHEARD = 1  # the same where no window can be given any more, or while header blocks wait that some servers drop, and all that follows, without a word
ROUNDS = [1, 3, 20, 99999999]  # that obey_h2.py sends at a time
HUGE = [20000, 60000, 100000]  # header fields that take more than a frame


class Stream:
    def __init__(self, request, huge, dice):
        self.request, self.answer, self.left, self.huge = request, None, memoryview(request.body), huge
        self.trailers = bool(request.body) and dice.random() < 0.2
        self.reset_after = dice.choice([0, 1, 4000]) if dice.random() < 0.05 else None  # bytes of the answer


class Talk:
    """One connection."""

    def __init__(self, seed, args, tls):
        self.plan, self.dice = grammar.conversation(seed, args.orders), grammar.seeded("client", seed)
        self.seed, self.asked, self.answers, self.streams = seed, [], [], {}
        self.head, self.silent, self.orders = not args.no_head, False, args.orders
        self.sent, self.received = hashlib.blake2b(digest_size=8), hashlib.blake2b(digest_size=8)
        self.authority, self.scheme = f"{args.host}:{args.port}", "https" if tls else "http"
        self.plain = socket.create_connection((args.host, args.port), PATIENCE)
        self.plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = tls.wrap_socket(self.plain, server_hostname="lab.example") if tls else self.plain
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.frames = frames_h2.Frames(self.sock)
        self.encode = self.h2.encoder.encode

    def run(self):
        waiting = list(self.plan.requests)
        try:
            self.begin()
            while waiting or self.streams:
                while waiting and len(self.streams) < max(self.plan.depth, 3):
                    self.ask(waiting.pop(0))
                if self.plan.leave == "abort" and len(self.answers) > self.plan.patience:
                    break
                self.go_on()
                if not waiting:
                    self.say_last()
                self.take_ordered() if self.orders else self.take()
            if self.plan.leave == "close":
                self.h2.close_connection()
                self.flush()
        except (EOFError, OSError, h2.exceptions.ProtocolError):  # the server has gone, or nothing came for too long
            pass
        if self.plan.leave == "abort":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        return {"seed": self.seed, "leave": self.plan.leave, "asked": self.asked, "answers": self.answers,
                "bytes": [self.sent.hexdigest(), self.received.hexdigest()]}

    def say_last(self):
        """Behind the last body."""
        if self.plan.leave == "half" and self.sock is self.plain and not self.silent and not any(stream.left for stream in self.streams.values()):
            self.plain.shutdown(socket.SHUT_WR)
            self.silent = True

    def begin(self):
        self.h2.initiate_connection()
        window = self.dice.choice([65535, 65535, 1000, 1 << 20])
        self.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window,
                                 h2.settings.SettingCodes.HEADER_TABLE_SIZE: self.dice.choice([4096, 4096, 0, 65536])})
        self.h2.increment_flow_control_window(1 << 20)
        self.flush()

    def ask(self, request):
        stream = self.h2.get_next_available_stream_id()
        if request.method == "HEAD" and not self.head:
            request = request._replace(method="GET")
        headers = [(":method", request.method), (":scheme", self.scheme), (":authority", self.authority), (":path", request.path),
                   *request.headers]
        if request.framing == "length":
            headers.append(("content-length", str(len(request.body))))
        priority = {}
        huge = self.dice.random() < 0.03
        self.h2.encoder.encode = functools.partial(self.encode, huffman=not huge and self.dice.random() < 0.7)
        if huge:
            headers.append(("x-huge", "h" * self.dice.choice(HUGE)))  # python3-h2 lets no such block have a priority
        elif self.dice.random() < 0.2:
            priority = {"priority_weight": self.dice.randint(1, 256), "priority_exclusive": self.dice.random() < 0.3}
        self.asked.append([request.method, request.path])
        self.streams[stream] = Stream(request, huge, self.dice)
        self.h2.send_headers(stream, headers, end_stream=not request.body, **priority)
        if self.dice.random() < 0.1:
            self.h2.ping(b"00000000")
        self.flush()

    def go_on(self):
        """Bodies, a piece of each stream as windows let it."""
        for number, stream in self.streams.items():
            if not stream.left:
                continue
            window = min(self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size)
            padding = self.dice.choice([None, None, 0, 10, 255])
            size = min(window - (padding or 0) - 1, self.dice.choice([1, 100, 5000, 16384]), len(stream.left))
            if size <= 0:
                continue
            piece, stream.left = stream.left[:size], stream.left[size:]
            self.h2.send_data(number, bytes(piece), pad_length=padding, end_stream=not stream.left and not stream.trailers)
            if not stream.left and stream.trailers:
                self.h2.send_headers(number, [("x-trailer", "yes")], end_stream=True)
        self.flush()

    def flush(self):
        if self.silent:
            return
        for piece in grammar.pieces(self.h2.data_to_send(), self.dice, self.plan.cuts):
            self.sent.update(piece)
            self.sock.sendall(piece)

    def take(self):
        """What has come; waits for it where nothing is to be sent."""
        sends = any(stream.left and self.h2.local_flow_control_window(number) > 256 for number, stream in self.streams.items())
        unheard = self.silent or any(stream.huge and not stream.answer for stream in self.streams.values())
        self.sock.settimeout(0.001 if sends else UNHEARD if unheard else PATIENCE)
        try:
            data = self.sock.recv(65536)
        except (TimeoutError, ssl.SSLWantReadError):
            if not sends:
                raise
            return
        finally:
            self.sock.settimeout(PATIENCE)
        if not data:
            raise EOFError
        for event in self.h2.receive_data(data):
            self.note(event)
        self.flush()

    def take_ordered(self):
        """What the server sends until it has read all that was sent: its order is known."""
        ping = b"%08d" % self.dice.choice(ROUNDS)
        if not self.silent:
            self.h2.ping(ping)
            self.flush()
        self.sock.settimeout(UNHEARD if self.silent else PATIENCE)
        heard = False
        while not heard:
            frame = self.frames.next()
            if not frame:
                raise EOFError
            self.received.update(frame)
            events = self.h2.receive_data(frame)
            for event in events:
                self.note(event)
            self.flush()
            heard = self.silent or any(isinstance(event, h2.events.PingAckReceived) and event.ping_data == ping for event in events)

    def note(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        if not stream:
            return
        if isinstance(event, h2.events.ResponseReceived):
            status = int(dict(event.headers)[":status"])
            stream.answer = [stream.request.method, stream.request.path, status, 0, False, None, []]
            self.answers.append(stream.answer)
        elif isinstance(event, h2.events.DataReceived):
            stream.answer[3] += len(event.data)
            if event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            stream.answer[4] = True
            stream.answer[5] = None if stream.left or self.plan.leave == "abort" else len(stream.request.body)
            self.end(event.stream_id, stream)
            return
        elif isinstance(event, h2.events.StreamReset):
            self.streams.pop(event.stream_id)
            return
        if stream.answer and stream.reset_after is not None and stream.answer[3] >= stream.reset_after:
            self.h2.reset_stream(event.stream_id, h2.errors.ErrorCodes.CANCEL)
            self.streams.pop(event.stream_id)

    def end(self, number, stream):
        """A server that answers early may not want the rest."""
        self.streams.pop(number)
        if stream.left:
            self.h2.reset_stream(number, h2.errors.ErrorCodes.NO_ERROR)


talks.main(Talk, "--orders", "--no-head", protocols=["h2"])
