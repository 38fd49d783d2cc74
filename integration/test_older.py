# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""HTTP/2 connections in clear text that are older than the agent: it joins them at the next frame, whatever the packets look like, and
what it says of them is right or unknown. The servers' own logs are the truth."""

import collections
import json

from lab import servers
from lab.clients import PROGRAMS
from lab.processes import wait_for
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd

REPORTERS = ("source", "destination")
BEFORE, BESIDE = 20, 100  # exchanges that the server has logged


def until_shown(observed, lines):
    """What waits in the agent when it ends is not shown: a machine may be busy. Too few are told by who counts them."""
    try:
        wait_for(lambda: observed.process.output().count("\n") >= lines, 10, f"{lines} records")
    except TimeoutError:
        pass


class Meeting:
    """An agent comes to |client|, which talks to |server| already, and both go on: the records, and which exchanges the server logged
    while the agent was ready (|sure|) or there at all (|all|). The client ends, or the agent, after it has been |asked|."""

    def __init__(self, server, client, weftd, asked=None):
        first = server.lines()
        wait_for(lambda: server.lines() >= first + BEFORE, 20, "exchanges before the agent")
        started = server.lines()
        weftd.start()
        observed = weftd.follow(server.workload)
        wait_for(lambda: "{" in observed.process.output(), 20, "a record")
        ready, shown = server.lines(), observed.process.output().count("\n")
        wait_for(lambda: server.lines() >= ready + BESIDE, 20, "exchanges beside the agent")
        if asked:
            asked()
            left = server.lines()
            until_shown(observed, shown + 2 * (left - ready))
            weftd.stop()
        else:
            client.popen.wait(30)
            left = server.lines()
        last = server.lines()
        rows = observed.rows()
        self.rows = {reporter: [row for row in rows if row["reporter"] == reporter] for reporter in REPORTERS}
        with open(server.access_log) as log:
            logged = [json.loads(line) for line in log]
        self.all, self.sure = logged[started:last], logged[ready:left]

    def expect_true(self, reporter, open_at_most, field="status"):
        """All that began once the agent was ready is there, and nothing else; what is said of it is right or unknown. Returns how
        often each answer was."""
        rows = self.rows[reporter]
        have = collections.Counter(int(row[field]) for row in self.all)
        said = collections.Counter(row.get(field) for row in rows)
        expect(len(self.sure) - open_at_most <= len(rows) <= len(self.all) + open_at_most,
               f"{len(rows)} records of {len(self.sure)} to {len(self.all)} exchanges: {dict(said)} ({reporter})")
        wrong = [row for row in rows if row["flags"] or row["status"] == 0 or (row["status"] is None and not row["incomplete"])]
        expect_equal(wrong[:2], [], f"what is said of answered requests ({len(wrong)} of {len(rows)}, {reporter})")
        more = {answer: count for answer, count in said.items() if answer is not None and count > have[answer]}
        expect_equal(more, {}, f"more answers of a kind than there were ({dict(have)}, {reporter})")
        return said


def joined(box, server, *options, path="/ok/1", ends=False):
    """Four connections that ask forty times a second each, for a minute, or for twelve seconds when the client |ends| before the agent."""
    load = ["h2load", "-c", 4, "-t", 1, "--rps", 40, "-n", 1920 if ends else 9600, *options, server.url(path)]
    client = box.namespace("client").start(load, "h2load")
    meeting = Meeting(server, client, Weftd(box), None if ends else lambda: None)
    for reporter in REPORTERS:
        known = meeting.expect_true(reporter, 8)[200]
        expect(known >= len(meeting.sure) - 8, f"only {known} of {len(meeting.sure)} answers are known ({reporter})")


def body(box, size):
    (box.dir / "body").write_bytes(b"b" * size)
    return box.dir / "body"


@test("exact/older_post", seconds=60, needs=("h2load", "nginx"))
def post(box):
    """HEADERS and DATA in one packet."""
    joined(box, servers.nginx(box.namespace("server"), 8080, http2=True), "-m", 1, "-d", body(box, 200))


@test("exact/older_upload", seconds=60, needs=("h2load", "nginx"))
def upload(box):
    """Bodies of many frames, and WINDOW_UPDATE before the answer."""
    joined(box, servers.nginx(box.namespace("server"), 8080, http2=True), "-m", 1, "-d", body(box, 100000))


@test("exact/older_download", seconds=60, needs=("h2load", "node"))
def download(box):
    """Answers most of which is left out: what is met of them is the middle. Node.js has nghttp2 as its server."""
    joined(box, servers.node(box.namespace("server"), 8080, "h2c"), "-m", 3, path="/big/1", ends=True)


@test("exact/older_streams", seconds=60, needs=("h2load", "nginx", "nghttpx"))
def streams(box):
    """Several streams at a time through a proxy that speaks HTTP/2: frames of many in one packet."""
    joined(box, servers.nghttpx(box.namespace("proxy"), 8081, servers.nginx(box.namespace("server"), 8080)), "-m", 10, path="/page/1")


def call(place, server, *names):
    """Ninety calls a second, for a minute."""
    return place.start(["/usr/bin/python3", PROGRAMS / "grpc_client.py", server.authority, 5400, 1, 90, *names], "grpc")


@test("exact/older_grpc", seconds=60)
def grpc(box):
    """Calls of which nothing names the type any more, seen by two agents in turn."""
    server = servers.grpc(box.namespace("server"), 8080)
    client = call(box.namespace("client"), server)
    weftd = Weftd(box)
    for _ in range(2):
        meeting = Meeting(server, client, weftd, lambda: None)
        for reporter in REPORTERS:
            meeting.expect_true(reporter, 1, "grpc_status")
            with_content = [row for row in meeting.rows[reporter] if row["request_bytes"] and not row["incomplete"] == ["lost"]]
            expect_equal([row for row in with_content if not row["grpc"]][:2], [], f"calls that are not gRPC ({reporter})")


@test("exact/older_grpc_fails", seconds=60)
def grpc_fails(box):
    """All calls fail, by a status that is known to the connection's ends alone: they are not called fine."""
    server = servers.grpc(box.namespace("server"), 8080)
    client = call(box.namespace("client"), server, "Missing")
    weftd = Weftd(box)
    meeting = Meeting(server, client, weftd, lambda: edges_are_unknown(weftd, server))
    told = {row["grpc_status"] for reporter in REPORTERS for row in meeting.rows[reporter]}
    expect_equal(told, {None}, "statuses of calls")


def edges_are_unknown(weftd, server):
    """Where no status is known there is no share of errors, wherever one looks."""
    edges = [edge for edge in map(json.loads, weftd.command("edges", "-o", "json").stdout.splitlines()) if edge["destination"] == server.workload]
    expect(edges, "no edge")
    for edge in edges:
        expect_equal((edge["error_share"], edge["unknown_share"]), (None, 1), "shares of an edge")
    line = next(line for line in weftd.command("edges").stdout.splitlines() if server.workload in line)
    expect_equal(line.split()[4], "-", f"ERRORS of {line}")
    codes = weftd.metrics().by("grpc_response_status", "istio_requests_total", destination_workload=server.workload)
    expect_equal(set(codes), {"unknown"}, "grpc_response_status")
