# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Saturation: what accept queues refuse, by the kernel's own count, and how many requests are open."""

import json

from lab.processes import wait_for
from lab.sandbox import ROOT
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd

PROGRAMS = ROOT / "integration" / "programs"
PYTHON = "/usr/bin/python3"
PORT = 8080


def kernel_counts(place):
    """What the kernel of |place| counted, by its names."""
    lines = [line.split() for line in place.run(["cat", "/proc/net/netstat"]).stdout.splitlines()]
    names, values = next((a[1:], b[1:]) for a, b in zip(lines, lines[1:]) if a[0] == b[0] == "TcpExt:")
    return dict(zip(names, map(int, values)))


def refused(weftd, place):
    return weftd.metrics().total("weft_listen_drops_total", workload=place.workload)


def agree(weftd, place):
    """Waits until weft has counted as much as the kernel."""
    wanted = kernel_counts(place)["ListenOverflows"]
    try:
        wait_for(lambda: refused(weftd, place) == wanted, 10, "refusals")
    except TimeoutError:
        expect_equal(refused(weftd, place), wanted, f"refusals of {place.workload}: {weftd.metrics().rows('weft_listen_drops_total')}")
    return wanted


def edge(weftd, place, reporter="destination"):
    """The row of the client's requests to |place|, as the |reporter| sees it, or {}."""
    rows = map(json.loads, weftd.command("edges", "-o", "json", "--reporter", reporter).stdout.splitlines())
    return next((row for row in rows if row["destination"] == place.workload), {})


def listen(place, name, backlog, *options):
    process = place.start([PYTHON, PROGRAMS / "listens.py", PORT, backlog, *options], name)
    wait_for(lambda: place.listens(PORT), 10, "the listener")
    return process


@test("saturation/overflow")
def overflow(box):
    """A server that accepts nothing: as many refusals as the kernel counts, over IPv4 and IPv6, those before it ended too."""
    server, client = box.namespace("server"), box.namespace("client")
    old = listen(server, "old", 2)
    weftd = Weftd(box)
    weftd.start()
    for number, (process, address) in enumerate(((old, server.address), (None, server.address6))):
        process = process or listen(server, "new", 2)
        before = kernel_counts(server)["ListenOverflows"]
        calls = client.start([PYTHON, PROGRAMS / "dials.py", address, PORT, 12], f"dials-{number}")
        wait_for(lambda: kernel_counts(server)["ListenOverflows"] > before + 9, 20, "refusals")
        wait_for(lambda: edge(weftd, server).get("queue_fill") == 1, 20, f"a full queue: {edge(weftd, server)}")
        process.stop()
        calls.stop()
        wanted = agree(weftd, server)
    wait_for(lambda: edge(weftd, server)["queue_fill"] is None, 10, "a queue that is gone")
    expect_equal(edge(weftd, server)["queue_drops"], wanted, "refusals of the edge")


@test("saturation/no_overflow")
def no_overflow(box):
    """Deferred ACKs and half-open handshakes are no refusals."""
    server, client = box.namespace("server"), box.namespace("client")
    weftd = Weftd(box)
    weftd.start()
    listen(server, "deferred", 100, "deferred")
    client.run([PYTHON, PROGRAMS / "dials.py", server.address, PORT, 12, "late"])
    client.run([PYTHON, PROGRAMS / "half_open.py", server.address, PORT, 30])
    counts = kernel_counts(server)
    expect(counts["TCPDeferAcceptDrop"] >= 12 and not counts["ListenOverflows"], f"the kernel's counts: {counts}")
    wait_for(lambda: edge(weftd, server).get("queue_fill") is not None, 10, "the listener's queue")
    expect_equal((refused(weftd, server), edge(weftd, server)["queue_drops"]), (0, 0), "refusals")


@test("saturation/hanging")
def hanging(box):
    """40 requests that the server never takes are in flight while they hang, and not when they have ended."""
    server, client = box.namespace("server"), box.namespace("client")
    weftd = Weftd(box)
    weftd.start()
    listen(server, "hanging", 100)
    calls = client.start([PYTHON, PROGRAMS / "dials.py", server.address, PORT, 40, "asking"], "asking")
    most = dict.fromkeys(("source", "destination"), 0)

    def all_are(wanted):
        found = {reporter: edge(weftd, server, reporter).get("in_flight") for reporter in most}
        most.update({reporter: max(most[reporter], value or 0) for reporter, value in found.items()})
        return set(found.values()) == {wanted}
    wait_for(lambda: all_are(40), 30, "40 requests in flight")
    calls.stop()
    wait_for(lambda: all_are(0), 30, "requests that have ended")
    expect_equal(most, dict.fromkeys(most, 40), "most requests in flight")
    for reporter in most:
        found = weftd.metrics().total("istio_requests_total", reporter=reporter, destination_workload=server.workload)
        expect_equal(found, 40, f"requests ({reporter})")
