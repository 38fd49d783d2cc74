# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""proxied_client.py HOST CLEAR_PORT TLS_PORT SEED: connections that begin with a PROXY header of every kind, alone in its packet,
with the request in one packet, and with the first pieces of one that is cut anywhere (servers do not wait for the rest of a
header); then requests, in clear text or over TLS.

Prints the answers as JSON: [path, method, status, bytes, who the server says the client is]."""

import http.client
import json
import random
import socket
import ssl
import struct
import sys
import time

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def binary(command, family, addresses, tlvs=b""):
    return SIGNATURE + bytes([0x20 | command, family]) + struct.pack("!H", len(addresses) + len(tlvs)) + addresses + tlvs


def headers(number, tls):
    """Of the |number|-th client. In front of TLS nginx takes short ones alone."""
    port = 1024 + number
    v4 = socket.inet_aton("192.0.2.%d" % (number % 250)) + socket.inet_aton("198.51.100.2") + struct.pack("!HH", port, 443)
    v6 = socket.inet_pton(socket.AF_INET6, "2001:db8::%x" % number) + socket.inet_pton(socket.AF_INET6, "2001:db8:1::1") + struct.pack("!HH", port, 443)
    tlv = b"\x20" + struct.pack("!H", 40 if tls else 400) + bytes(40 if tls else 400)
    return {"v1": b"PROXY TCP4 192.0.2.%d 198.51.100.2 %d 443\r\n" % (number % 250, port),
            "v1-6": b"PROXY TCP6 2001:db8::%x 2001:db8:1::1 %d 443\r\n" % (number, port),
            "v1-unknown": b"PROXY UNKNOWN\r\n",
            "v2": binary(1, 0x11, v4), "v2-6": binary(1, 0x21, v6), "v2-tlv": binary(1, 0x11, v4, tlv), "v2-local": binary(0, 0, b"")}


def send_in_pieces(peer, data, cuts):
    for start, end in zip([0, *cuts], [*cuts, len(data)]):
        peer.sendall(data[start:end])
        time.sleep(0.002)


def request(method, path):
    body = b"b" * 5000 if method == "POST" else b""
    return f"{method} {path} HTTP/1.1\r\nHost: shop\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def answer(peer, method, path):
    response = http.client.HTTPResponse(peer, method=method)
    response.begin()
    body = response.read()
    return [path, method, response.status, len(body), response.headers["X-Client"]]


def converse(host, port, header, cut, name, dice, context):
    """One connection with three requests; |cut| says how its first bytes are sent."""
    asked = [(method, f"/{kind}/{name}-{method}") for method, kind in (("HEAD", "page"), ("GET", "big"), ("POST", "page"))]
    answers = []
    with socket.create_connection((host, port), 20) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        first = request(*asked[0])
        if context:
            peer.sendall(header)
            peer = context.wrap_socket(peer)
            peer.sendall(first)
        elif cut == "alone":
            send_in_pieces(peer, header + first, [len(header)])
        else:
            data = header + first
            send_in_pieces(peer, data, sorted(dice.sample(range(len(header), len(data)), 5)) if cut == "pieces" else [])
        for number, (method, path) in enumerate(asked):
            if number:
                peer.sendall(request(method, path))
            answers.append(answer(peer, method, path))
        peer.close()
    return answers


def main(host, clear_port, tls_port, seed):
    dice, rows, number = random.Random(int(seed)), [], 0
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for tls in (False, True):
        for cut in ("whole", "alone", "pieces"):
            for kind in headers(0, tls):
                number += 1
                port = int(tls_port if tls else clear_port)
                rows += converse(host, port, headers(number, tls)[kind], cut, f"{'tls' if tls else 'clear'}-{cut}-{kind}", dice, context if tls else None)
    print(json.dumps(rows))


main(*sys.argv[1:])
