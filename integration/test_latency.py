# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""True latency: what weftd says of each request agrees with a capture of the same bytes at the same end, with the handler's
clock and with the client's. Whatever the machine: a time lies between what happened before and what happened after."""

import json
import statistics

from lab import clients, servers
from lab.capture import Capture, exchanges
from lab.processes import AHEAD
from lab.verdict import Failure, expect, expect_equal, test
from lab.weftd import Weftd

SLEEP_MS = 50
RECENT = 1 << 19  # more than two connections make in a second: nothing is overwritten, however slow the reader
DIGITS_MS = 0.001  # of the times in records
# A handler that wakes late because other work has the CPU was not yet awake by its own clock either: it goes first.
FIRST = ("chrt", "--fifo", "10")


def by_port(rows, reporter):
    """{port of the client: [ms of each of its requests, in order]}"""
    found = {}
    for row in sorted((row for row in rows if row["reporter"] == reporter), key=lambda row: row["id"]):
        found.setdefault(int(row["client"].rpartition(":")[2]), []).append(row["duration_ms"])
    return found


def pairs(rows, reporter, packets, is_request):
    """[(ms by weft, ms on the wire)] of each request; of one that is cut off at the end only one may know."""
    said, found = by_port(rows, reporter), []
    for port, times in said.items():
        wire = [(last - first) / 1e6 for first, last in exchanges([p for p in packets if p.port == port], is_request)]
        expect(abs(len(wire) - len(times)) <= 1, f"{len(times)} records of port {port}, {len(wire)} exchanges on the wire")
        found += zip(times, wire)
    return found


def agree(compared, reporter, tight):
    """A hook sees bytes leave before the capture does and arrive after it. So the client's time is never shorter than on the
    wire, the server's never longer; and in at least half of the requests nothing comes between but |tight| of the time."""
    ahead = [said - wire if reporter == "source" else wire - said for said, wire in compared]
    expect(min(ahead) >= -DIGITS_MS, f"{reporter}: {-min(ahead):.3f} ms beyond the capture")
    share = statistics.median(ahead) / statistics.median(wire for _, wire in compared)
    expect(share <= tight, f"{reporter}: half of the requests have {share:.1%} that was not on the wire")
    return f"{reporter}: {len(compared)} requests, {share:.2%} beside the wire"


def tells_errors(compared, reporter, tight):
    """What agree() is worth: the same times, some hundredths off, do not agree."""
    for factor in (0.99 - tight, 1.01 + tight):
        try:
            agree([(said * factor, wire) for said, wire in compared], reporter, tight)
        except Failure:
            continue
        raise Failure(f"{reporter}: times that are wrong by {factor:.2f} would agree as well")


class Witnessed:
    """weftd, who follows the requests to a server, and a capture at each end of them."""

    def __init__(self, box, server, is_request):
        self.server, self.client, self.is_request = server, box.namespace("client"), is_request
        weftd = Weftd(box, recent=RECENT)
        weftd.start()
        self.observed = weftd.follow(server.workload)
        self.captures = {"source": Capture(self.client, server.port, True), "destination": Capture(server.place, server.port, False)}

    def compare(self, tight):
        """Every request at both ends; its records."""
        rows = self.observed.rows()
        for reporter, capture in self.captures.items():
            compared = pairs(rows, reporter, capture.packets(), self.is_request)
            print(agree(compared, reporter, tight))
            tells_errors(compared, reporter, tight)
        at = {reporter: {row["id"]: row["duration_ms"] for row in rows if row["reporter"] == reporter} for reporter in self.captures}
        early = [i for i in at["destination"] if i in at["source"] and at["source"][i] < at["destination"][i]]
        expect(not early, f"{len(early)} requests faster at the client than at the server")
        return rows


def is_http1(head):
    return head.startswith((b"GET ", b"POST ", b"HEAD "))


def is_tls_data(head):
    return head[:1] == b"\x17"


def is_http2(head):
    """One of its frames is HEADERS: |head| begins with a frame, as h2load's packets do."""
    head = head.removeprefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    while len(head) >= 9:
        if head[3] == 1:
            return True
        head = head[9 + int.from_bytes(head[:3], "big"):]
    return False


def sleeper_is_timed(box, server, is_request):
    """A handler that sleeps 50 ms: its own clock stands between the request's arrival and the answer's departure."""
    witnessed = Witnessed(box, server, is_request)
    clients.curl(witnessed.client, server, requests=60)
    log = server.exchanges(60)
    rows = witnessed.compare(tight=0.02)
    for reporter in ("source", "destination"):
        times = {row["path"]: row["duration_ms"] for row in rows if row["reporter"] == reporter}
        expect_equal(len(times), 60, f"records of 60 requests ({reporter})")
        short = [(e.path, times[e.path], e.seconds * 1000) for e in log if times[e.path] < max(SLEEP_MS, e.seconds * 1000) - DIGITS_MS]
        expect(not short, f"{reporter}: shorter than by the handler's clock: {short[:3]}")


@test("latency/sleeper_http1", needs=("curl",))
def sleeper_http1(box):
    sleeper_is_timed(box, servers.python(box.namespace("server"), 8080, "threads", delay_ms=SLEEP_MS, ahead=FIRST), is_http1)


