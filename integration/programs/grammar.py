# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Conversations made at random from a grammar: what a client asks on one connection, how it cuts its bytes, how it leaves,
and what a server that takes orders (obey.py) answers. The same seed gives both of them the same conversation."""

import collections
import random

METHODS = ["GET"] * 8 + ["HEAD"] * 3 + ["POST"] * 4 + ["PUT", "DELETE", "OPTIONS", "PATCH"]
KINDS = ["ok"] * 6 + ["page"] * 3 + ["missing", "broken", "busy", "moved", "empty", "big"]
SIZES = [0, 0, 1, 2, 12, 100, 1448, 5000, 16384, 70000]
STATUSES = [200] * 6 + [201, 204, 304, 302, 400, 404, 418, 500, 503]
BAIT = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nGET /bait HTTP/1.1\r\nHost: x\r\n\r\n0\r\n\r\n"  # bodies that look like heads

# |framing| of a body: none, length, chunked, close (until the connection ends). |expect|: the client waits for 100.
Request = collections.namedtuple("Request", "method path headers body framing expect")
Response = collections.namedtuple("Response", "interim status headers body framing")
# |depth|: requests under way at once; |leave|: close, half (closes its direction once all is sent), abort (after |patience|
# answers, with a reset).
Conversation = collections.namedtuple("Conversation", "requests depth cuts leave patience")


def seeded(*numbers):
    return random.Random("-".join(map(str, numbers)))


def body_of(dice, size):
    if size and dice.random() < 0.3:
        return (BAIT * (size // len(BAIT) + 1))[:size]
    return dice.randbytes(size)


def filler(dice):
    """Headers that mean nothing here."""
    sizes = [1, 10, 40, 200, 1000, 3000]
    return [(f"x-filler-{n}", "".join(dice.choices("abcdefghij 0123456789", k=dice.choice(sizes))).strip() or "x") for n in range(dice.choice([0, 0, 1, 2, 5]))]


def request(seed, number, orders):
    """|orders|: to obey.py, which answers as response() says; else the path says what is wanted."""
    dice = seeded("request", seed, number)
    method = dice.choice(METHODS)
    size = dice.choice(SIZES) if method in ("POST", "PUT", "PATCH") else 0
    framing = dice.choice(["length", "chunked"]) if size or method in ("POST", "PUT", "PATCH") else "none"
    path = f"/{'obey' if orders else dice.choice(KINDS)}/{seed}-{number}"
    return Request(method, path, filler(dice), body_of(dice, size), framing, size > 0 and dice.random() < 0.15)


def response(seed, number):
    dice = seeded("response", seed, number)
    status = dice.choice(STATUSES)
    interim = dice.choice([[], [], [], [103], [102, 103]])
    size = 0 if status in (204, 304) else dice.choice(SIZES)
    framing = "none" if status in (204, 304) else dice.choice(["length"] * 4 + ["chunked"] * 3 + ["close"])
    return Response(interim, status, filler(dice), body_of(dice, size), framing)


def conversation(seed, orders=False):
    dice = seeded("conversation", seed)
    count = dice.choice([1, 1, 2, 3, 5, 8, 12])
    requests = [request(seed, n, orders) for n in range(count)]
    leave = dice.choice(["close"] * 6 + ["half", "abort"])
    return Conversation(requests, dice.choice([1, 1, 2, 20]), dice.choice(["whole", "large", "small"]), leave, dice.randrange(count + 1))


def pieces(data, dice, cuts):
    """|data| in pieces as they are sent."""
    while data:
        size = {"whole": len(data), "large": dice.randint(500, 5000), "small": dice.choice([1, 7, 13, 19, 300])}[cuts]
        size = max(size, len(data) // 60)
        yield data[:size]
        data = data[size:]


def loosen(head, loose):
    """|head| in a form that servers forgive. The line without a colon is the last one: for some it ends the fields."""
    first, *lines = head.decode().split("\r\n")[:-2]
    if loose.random() < 0.3:
        first = first[:-1] + loose.choice("12379")
    first += loose.choice(["", "", " ", "  "])
    if loose.random() < 0.3:
        lines.insert(loose.randint(0, len(lines)), "x-odd: a\x01b\x7f")
    if loose.random() < 0.3:
        lines.append("nothing")
    return b"".join(line.encode() + line_end(loose) for line in (first, *lines, ""))


def line_end(loose):
    return loose.choice([b"\n", b"\r\n"]) if loose else b"\r\n"


def chunks(body, dice, loose=None):
    """|body| as chunks, some with extensions, some with leading zeros, at the end at times a trailer field. With the dice |loose|
    in a form that servers forgive."""
    while body:
        size = dice.choice([1, 5, 300, 4000, len(body)])
        part, body = body[:size], body[size:]
        extension = dice.choice(["", "", "", ";a=b", ';name="x;y"'])
        space = loose.choice(["", " ", "\t"]) if loose else ""
        yield f"{'0' * dice.choice([0, 0, 3])}{len(part):x}{space}{extension}".encode() + line_end(loose) + part + line_end(loose)
    yield b"0" + line_end(loose) + dice.choice([b"", b"", b"X-Trailer: yes" + line_end(loose)]) + line_end(loose)


def framed(body, framing, dice, loose=None):
    return b"".join(chunks(body, dice, loose)) if framing == "chunked" else body


def head_of(first, headers):
    return (first + "\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n").encode()


def framing_header(framing, body):
    return {"length": [("Content-Length", str(len(body)))], "chunked": [("Transfer-Encoding", "chunked")]}.get(framing, [])
