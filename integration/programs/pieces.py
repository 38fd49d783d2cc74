# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Says HTTP/1 requests without waiting for answers, in small pieces, and prints the status of each answer.
Usage: pieces.py HOST PORT heads|refused|strange CONNECTIONS SEED
What is strange is no request, and said at once."""

import random
import socket
import sys

OTHERS = "Host: {host}\r\nUser-Agent: pieces\r\n"


def head(line, more=""):
    return f"{line} HTTP/1.1\r\n{OTHERS}{more}\r\n"


HEADS = [("GET", head("GET /ok/1-1")), ("HEAD", head("HEAD /big/1-2")), ("GET", head("GET /empty/1-3")),
         ("GET", head("GET http://{host}/page/1-4")), ("HEAD", head("HEAD /page/1-5")),
         ("POST", head("POST /ok/1-6", "Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\n\r\n"),
         ("GET", head("GET /page/1-7"))]
LAST = ("GET", head("GET /missing/1-8", "Connection: close\r\n"))

REFUSED = ["GET /ok/2 HTTP/9.9\r\n" + OTHERS + "\r\n", "GET /a\1b HTTP/1.1\r\n" + OTHERS + "\r\n", "GET /ok/3 HTTP/1.1 x\r\n\r\n",
           head("GET /ok/4", "Host: b\r\n"), head("POST /ok/5", "Content-Length: x\r\n"), head("GET /ok/6").replace("{host}", "b d"),
           head("GET /" + 9000 * "x"), head("GET /ok/7", f"Cookie: {9000 * 'x'}\r\n")]

STRANGE = [head(f"{method} /ok/9") for method in ("get", "Get", "patch", " GET", "G@T", "x" * 40)]
STRANGE += ["get /ok/9\r\n\r\n", "GARBAGE\r\n\r\n", "GET\r\n\r\n", "\0\1\2\xffbinary\r\n\r\n", "*1\r\n$4\r\nPING\r\n", "AUTH me\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + 9 * "\0"]


def conversation(kind, number, rng):
    if kind == "heads":
        return [*(rng.choice(HEADS) for _ in range(rng.randint(1, 12))), LAST]
    if kind == "strange":
        return [("GET", STRANGE[number % len(STRANGE)])]
    return [("GET", head("GET /ok/1"))] * (number % 3) + [("GET", REFUSED[number % len(REFUSED)])]


def say(connection, text, rng, whole):
    size = len(text)
    while text:
        cut = size if whole else rng.randint(7, 19) if size < 4000 else rng.randint(7, 3000)
        connection.sendall(text[:cut])
        text = text[cut:]


def status_of(answers, method):
    """Reads one answer."""
    status = int(answers.readline().split()[1])
    length = 0
    for line in iter(answers.readline, b"\r\n"):
        name, value = line.split(b":", 1)
        length = int(value) if name.lower() == b"content-length" else length
    if method != "HEAD" and status not in (204, 304):
        assert len(answers.read(length)) == length
    return status


def main(host, port, kind, connections, seed):
    rng = random.Random(seed)
    for number in range(connections):
        spoken = conversation(kind, number, rng)
        with socket.create_connection((host, port), 20) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            say(connection, "".join(text for _, text in spoken).replace("{host}", f"{host}:{port}").encode("latin-1"), rng, kind == "strange")
            answers = connection.makefile("rb")
            for method, _ in spoken:
                print(status_of(answers, method))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
