#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""HTTP/1.1 in forms that RFC 9112 does not have. As a client (ask HOST PORT METHOD PREFIX [--tls]) it sends each of REQUESTS on a
connection of its own, whole and in pieces, then an ordinary request on the same one, and prints what it received: one JSON line
per answer. As a server (serve PORT [CERT KEY]) it answers /NAME with ANSWERS[NAME]."""

import json
import socket
import socketserver
import ssl
import sys

CHUNKED = "Transfer-Encoding: chunked\r\n"
BODY = "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"

# name: what weft calls it, the request line behind the path, fields (one with Host stands before), body
REQUESTS = {
    "plain": ("", " HTTP/1.1\r\n", "Content-Length: 5\r\n\r\n", "hello"),
    "lf_head": ("bare_lf", " HTTP/1.1\n", "Content-Length: 5\n\n", "hello"),
    "lf_last_line": ("bare_lf", " HTTP/1.1\r\n", "Content-Length: 5\r\n\n", "hello"),
    "control": ("control", " HTTP/1.1\r\n", "User-Agent: a\x01b\x7f\r\nContent-Length: 5\r\n\r\n", "hello"),
    "nul": ("control", " HTTP/1.1\r\n", "X-A: a\0b\r\nContent-Length: 5\r\n\r\n", "hello"),
    "high_bytes": ("", " HTTP/1.1\r\n", "X-A: \xe4\xf6\r\nContent-Length: 5\r\n\r\n", "hello"),
    "space_after_version": ("spaces", " HTTP/1.1 \r\n", "Content-Length: 5\r\n\r\n", "hello"),
    "two_spaces": ("spaces", "  HTTP/1.1\r\n", "Content-Length: 5\r\n\r\n", "hello"),
    "minor_version": ("version", " HTTP/1.2\r\n", "Content-Length: 5\r\n\r\n", "hello"),
    "no_colon": ("no_colon", " HTTP/1.1\r\n", "Nothing\r\nContent-Length: 5\r\n\r\n", "hello"),
    "name": ("name", " HTTP/1.1\r\n", "X@(Y): z\r\nContent-Length: 5\r\n\r\n", "hello"),
    "space_before_colon": ("space_in_name", " HTTP/1.1\r\n", "X-A : b\r\nContent-Length: 5\r\n\r\n", "hello"),
    "length_space_colon": ("space_in_name", " HTTP/1.1\r\n", "Content-Length : 5\r\n\r\n", ""),
    "fold": ("obs_fold", " HTTP/1.1\r\n", "X-A: b\r\n c\r\nContent-Length: 5\r\n\r\n", "hello"),
    "cr_in_value": ("bare_cr", " HTTP/1.1\r\n", "X-A: b\rc\r\nContent-Length: 5\r\n\r\n", "hello"),
    "cr_cr_lf": ("bare_cr", " HTTP/1.1\r\n", "X-A: b\r\r\nContent-Length: 5\r\n\r\n", "hello"),
    "length_twice": ("length_twice", " HTTP/1.1\r\n", "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", "hello"),
    "length_differs": ("length_differs", " HTTP/1.1\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", "hello"),
    "length_and_chunked": ("length_and_chunked", " HTTP/1.1\r\n", "Content-Length: 5\r\n" + CHUNKED + "\r\n", BODY),
    "chunked_and_length": ("length_and_chunked", " HTTP/1.1\r\n", CHUNKED + "Content-Length: 5\r\n\r\n", BODY),
    "coding": ("transfer_coding", " HTTP/1.1\r\n", "Transfer-Encoding: xchunked\r\n\r\n", ""),
    "chunk_plain": ("", " HTTP/1.1\r\n", CHUNKED + "\r\n", BODY),
    "chunk_space": ("chunk_space", " HTTP/1.1\r\n", CHUNKED + "\r\n", "5 \r\nhello\r\n6\t\r\n world\r\n0 \r\n\r\n"),
    "chunk_lf": ("chunk_bare_lf", " HTTP/1.1\r\n", CHUNKED + "\r\n", "5\nhello\n6\n world\n0\n\n"),
    "chunk_extension": ("chunk_extension", " HTTP/1.1\r\n", CHUNKED + "\r\n", "5;\x01=\"\r\nhello\r\n6;;\r\n world\r\n0\r\n\r\n"),
    "chunk_cr": ("bare_cr", " HTTP/1.1\r\n", CHUNKED + "\r\n", "5\r\r\nhello\r\n0\r\n\r\n"),
    "chunk_size": ("chunk_size", " HTTP/1.1\r\n", CHUNKED + "\r\n", "0x5\r\nhello\r\n0\r\n\r\n"),
    "lf_and_chunks": ("bare_lf", " HTTP/1.1\n", CHUNKED.replace("\r", "") + "\n", "5 \nhello\n6;a\n world\n0\nX-Late: y\n\n"),
}

OK = "HTTP/1.1 200 OK\r\n"
# name: what weft calls it, the answer
ANSWERS = {
    "plain": ("", OK + "Content-Length: 5\r\n\r\nhello"),
    "lf_head": ("bare_lf", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"),
    "control": ("control", OK + "X-A: a\x01b\x7f\r\nContent-Length: 5\r\n\r\nhello"),
    "no_reason": ("", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello"),
    "no_colon": ("no_colon", OK + "Nothing\r\nContent-Length: 5\r\n\r\nhello"),
    "name": ("name", OK + "X@(Y): z\r\nContent-Length: 5\r\n\r\nhello"),
    "space_before_colon": ("space_in_name", OK + "X-A : b\r\nContent-Length: 5\r\n\r\nhello"),
    "fold": ("obs_fold", OK + "X-A: b\r\n c\r\nContent-Length: 5\r\n\r\nhello"),
    "cr_in_value": ("bare_cr", OK + "X-A: b\rc\r\nContent-Length: 5\r\n\r\nhello"),
    "length_twice": ("length_twice", OK + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    "length_differs": ("length_differs", OK + "Content-Length: 6\r\nContent-Length: 5\r\n\r\nhello"),
    "length_and_chunked": ("length_and_chunked", OK + "Content-Length: 5\r\n" + CHUNKED + "\r\n" + BODY),
    "chunk_plain": ("", OK + CHUNKED + "\r\n" + BODY),
    "chunk_space": ("chunk_space", OK + CHUNKED + "\r\n5 \r\nhello\r\n0 \r\n\r\n"),
    "chunk_lf": ("chunk_bare_lf", OK + CHUNKED + "\r\n5\nhello\n6\n world\n0\n\n"),
    "chunk_extension": ("chunk_extension", OK + CHUNKED + "\r\n5;\x01\r\nhello\r\n0\r\n\r\n"),
    "chunk_size": ("chunk_size", OK + CHUNKED + "\r\n0x5\r\nhello\r\n0\r\n\r\n"),
    "minor_version": ("version", "HTTP/1.2 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    "lf_and_chunks": ("bare_lf", "HTTP/1.1 200 OK\n" + CHUNKED.replace("\r", "") + "\n5 \nhello\n0\nX-Late: y\n\n"),
}


def read_answer(answers):
    """(status, bytes of the body), or None."""
    line = answers.readline().split()
    if len(line) < 2:
        return None
    status, length, chunked = int(line[1]), None, False
    for field in iter(answers.readline, b"\r\n"):
        name, _, value = field.lower().partition(b":")
        length = int(value) if name == b"content-length" else length
        chunked |= name == b"transfer-encoding"
    if status == 100:
        return read_answer(answers)
    if status in (204, 304):
        return status, 0
    if chunked:
        return status, sum(iter(lambda: read_chunk(answers), 0))
    return status, len(answers.read() if length is None else answers.read(length))


def read_chunk(answers):
    size = int(answers.readline(), 16)
    answers.read(size + 2)
    return size


def send(connection, text, size):
    try:
        while text:
            connection.sendall(text[:size])
            text = text[size:]
    except OSError:
        pass  # refused before all of it was sent


def converse(connection, host, method, path, form, pieces):
    """The answers that came, as rows."""
    said, line, fields, body = REQUESTS[form]
    end = "\n" if line.endswith("HTTP/1.1\n") else "\r\n"
    text = f"{method} {path}{line}Host: {host}{end}{fields}{body}".encode("latin-1")
    answers = connection.makefile("rb")
    send(connection, text, 7 if pieces else len(text))
    try:
        answer = read_answer(answers)
    except OSError:  # a reset may have taken it away
        answer = (None, None)
    if not answer:
        return
    yield {"form": said, "method": method, "path": path, "status": answer[0], "bytes": answer[1]}
    try:
        connection.sendall(f"GET {path}-next HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = read_answer(answers)
        if answer:
            yield {"form": "", "method": "GET", "path": f"{path}-next", "status": answer[0], "bytes": answer[1]}
    except (OSError, ValueError):
        return  # it closed: the answer was the last one


def ask(host, port, method, prefix, tls):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for pieces in (False, True):
        for form in REQUESTS:
            connection = socket.create_connection((host, port), 20)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = context.wrap_socket(connection) if tls else connection
            with connection:
                for row in converse(connection, host, method, f"{prefix}{form}{'-cut' * pieces}", form, pieces):
                    print(json.dumps(row), flush=True)


class Answers(socketserver.StreamRequestHandler):
    def handle(self):
        while line := self.rfile.readline():
            for _ in iter(self.rfile.readline, b"\r\n"):
                pass
            self.wfile.write(ANSWERS[line.split()[1].decode().split("/")[1]][1].encode("latin-1"))


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = daemon_threads = True


def serve(port, cert=None, key=None):
    server = Server(("::", port), Answers)
    if cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "ask":
        ask(sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5], "--tls" in sys.argv)
    else:
        serve(int(sys.argv[2]), *sys.argv[3:])
