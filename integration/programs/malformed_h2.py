# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Shapes of HTTP/2 that no client should send (RFC 9113, RFC 7541), each with what servers forgive of it and what they do not:
headers, frames, streams, settings, header blocks. A shape is a function of a Place and gives its bytes."""

import struct

from frames_h2 import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PREFACE, PRIORITIZED, PRIORITY, PUSH_PROMISE,
                       RST_STREAM, SETTING_FRAME, SETTING_PUSH, SETTING_TABLE, SETTING_WINDOW, SETTINGS, WINDOW_UPDATE, frame, setting)

ALONE = END_STREAM | END_HEADERS  # a request in one frame
UNKNOWN_TYPE = 0xBE
SHAPES, BEGINNINGS = [], []  # of what comes between requests, of what comes instead of the first SETTINGS


def shape(function):
    SHAPES.append(function)
    return function


def beginning(function):
    BEGINNINGS.append(function)
    return function


def number(value, prefix, first=0):
    """RFC 7541 5.1"""
    most = (1 << prefix) - 1
    if value < most:
        return bytes([first | value])
    rest, out = value - most, [first | most]
    while rest >= 128:
        out.append(rest % 128 | 128)
        rest //= 128
    return bytes([*out, rest])


def text(value):
    return number(len(value), 7) + value


def field(name, value):
    """A literal that no table keeps."""
    return b"\0" + text(name.encode()) + text(value.encode("latin-1"))


class Place:
    """Where a shape comes in a connection: |path| begins that of each request that it may be, |scheme| and |authority| are those of all,
    |ended| is the number of a stream that is over. |asked|: {number of a stream: path}; |dropped|: streams of which the client wants
    no answer any more."""

    def __init__(self, dice, path, scheme, authority, streams, ended):
        self.dice, self.path, self.streams, self.ended, self.asked, self.dropped = dice, path, streams, ended, {}, []
        self.pseudo = {":method": "GET", ":scheme": scheme, ":authority": authority}

    def stream(self):
        return next(self.streams)

    def block(self, stream, *more, without=(), first=(), **pseudo):
        """|more|: fields behind all pseudo-header fields, |first| before them."""
        path = self.asked.setdefault(stream, pseudo.pop("path", "{}").format(f"{self.path}{stream}"))
        fields = {**self.pseudo, ":path": path, **{f":{name}": value for name, value in pseudo.items()}}
        named = [(name, value) for name, value in fields.items() if name not in without]
        return b"".join(field(*each) for each in [*first, *named, *more])

    def head(self, *more, **how):
        stream = self.stream()
        return frame(HEADERS, ALONE, stream, self.block(stream, *more, **how))

    def upload(self, size, *more, parts=1, method="POST"):
        """A request with |size| bytes in frames of DATA."""
        stream = self.stream()
        body = [frame(DATA, END_STREAM * (n + 1 == parts), stream, b"d" * (size // parts)) for n in range(parts)]
        return frame(HEADERS, END_HEADERS, stream, self.block(stream, *more, method=method)) + b"".join(body)


# ---- fields

NAMES = [("X-Upper", "a"), ("connection", "keep-alive"), ("connection", "close"), ("transfer-encoding", "chunked"), ("te", "gzip"), ("upgrade", "h2c"),
         ("keep-alive", "5"), ("proxy-connection", "x"), ("x sp", "a"), ("x:colon", "a"), ("", "a"), ("x-null", "a\0b"), ("x-line", "a\r\nb: c"),
         ("x-space", " a "), ("content-length", "x"), ("content-length", "-1"), ("content-length", "7"), ("host", "other.example"), ("host", ""),
         (":status", "200"), (":odd", "a"), (":path", "/bait"), (":method", "GET"), (":protocol", "websocket"), ("x-high", "\xe4\xff")]
PSEUDO = [{"method": "get"}, {"method": ""}, {"method": "G T"}, {"method": "GET\0"}, {"path": ""}, {"path": "bad{}"}, {"path": "{} b"}, {"path": "http:{}"}, {"path": "{}\x7f"},
          {"scheme": ""}, {"scheme": "1"}, {"scheme": "ftp"}, {"authority": ""}, {"authority": "a b"}, {"authority": "u:p@x"}, {"method": "CONNECT"}]


@shape
def odd_field(p):
    return p.head(p.dice.choice(NAMES))


@shape
def odd_pseudo(p):
    return p.head(**p.dice.choice(PSEUDO))


@shape
def missing(p):
    return p.head(without=p.dice.choice([[":method"], [":scheme"], [":path"], [":authority"], [":authority", ":path"], [*p.pseudo, ":path"]]))


@shape
def double(p):
    stream, name = p.stream(), p.dice.choice([*p.pseudo, ":path"])
    return frame(HEADERS, ALONE, stream, p.block(stream, first=[(name, p.pseudo.get(name, f"{p.path}{stream}"))]))


@shape
def late_pseudo(p):
    stream = p.stream()
    return frame(HEADERS, ALONE, stream, p.block(stream, (":path", f"{p.path}{stream}"), without=p.dice.choice([[":path"], [*p.pseudo, ":path"]]), first=[("x-first", "a")]))


@shape
def double_length(p):
    return p.upload(6, ("content-length", "6"), ("content-length", p.dice.choice("67")))


@shape
def wrong_length(p):
    return p.upload(12, ("content-length", p.dice.choice(["0", "5", "13", "100000"])), parts=p.dice.choice([1, 2, 3]))


@shape
def length_of_none(p):
    return p.head(("content-length", "5"), method=p.dice.choice(["GET", "POST"]))


@shape
def odd_trailers(p):
    stream = p.stream()
    trailers = p.dice.choice([[("x-trailer", "a")], [(":path", "/bait")], [("X-Upper", "a")], []])
    flags = p.dice.choice([ALONE, END_HEADERS])
    return frame(HEADERS, END_HEADERS, stream, p.block(stream, method="POST")) + frame(HEADERS, flags, stream, b"".join(field(*each) for each in trailers))


# ---- streams

@shape
def wrong_stream(p):
    """A request on one that none can have, or that is over."""
    stream = p.dice.choice([0, 2, p.stream() + 1, p.ended, p.ended])
    return frame(HEADERS, ALONE, stream, p.block(stream))


@shape
def lower_stream(p):
    skipped, stream = p.stream(), p.stream()
    return frame(HEADERS, ALONE, stream, p.block(stream)) + frame(HEADERS, ALONE, skipped, p.block(skipped))


@shape
def data_astray(p):
    return frame(DATA, p.dice.choice([0, END_STREAM]), p.dice.choice([0, 2, 9001, p.ended, p.ended]), b"astray")


@shape
def data_first(p):
    stream = p.stream()
    return frame(DATA, p.dice.choice([0, 0, END_STREAM]), stream, b"first") + frame(HEADERS, ALONE, stream, p.block(stream))


@shape
def data_late(p):
    """Behind the end of its stream."""
    stream = p.stream()
    return frame(HEADERS, ALONE, stream, p.block(stream)) + frame(DATA, p.dice.choice([0, END_STREAM]), stream, b"late")


@shape
def reset_astray(p):
    return frame(RST_STREAM, 0, p.dice.choice([0, 2, 9001, p.ended]), b"\0\0\0\x08")


@shape
def reset_first(p):
    stream = p.stream()
    return frame(RST_STREAM, 0, stream, b"\0\0\0\x08") + frame(HEADERS, ALONE, stream, p.block(stream))


@shape
def reset_often(p):
    stream = p.stream()
    p.dropped.append(stream)
    return frame(HEADERS, END_HEADERS, stream, p.block(stream, method="POST")) + 2 * frame(RST_STREAM, 0, stream, b"\0\0\0\x08") + frame(DATA, END_STREAM, stream, b"late")


@shape
def promise(p):
    return frame(PUSH_PROMISE, END_HEADERS, p.ended, b"\0\0\0\x02" + p.block(2))


# ---- frames

@shape
def bad_padding(p):
    stream, size = p.stream(), p.dice.choice([1, 5, 255])
    if p.dice.random() < 0.5:
        return frame(HEADERS, ALONE | PADDED, stream, p.dice.choice([b"", bytes([size])]))
    return frame(HEADERS, END_HEADERS, stream, p.block(stream, method="POST")) + frame(DATA, PADDED | END_STREAM, stream, p.dice.choice([b"", bytes([size]) + (size - 1) * b"p"]))


@shape
def all_padding(p):
    """Which is fine."""
    stream = p.stream()
    return frame(HEADERS, END_HEADERS, stream, p.block(stream, method="POST")) + frame(DATA, PADDED | END_STREAM, stream, b"\5" + 5 * b"\0")


@shape
def short_priority(p):
    return frame(HEADERS, ALONE | PRIORITIZED, p.stream(), b"\0\0\0")


@shape
def own_priority(p):
    stream = p.stream()
    on = struct.pack(">IB", stream, 7)
    return p.dice.choice([frame(PRIORITY, 0, stream, on), frame(HEADERS, ALONE | PRIORITIZED, stream, on + p.block(stream))])


@shape
def odd_priority(p):
    return frame(PRIORITY, 0, p.dice.choice([0, 2, p.ended, 9001]), p.dice.choice([b"\0\0\0\0\1", b"\0\0\0\0\1", b"\0\0\0\1", b"\0\0\0\0\1\1"]))


@shape
def window(p):
    return frame(WINDOW_UPDATE, 0, p.dice.choice([0, p.ended, p.stream()]), struct.pack(">I", p.dice.choice([0, 0x7fffffff, 0x80000001, 1])))


@shape
def window_of_stream(p):
    stream = p.stream()
    return frame(HEADERS, END_HEADERS, stream, p.block(stream, method="POST")) + frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", p.dice.choice([0, 0x7fffffff]))) + \
        frame(DATA, END_STREAM, stream, b"data")


@shape
def window_short(p):
    return frame(WINDOW_UPDATE, 0, 0, p.dice.choice([b"", b"\0\0\1", b"\0\0\0\1\1"]))


@shape
def odd_setting(p):
    return frame(SETTINGS, 0, 0, setting(*p.dice.choice([(SETTING_PUSH, 2), (SETTING_WINDOW, 1 << 31), (SETTING_FRAME, 0), (SETTING_FRAME, 1 << 24), (SETTING_TABLE, 1 << 31),
                                                         (SETTING_TABLE, 0), (0, 1), (99, 99), (3, 0)])))


@shape
def odd_settings(p):
    one = setting(99, 1)
    return p.dice.choice([frame(SETTINGS, 0, p.ended, one), frame(SETTINGS, 0, 0, one[:5]), frame(SETTINGS, ACK, 0, one), frame(SETTINGS, ACK, 0),
                          frame(SETTINGS, 0xFE, 0, one), frame(SETTINGS, 0, 0, 100 * one), frame(SETTINGS, 0, 0, 3000 * one)])


@shape
def odd_ping(p):
    return p.dice.choice([frame(PING, 0, p.ended, b"12345678"), frame(PING, 0, 0, b"1234567"), frame(PING, ACK, 0, b"12345678"), frame(PING, 0xFE, 0, b"12345678")])


@shape
def odd_goaway(p):
    on, code, debug = p.dice.choice([0, 0, p.ended]), p.dice.choice([0, 1, 0xdead]), p.dice.choice([b"", b"x", 300 * b"x"])
    return frame(GOAWAY, p.dice.choice([0, 0xFF]), on, p.dice.choice([b"\0\0\0", struct.pack(">II", p.dice.choice([0, 7, 0x7fffffff]), code) + debug]))


@shape
def odd_reset(p):
    return frame(RST_STREAM, p.dice.choice([0, 0xFF]), p.ended, p.dice.choice([b"\0\0\0", b"\0\0\0\1\1", b"\xff\xff\xff\xff"]))


@shape
def unknown_type(p):
    return frame(p.dice.choice([10, 12, UNKNOWN_TYPE, 255]), p.dice.choice([0, 0xFF]), p.dice.choice([0, 2, p.ended, 9001]), p.dice.choice([0, 9, 20000]) * b"\xff")


@shape
def unknown_flags(p):
    stream = p.stream()
    return frame(HEADERS, END_HEADERS | 0xD2, stream, p.block(stream, method="POST")) + frame(DATA, END_STREAM | 0xF6, stream, b"data")


@shape
def reserved_bit(p):
    stream, reserved = p.stream(), 1 << 31
    return frame(HEADERS, END_HEADERS, stream | reserved, p.block(stream, method="POST")) + frame(DATA, END_STREAM, stream | reserved, b"data")


@shape
def too_long(p):
    """Frames of more than 16,384 bytes, which some servers allow."""
    stream = p.stream()
    if p.dice.random() < 0.5:
        return frame(HEADERS, ALONE, stream, p.block(stream, *[(f"x-{n}", 1000 * "l") for n in range(17)]))
    return frame(HEADERS, END_HEADERS, stream, p.block(stream, method="POST")) + frame(DATA, END_STREAM, stream, 20000 * b"l")


# ---- header blocks

@shape
def stray_continuation(p):
    stream = p.dice.choice([0, p.stream(), p.ended])
    return frame(CONTINUATION, END_HEADERS, stream, p.block(stream))


@shape
def double_continuation(p):
    stream = p.stream()
    return frame(HEADERS, ALONE, stream, p.block(stream)) + frame(CONTINUATION, END_HEADERS, stream, field("x-more", "a"))


@shape
def interrupted(p):
    stream = p.stream()
    block = p.block(stream)
    between = p.dice.choice([frame(PING, 0, 0, b"12345678"), frame(DATA, 0, stream, b"x"), frame(UNKNOWN_TYPE, 0, stream, b"x"), frame(HEADERS, ALONE, stream + 2, block),
                             frame(SETTINGS, 0, 0), frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1"), frame(CONTINUATION, END_HEADERS, stream + 2, b"")])
    return frame(HEADERS, END_STREAM, stream, block[:20]) + between + frame(CONTINUATION, END_HEADERS, stream, block[20:])


@shape
def tiny_continuations(p):
    """Which is fine, up to what servers bear of it."""
    stream = p.stream()
    block = p.block(stream)
    parts = [frame(CONTINUATION, 0, stream, block[n:n + 1]) for n in range(4, len(block))]
    return frame(HEADERS, END_STREAM, stream, block[:4]) + p.dice.choice([0, 1, 3]) * frame(CONTINUATION, 0, stream) + b"".join(parts) + \
        frame(CONTINUATION, END_HEADERS, stream)


@shape
def bad_index(p):
    stream = p.stream()
    return frame(HEADERS, ALONE, stream, p.block(stream) + p.dice.choice([b"\x80", number(2000, 7, 0x80), number(62 + 4096 // 32, 7, 0x80), number(3000, 6, 0x40) + text(b"v"),
                                                                       number(1 << 40, 7, 0x80), b"\xff" + 12 * b"\x80" + b"\0"]))


@shape
def table_size(p):
    """Above what the server took, or not where it may stand."""
    stream = p.stream()
    update, block = number(p.dice.choice([0, 100, 4096, 4097, 1 << 20, 1 << 40]), 5, 0x20), p.block(stream)
    where = p.dice.choice([0, 0, len(field(":method", "GET")), len(block)])
    return frame(HEADERS, ALONE, stream, block[:where] + update + block[where:])


@shape
def cut_block(p):
    stream = p.stream()
    more = field("x-cut", 20 * "c")
    return frame(HEADERS, ALONE, stream, p.block(stream) + more[:p.dice.randrange(1, len(more))])


HUFFMAN = [b"\x18", b"\x1f\xff", b"\xff\xff\xff\xff", b"\xff\xff\xff\xfc", b"\x00\x00", b"\x1f\xff\xff"]  # padding that is wrong or too long, EOS


@shape
def bad_huffman(p):
    stream, coded = p.stream(), p.dice.choice(HUFFMAN)
    value = number(len(coded), 7, 0x80) + coded
    name = p.dice.choice([b"\0" + text(b"x-huffman"), b"\x0f\x02", b"\x10" + text(b"x-huffman"), b"\x04", b"\0" + value])  # accept-encoding and :path by their indexes
    return frame(HEADERS, ALONE, stream, p.block(stream) + name + value)


# ---- beginnings

@beginning
def no_settings(p):
    return p.head()


@beginning
def odd_start(p):
    return p.dice.choice([frame(SETTINGS, ACK, 0), frame(PING, 0, 0, b"12345678"), frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\1"), frame(UNKNOWN_TYPE, 0, 0, b"x"), frame(SETTINGS, 0, 0, b"12345"),
                          frame(SETTINGS, 0, 0) + PREFACE, b""])