@test("latency/sleeper_tls", needs=("curl",))
def sleeper_tls(box):
    sleeper_is_timed(box, servers.python(box.namespace("server"), 8443, "threads", tls=True, delay_ms=SLEEP_MS, ahead=FIRST), is_tls_data)


def source_ms(rows):
    return sorted(row["duration_ms"] for row in rows if row["reporter"] == "source")


@test("latency/p50_wrk", needs=("nginx", "wrk"))
def p50_agrees_with_wrk(box):
    """Each request agrees with the capture; and wrk, which begins earlier and ends later, has no smaller median."""
    witnessed = Witnessed(box, servers.nginx(box.namespace("server"), 8080), is_http1)
    said = clients.wrk_latency(witnessed.client, witnessed.server, seconds=1)
    times = source_ms(witnessed.compare(tight=0.25))
    found = times[len(times) // 2]
    print(f"p50 is {found} ms, wrk says {said}")
    expect(found <= said * 1.01, f"p50 is {found} ms, wrk says {said} (in two digits)")


@test("latency/mean_h2load", needs=("nginx", "h2load"))
def mean_agrees_with_h2load(box):
    """h2load tells a mean, no median; one request at a time, so that none waits inside h2load."""
    witnessed = Witnessed(box, servers.nginx(box.namespace("server"), 8080, http2=True), is_http2)
    count = clients.h2load(witnessed.client, witnessed.server, clients=1, streams=1, requests=4000, ahead=AHEAD)
    times = source_ms(witnessed.compare(tight=0.25))
    mean = sum(times) / len(times)
    print(f"the mean is {mean:.4f} ms, h2load says {count.mean_ms}")
    expect(mean <= count.mean_ms * 1.01, f"the mean is {mean:.4f} ms, h2load says {count.mean_ms}")


# ---- requests that begin or end as connections do

def witnessed_rows(observed, said, reporter):
    """{port: its record}: one for each of the requests that the client |said|, none without its time."""
    rows = {int(row["client"].rpartition(":")[2]): row for row in observed.rows(2 * len(said)) if row["reporter"] == reporter}
    expect_equal(sorted(rows), sorted(said), f"ports of the requests ({reporter})")
    lacking = [row for row in rows.values() if row["duration_ms"] is None or row["incomplete"]]
    expect(not lacking, f"{reporter}: {len(lacking)} of {len(rows)} records lack something: {lacking[:1]}")
    return rows


def comes_with_the_connection(box, how, **server_options):
    """The request establishes the connection: its time at the server is the time from its arrival on."""
    server = servers.nginx(box.namespace("server"), 8080, **server_options)
    weftd = Weftd(box)
    weftd.start()
    observed = weftd.follow(server.workload)
    said = clients.asks(box.namespace("client"), server, how, 8)
    source, destination = (witnessed_rows(observed, said, reporter) for reporter in ("source", "destination"))
    for port, most_ms in ((port, row["most_ms"]) for port, row in said.items()):
        times = (destination[port]["duration_ms"], source[port]["duration_ms"], most_ms)
        expect(times[0] <= times[1] + DIGITS_MS and times[1] <= times[2] + DIGITS_MS, f"server, client, client's clock: {times} ms")
        expect(destination[port]["first_byte_ms"] <= times[0], f"first byte after the last: {destination[port]}")
    return weftd, said


@test("latency/deferred", needs=("nginx",))
def deferred(box):
    """nginx's `deferred` (TCP_DEFER_ACCEPT), and a client that has nothing to say for 200 ms: no part of the handshake."""
    weftd, said = comes_with_the_connection(box, "late", deferred=True)
    lines = weftd.command("connections", "--last", "all", "-o", "json", "--reporter", "destination").stdout.splitlines()
    shakes = [row["handshake_us"] for row in map(json.loads, lines) if int(row["client"].rpartition(":")[2]) in said]
    expect(len(shakes) >= len(said), f"{len(shakes)} reports of {len(said)} connections")
    expect(all(shake is None or shake < 150000 for shake in shakes), f"handshakes with the client's silence in them: {shakes}")


@test("latency/fast_open", needs=("nginx",))
def fast_open(box):
    for place in (box.namespace("server"), box.namespace("client")):
        place.run(["sysctl", "-qw", "net.ipv4.tcp_fastopen=1543", "net.ipv4.tcp_fastopen_blackhole_timeout_sec=0"])
    comes_with_the_connection(box, "fast")


@test("latency/given_up")
def given_up(box):
    """A client that closes while its server holds its end open: the record lasts until the close, by the client's clock."""
    server = servers.holds(box.namespace("server"), 8080)
    weftd = Weftd(box)
    weftd.start()
    observed = weftd.follow(server.workload)
    said = clients.asks(box.namespace("client"), server, "gives_up", 8)
    rows = {int(row["client"].rpartition(":")[2]): row for row in observed.rows() if row["reporter"] == "source"}
    expect_equal(sorted(rows), sorted(said), "ports of the requests")
    for port, row in rows.items():
        clock = said[port]
        expect(clock["least_ms"] - DIGITS_MS <= row["duration_ms"] <= clock["most_ms"] + DIGITS_MS, f"{row['duration_ms']} ms, {clock}")
        expect_equal((row["flags"], row["incomplete"]), (["DC"], []), "what it says")
