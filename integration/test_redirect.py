# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Acceleration changes how bytes travel between two local ends and nothing else: same bytes, same counts, same ends."""

import hashlib
import os

from lab import servers
from lab.processes import wait_for
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd

REPORTERS = ("source", "destination")
SIZES = (1, 100, 5000, 100_000, 3_000_000)


def accelerated(box, port):
    """weftd with acceleration for |port|, which the proof on this kernel must not have refused."""
    weftd = Weftd(box, "--accelerate", f":{port}")
    weftd.start()
    said = weftd.command("check").stdout
    expect("all connections use TCP" not in said, said)
    return weftd


def redirected(weftd):
    """(bytes, connections) that went past TCP so far."""
    metrics = weftd.metrics()
    return metrics.total("weft_redirect_bytes_total"), metrics.total("weft_redirect_connections_total")


def hashes(folder):
    """Files of all sizes and their checksums by name."""
    found = {}
    for size in SIZES:
        data = os.urandom(size)
        (folder / f"file-{size}").write_bytes(data)
        found[f"file-{size}"] = hashlib.sha256(data).hexdigest()
    return found


@test("redirect/nginx_curl", needs=("nginx", "curl"))
def nginx_curl(box):
    """Files of nginx arrive at curl with their checksums, over one connection and over many; what curl counts is what
    the metrics say, though TCP saw little of it."""
    server, client = box.namespace("server"), box.namespace("client")
    wanted = hashes(box.dir)
    nginx = servers.nginx(server, 8080, locations=f"location / {{ root {box.dir}; sendfile on; }}")
    weftd = accelerated(box, 8080)
    total = 0
    for turn in range(12):
        for name, checksum in wanted.items():
            done = client.run(["sh", "-c", f"curl -s {nginx.url('/' + name)} | sha256sum"])
            expect_equal(done.stdout.split()[0], checksum, f"{name}, turn {turn}")
            total += int(name.split("-")[1])
    done = client.run(["curl", "-s", *(word for name in wanted for word in (nginx.url("/" + name), "-o", box.dir / f"got-{name}"))])
    for name, checksum in wanted.items():
        expect_equal(hashlib.sha256((box.dir / f"got-{name}").read_bytes()).hexdigest(), checksum, f"{name}, one connection")
    past, connections = redirected(weftd)
    expect(connections >= 50 and past > total / 10, f"{past:.0f} bytes of {connections:.0f} connections went past TCP")


@test("redirect/exact_bytes")
def exact_bytes(box):
    """An echo of known size: sent and received bytes are exact on both reporters, over IPv4 and IPv6."""
    server, client = box.namespace("server"), box.namespace("client")
    program = servers.PROGRAMS / "echo.py"
    server.start(["/usr/bin/python3", program, "serve", 7000], "echo")
    wait_for(lambda: server.listens(7000), 10, "the echo server")
    weftd = accelerated(box, 7000)
    sizes = [1, 64, 1000, 16384, 100_000]
    for address in (server.address, server.address6):
        for _ in range(5):
            client.run(["/usr/bin/python3", program, "ask", address, 7000, 50, *sizes])
    metrics = weftd.settled_metrics("istio_tcp_connections_closed_total")
    wanted = 2 * 5 * 50 * sum(sizes)
    for reporter in REPORTERS:
        for way in ("received", "sent"):
            found = metrics.total(f"istio_tcp_{way}_bytes_total", reporter=reporter, destination_workload=server.workload)
            expect_equal(found, wanted, f"istio_tcp_{way}_bytes_total ({reporter})")
    past, connections = redirected(weftd)
    expect_equal(connections, 1 + 2 * 5 - 1, "connections past TCP (the proof's own; the very first one shows how it is read)")
    expect(past > wanted, f"{past:.0f} bytes went past TCP of {2 * wanted}")
