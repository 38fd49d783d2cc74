# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Conversations made at random from a grammar: what a client asks on one connection, how it cuts its bytes, how it leaves,
and what a server that takes orders (obey.py) answers. The same seed gives both of them the same conversation."""

import collections
import itertools
import random
import re

METHODS = ["GET"] * 8 + ["HEAD"] * 3 + ["POST"] * 4 + ["PUT", "DELETE", "OPTIONS", "PATCH"]
KINDS = ["ok"] * 6 + ["page"] * 3 + ["missing", "broken", "busy", "moved", "empty", "big"]
SIZES = [0, 0, 1, 2, 12, 100, 1448, 5000, 16384, 70000]
LARGE = [1 << 20] * 20 + [8 << 20] * 3 + [64 << 20]  # bytes of some few bodies
CUTS = ["whole", "large", "small", "baits"]
STATUSES = [200] * 6 + [201, 204, 304, 302, 400, 404, 418, 500, 503]
BAITS = [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nGET /bait HTTP/1.1\r\nHost: x\r\n\r\n0\r\n\r\n",  # bodies that look like heads
         b"HEAD /bait HTTP/1.1\r\nHost: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n", b"HTTP/1.1 101 Up\r\n\r\n\x80\x81\x82\x83\x84\x85"]
BAIT_BEGINS = re.compile(rb"HTTP/1\.1 |GET /bait|HEAD /bait")

# |framing| of a body: none, length, chunked, close (until the connection ends). |expect|: the client waits for 100.
Request = collections.namedtuple("Request", "method path headers body framing expect")
# |early|: it does not wait for the request's body. |ending|: none, cut (it ends within the body), reset (likewise).
Response = collections.namedtuple("Response", "interim status headers body framing early ending")
# |depth|: requests under way at once; |leave|: close, half (closes its direction once all is sent), abort (after |patience|
# answers, with a reset). |malformed|: None, or what comes last and is no request.
Conversation = collections.namedtuple("Conversation", "requests depth cuts leave patience malformed")


def seeded(*numbers):
    return random.Random("-".join(map(str, numbers)))


def body_of(dice, size):
    if size and dice.random() < 0.3:
        bait = dice.choice(BAITS)
        return (bait * (size // len(bait) + 1))[:size]
    return dice.randbytes(size)


def size_of(dice):
    return dice.choice(LARGE if dice.random() < 0.004 else SIZES)


def filler(dice):
    """Headers that mean nothing here."""
    sizes = [1, 10, 40, 200, 1000, 3000]
    return [(f"x-filler-{n}", "".join(dice.choices("abcdefghij 0123456789", k=dice.choice(sizes))).strip() or "x") for n in range(dice.choice([0, 0, 1, 2, 5]))]


def request(seed, number, orders):
    """|orders|: to obey.py, which answers as response() says; else the path says what is wanted."""
    dice = seeded("request", seed, number)
    method = dice.choice(METHODS)
    has_body = method in ("POST", "PUT", "PATCH")
    size = size_of(dice) if has_body else 0
    framing = dice.choice(["length", "chunked"]) if has_body else "none"
    path = f"/{'obey' if orders else dice.choice(KINDS)}/{seed}-{number}"
    return Request(method, path, filler(dice), body_of(dice, size), framing, size > 0 and dice.random() < 0.15)


def response(seed, number):
    dice = seeded("response", seed, number)
    status = dice.choice(STATUSES)
    interim = dice.choice([[], [], [], [103], [102, 103]])
    size = 0 if status in (204, 304) else size_of(dice)
    framing = "none" if status in (204, 304) else dice.choice(["length"] * 4 + ["chunked"] * 3 + ["close"])
    ending = dice.choice(["cut", "reset"]) if size and dice.random() < 0.03 else "none"
    early = size <= 16384 and dice.random() < 0.1  # both ends write then: no more than sockets hold
    return Response(interim, status, filler(dice), body_of(dice, size), framing, early, ending)


def malformed(seed, dice):
    """What servers refuse, most of them."""
    path, host = f"/bad/{seed}-0", "Host: x\r\n"
    line = f"GET {path} HTTP/1.1\r\n"
    return dice.choice([f"GET {path} HTTP/9.9\r\n{host}\r\n", f"GET {path}\1b HTTP/1.1\r\n{host}\r\n", f"GET {path} HTTP/1.1 x\r\n{host}\r\n",
                        f"{line}\r\n", f"{line}{host}{host}\r\n", f"{line}Host: b d\r\n\r\n", f"{line}{host}Content-Length: x\r\n\r\n",
                        f"{line}{host}Transfer-Encoding: xchunked\r\n\r\n", f"GET {path}?q={9000 * 'x'} HTTP/1.1\r\n{host}\r\n",
                        f"{line}{host}Cookie: {9000 * 'x'}\r\n\r\n", f"get {path} HTTP/1.1\r\n{host}\r\n", "\0\1\2 \3 \4\r\n\r\n",
                        f"{path} GET HTTP/1.1\r\n{host}\r\n", f"POST {path} HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\nnone\r\n\r\n"])


def conversation(seed, orders=False):
    dice = seeded("conversation", seed)
    count = dice.choice([1, 1, 2, 3, 5, 8, 12])
    requests = [request(seed, n, orders) for n in range(count)]
    leave = dice.choice(["close"] * 6 + ["half", "abort"])
    bad = malformed(seed, dice).encode() if dice.random() < 0.1 else None
    return Conversation(requests, dice.choice([1, 1, 2, 20]), dice.choice(CUTS), leave, dice.randrange(count + 1), bad)


def pieces(data, dice, cuts):
    """|data| in pieces as they are sent."""
    rest = memoryview(data)
    if cuts == "baits":  # what looks like heads begins a piece
        for begin in itertools.islice(BAIT_BEGINS.finditer(data), 60):
            yield rest[:begin.start() - len(data) + len(rest)]
            rest = memoryview(data)[begin.start():]
        cuts = "whole"
    while rest:
        size = {"whole": len(rest), "large": dice.randint(500, 5000), "small": dice.choice([1, 7, 13, 19, 300])}[cuts]
        size = max(size, len(rest) // 60)
        yield rest[:size]
        rest = rest[size:]


def loosen(head, loose, forms):
    """|head| in a form that servers forgive. The line without a colon is the last one: for some it ends the fields."""
    first, *lines = head.decode().split("\r\n")[:-2]
    minor, spaces = loose.choice("1111111112379"), loose.choice(["", "", " ", "  "])
    odd = [form for form in ("control", "no_colon") if loose.random() < 0.3]
    forms |= {*odd, *["version"] * (minor != "1"), *["spaces"] * bool(spaces)}
    if "control" in odd:
        lines.insert(loose.randint(0, len(lines)), "x-odd: a\x01b\x7f")
    if "no_colon" in odd:
        lines.append("nothing")
    return b"".join(line.encode() + line_end(loose, forms, "bare_lf") for line in (first[:-1] + minor + spaces, *lines, ""))


def line_end(loose, forms=None, form=None):
    """With the dice |loose| at times LF alone, whose |form| is added."""
    if not loose or loose.random() < 0.5:
        return b"\r\n"
    forms.add(form)
    return b"\n"


def chunks(body, dice, loose=None, forms=None):
    """|body| as chunks, some with extensions, some with leading zeros, at the end at times a trailer field. With the dice |loose|
    in |forms| that servers forgive."""
    rest = memoryview(body)
    while rest:
        size = max(dice.choice([1, 5, 300, 4000, len(rest)]), len(rest) // 2000)
        part, rest = rest[:size], rest[size:]
        extension = dice.choice(["", "", "", ";a=b", ';name="x;y"'])
        space = loose.choice(["", " ", "\t"]) if loose else ""
        if space:
            forms.add("chunk_space")
        yield f"{'0' * dice.choice([0, 0, 3])}{len(part):x}{space}{extension}".encode() + line_end(loose, forms, "chunk_bare_lf")
        yield part
        yield line_end(loose, forms, "chunk_bare_lf")
    yield b"0" + line_end(loose, forms, "chunk_bare_lf")
    if dice.random() < 0.3:
        yield b"X-Trailer: yes" + line_end(loose, forms, "bare_lf")
    yield line_end(loose, forms, "bare_lf")


def framed(body, framing, dice, loose=None, forms=None):
    return b"".join(chunks(body, dice, loose, forms)) if framing == "chunked" else body


def head_of(first, headers):
    return (first + "\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n").encode()


def framing_header(framing, body):
    return {"length": [("Content-Length", str(len(body)))], "chunked": [("Transfer-Encoding", "chunked")]}.get(framing, [])
