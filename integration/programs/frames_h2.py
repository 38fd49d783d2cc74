# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The frames of HTTP/2 (RFC 9113 4.1, 6), to programs that write or read them one by one."""

import struct

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, PRIORITIZED, ACK = 1, 4, 8, 0x20, 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTING_TABLE, SETTING_PUSH, SETTING_WINDOW, SETTING_FRAME = 1, 2, 4, 5
HEAD_BYTES = 9


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def setting(name, value):
    return struct.pack(">HI", name, value)


class Frames:
    """Those that come from |sock|, behind |first_bytes| of something else."""

    def __init__(self, sock, first_bytes=0):
        self.sock, self.bytes, self.first_bytes = sock, b"", first_bytes

    def wanted(self):
        if self.first_bytes:
            return self.first_bytes
        return HEAD_BYTES + (int.from_bytes(self.bytes[:3]) if len(self.bytes) >= HEAD_BYTES else 0)

    def next(self):
        """The next one, whole, or what comes first; b"": the end."""
        while len(self.bytes) < self.wanted():
            got = self.sock.recv(65536)
            if not got:
                return b""
            self.bytes += got
        size, self.first_bytes = self.wanted(), 0
        taken, self.bytes = self.bytes[:size], self.bytes[size:]
        return taken
