#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Bytes that break protocols. Usage: garbage.py send KIND ADDRESS PORT | garbage.py swallow PORT"""

import random
import socket
import struct
import sys
import threading

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, HEADERS, RST_STREAM, CONTINUATION = 4, 1, 3, 9
GET = b"\x82\x84\x86\x41\x01x"  # :method GET, :path /, :scheme http, :authority x
numbers = random.Random(7)


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def opening():
    return PREFACE + frame(SETTINGS, 0, 0)


def random_bytes():
    for size in (1, 7, 100, 1400, 60000):
        yield numbers.randbytes(size)


def tls_hello():
    body = b"\x03\x03" + numbers.randbytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    hello = b"\x01" + struct.pack(">I", len(body))[1:] + body
    yield b"\x16\x03\x01" + struct.pack(">H", len(hello)) + hello


def tls_garbage():
    yield from tls_hello()
    for kind in (20, 21, 22, 23, 99):
        yield bytes([kind]) + b"\x03\x03\x40\x00" + numbers.randbytes(0x4000)
    yield b"\x17\x03\x03\xff\xff" + numbers.randbytes(70000)


def http2_garbage():
    yield opening()
    for _ in range(200):
        yield frame(numbers.randrange(20), numbers.randrange(256), numbers.randrange(1 << 31), numbers.randbytes(numbers.randrange(300)))
    yield b"\xff\xff\xff" + numbers.randbytes(5000)


def continuation_flood():
    yield opening() + frame(HEADERS, 0, 1, GET)
    for _ in range(2000):
        yield frame(CONTINUATION, 0, 1, b"\x00\x01a\x7f\x80\x00" + b"b" * 120)


def rapid_reset():
    yield opening()
    for stream in range(1, 20001, 2):
        yield frame(HEADERS, 5, stream, GET) + frame(RST_STREAM, 0, stream, b"\0\0\0\x08")


def open_streams():
    """The slowest input to read, byte by byte: streams that begin, never end and soon exceed every table."""
    yield opening()
    for first in range(1, 2_000_001, 2000):
        yield b"".join(frame(HEADERS, 4, stream, GET) for stream in range(first, first + 2000, 2))


def http1_smuggling():
    yield b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG"
    yield b"GET / HTTP/1.1\nHost: a\n\n"
    yield b"GET /x\0y HTTP/1.1\r\nHost: a\r\n b: folded\r\n\r\n"
    yield b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"


def http1_endless_line():
    yield b"GET /"
    for _ in range(1024):
        yield b"a" * 1024


def bad_hpack():
    yield opening()
    for stream, block in enumerate((b"\x80", b"\xff\xff\xff\xff\xff\xff\xff\xff\x0f", b"\x3f\xff\xff\xff\x7f", b"\x00\x8fabc",
                                    b"\xbe\xbf\xc0")):
        yield frame(HEADERS, 5, 2 * stream + 1, block)


def half_closed():
    yield b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n"


KINDS = {f.__name__: f for f in (tls_hello, tls_garbage, http2_garbage, continuation_flood, rapid_reset, open_streams,
                                 http1_smuggling, http1_endless_line, bad_hpack, half_closed)}
KINDS["random"] = random_bytes


def send(kind, address, port):
    """Some kinds need a connection for each piece, all may be reset by the other side."""
    pieces = list(KINDS[kind]())
    together = kind not in ("random", "http1_smuggling")
    for group in [pieces] if together else [[piece] for piece in pieces]:
        with socket.create_connection((address, port), timeout=10) as connection:
            try:
                for piece in group:
                    connection.sendall(piece)
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(0.3)
                while connection.recv(65536):
                    pass
            except OSError:
                pass


def swallow(port):
    """Reads everything, answers nothing."""
    def drain(connection):
        try:
            while connection.recv(65536):
                pass
        except OSError:
            pass
        connection.close()
    listener = socket.create_server(("0.0.0.0", port))
    while True:
        threading.Thread(target=drain, args=(listener.accept()[0],), daemon=True).start()


if sys.argv[1] == "send":
    send(sys.argv[2], sys.argv[3], int(sys.argv[4]))
else:
    swallow(int(sys.argv[2]))
