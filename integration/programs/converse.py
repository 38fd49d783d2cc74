#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Has conversations with a server of HTTP/1.1, each on a connection of its own, and says what came back, by a parser that
knows nothing of weft.
Usage: converse.py [--tls] [--orders] [--lengths] [--lenient] HOST PORT FIRST COUNT
Seeds FIRST to FIRST + COUNT - 1, eight at once; --orders: to obey.py; --lengths: to a server that knows
no chunks; --lenient: some requests in forms that servers forgive. One line of JSON for each: seed, client (its address), asked ([method, path]
of each request that was begun), answers ([method, path, status, body bytes, whether it came whole, bytes of the request's
body where the server has taken it for certain, else null, names of the forms that it was in]), refused (the server did not want a body: it may take what follows for it). The method of what is no request
is "?"."""

import socket
import ssl
import struct
import time

import grammar
import talks

PATIENCE = 8  # seconds for the next byte


class Cut(Exception):
    """No more comes."""


class Left(Exception):
    """The client has had enough."""


class Answers:
    """The direction from the server."""

    def __init__(self, sock):
        self.sock, self.bytes = sock, b""

    def more(self):
        got = b""
        try:
            got = self.sock.recv(65536)
        except OSError:
            pass
        if not got:
            raise Cut
        self.bytes += got

    def until(self, mark):
        while mark not in self.bytes:
            self.more()
        found, _, self.bytes = self.bytes.partition(mark)
        return found

    def take(self, count):
        while len(self.bytes) < count:
            self.more()
        found, self.bytes = self.bytes[:count], self.bytes[count:]
        return found

    def head(self):
        """(status, {name: value})"""
        first, *lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines)
        return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in fields}

    def body(self, method, status, headers, note):
        """|note|(bytes) as they come."""
        if method == "HEAD" or status in (204, 304):
            return
        if headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int(self.until(b"\r\n").split(b";")[0], 16):
                self.part(size, note)
                self.take(2)
            while self.until(b"\r\n"):
                pass
        elif "content-length" in headers:
            self.part(int(headers["content-length"]), note)
        else:
            self.rest(note)

    def part(self, size, note):
        while size:
            if not self.bytes:
                self.more()
            got, self.bytes = self.bytes[:size], self.bytes[size:]
            size -= len(got)
            note(len(got))

    def rest(self, note):
        try:
            while True:
                note(len(self.bytes))
                self.bytes = b""
                self.more()
        except Cut:
            pass


class Talk:
    """One conversation."""

    def __init__(self, seed, args, tls):
        self.plan, self.dice = grammar.conversation(seed, args.orders), grammar.seeded("client", seed)
        self.seed, self.asked, self.answers, self.refused = seed, [], [], False
        self.forms = {}  # by path
        self.malformed, self.sent = self.plan.malformed, 0
        sock = socket.create_connection((args.host, args.port), PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.plain, self.client = sock, "{}:{}".format(*sock.getsockname())
        self.sock = tls.wrap_socket(sock, server_hostname="lab.example") if tls else sock
        self.stream = Answers(self.sock)
        self.lengths = args.lengths
        self.loose = grammar.seeded("loose", seed) if args.lenient else None
        self.host = f"{args.host}:{args.port}"

    def run(self):
        waiting = list(self.plan.requests)
        under_way = []
        try:
            while waiting or under_way:
                while waiting and len(under_way) < self.plan.depth:
                    under_way.append(waiting.pop(0))
                    self.ask(under_way[-1], bool(under_way[1:]))
                if not waiting:
                    self.say_last(under_way)
                if self.plan.leave == "abort" and len(self.answers) > self.plan.patience:
                    break
                if self.take_answer(under_way.pop(0)):
                    break
        except (Cut, Left, OSError, ValueError, IndexError):  # the server has gone, nothing came for too long, or no answer
            pass
        if self.plan.leave == "abort":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
        return {"seed": self.seed, "client": self.client, "leave": self.plan.leave, "asked": self.asked, "answers": self.answers, "refused": self.refused}

    def say_last(self, under_way):
        """Behind the last request."""
        if self.malformed:
            under_way.append(grammar.Request("?", f"/bad/{self.seed}-0", [], b"", "none", False))
            self.asked.append(list(under_way[-1][:2]))
            self.send(self.malformed)
            self.malformed = None
        if self.plan.leave == "half" and self.sock is self.plain:
            self.plain.shutdown(socket.SHUT_WR)

    def ask(self, request, pipelined):
        """Waits for 100 Continue where nothing else is under way."""
        if request.framing == "chunked" and self.lengths:
            request = request._replace(framing="length")
        headers = [("Host", self.host), *request.headers, *grammar.framing_header(request.framing, request.body)]
        expects = request.expect and not pipelined
        if expects:
            headers.append(("Expect", "100-continue"))
        head = grammar.head_of(f"{request.method} {request.path} HTTP/1.1", headers)
        loose = self.loose if self.loose and self.loose.random() < 0.4 else None
        forms = self.forms[request.path] = set()
        head = grammar.loosen(head, loose, forms) if loose else head
        body = grammar.framed(request.body, request.framing, self.dice, loose, forms)
        self.asked.append([request.method, request.path])
        if not expects:
            self.send(head + body)
            return
        self.send(head)
        if self.continues():
            self.send(body)
        else:
            self.refused = True  # whether the server waits for the body all the same cannot be known

    def continues(self):
        """Whether the server wants the body, which other interim answers do not say: its final answer stays where it is."""
        while True:
            while b"\r\n\r\n" not in self.stream.bytes:
                self.stream.more()
            status = int(self.stream.bytes.split()[1])
            if status >= 200:
                return False
            self.stream.head()
            if status == 100:
                return True

    def send(self, data):
        for piece in grammar.pieces(data, self.dice, self.plan.cuts):
            self.sock.sendall(piece)
            if self.dice.random() < 0.05:
                time.sleep(0.001)

    def take_answer(self, request):
        """Whether it was the last one."""
        status, headers = self.stream.head()
        while status < 200:
            status, headers = self.stream.head()
        answer = [request.method, request.path, status, 0, False, None, sorted(self.forms.get(request.path, ()))]
        if self.answers:
            self.answers[-1][5] = self.sent
        self.answers.append(answer)
        self.sent = len(request.body)

        def note(count):
            answer[3] += count
            if self.plan.leave == "abort" and len(self.answers) > self.plan.patience:
                raise Left
        self.stream.body(request.method, status, headers, note)
        answer[4] = True
        return self.refused or headers.get("connection", "").lower() == "close"


talks.main(Talk, "--orders", "--lengths", "--lenient")
