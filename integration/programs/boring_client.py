# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A client whose TLS is Android's BoringSSL: boring_client.py ADDRESS PORT. Prints the first line of the answer."""

import ctypes
import glob
import socket
import sys

LIBRARY, = glob.glob("/usr/lib/*/android/libssl.so.0")

ssl = ctypes.CDLL(LIBRARY)
for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
    getattr(ssl, name).restype = ctypes.c_void_p
context = ctypes.c_void_p(ssl.SSL_CTX_new(ctypes.c_void_p(ssl.TLS_client_method())))
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
session = ctypes.c_void_p(ssl.SSL_new(context))
ssl.SSL_set_fd(session, connection.fileno())
if ssl.SSL_connect(session) != 1:
    sys.exit("no handshake")
request = f"GET / HTTP/1.1\r\nHost: {sys.argv[1]}\r\nConnection: close\r\n\r\n".encode()
ssl.SSL_write(session, request, len(request))
answer = ctypes.create_string_buffer(4096)
length = ssl.SSL_read(session, answer, len(answer))
print(answer.raw[:max(length, 0)].split(b"\r\n")[0].decode())
