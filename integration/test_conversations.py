# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Conversations at random (programs/grammar.py): each answer that the client received is one record, of both reporters, with
its status, path and bytes; nothing else is recorded. CONVERSATIONS is their number in each test, CONVERSATIONS_SEED the first
seed: the same unless told, so that a failure says something of the tree. In the tests called cable_ the cable loses, doubles and
reorders frames, in all with CONVERSATIONS_CABLE=1."""

import collections
import functools
import json
import os

from lab import servers
from lab.processes import wait_for
from lab.sandbox import ip
from lab.servers import PROGRAMS, PYTHON, certificate
from lab.verdict import expect, test
from lab.weftd import Weftd

COUNT = int(os.environ.get("CONVERSATIONS", "160"))  # of each test
FIRST = int(os.environ.get("CONVERSATIONS_SEED", "1"))
CABLE = bool(os.environ.get("CONVERSATIONS_CABLE"))
SECONDS = 120 + COUNT // 10
SHOWN = 20
REPORTERS = ("source", "destination")


# ---- the world

def plain_frames(place):
    """What leaves the interface is what is on the cable: no frame larger than it takes, no checksum left to the card."""
    place.run(["ethtool", "-K", "eth0", "tso", "off", "gso", "off", "gro", "off", "tx", "off"])


def bad_cable(box, client, number):
    """Between the client and the bridge."""
    far = f"{client.role[:8]}{client.number}"
    ip("link", "set", far, "nomaster", netns=box.hub)
    ip("link", "add", "cable", "netns", box.hub, "type", "veth", "peer", "name", "cable-far", "netns", box.hub)
    ip("link", "set", "cable-far", "master", "bridge", "up", netns=box.hub)
    ip("link", "set", "cable", "up", netns=box.hub)
    process = box.start([PYTHON, PROGRAMS / "jumble.py", number, far, "cable"], "jumble", netns=box.hub)
    wait_for(lambda: "ready" in process.output(), 10, "the cable")


def obey(place, port, tls=False):
    env = dict(zip(("CERT", "KEY"), map(str, certificate(place.sandbox)))) if tls else {}
    return servers.Server(place, "obey", [PYTHON, PROGRAMS / "obey.py"], port, tls, {**env, "PORT": str(port)})


def nghttpd(place, port, tls=False):
    keys = certificate(place.sandbox)[::-1] if tls else []
    return servers.Server(place, "nghttpd", ["nghttpd", *([] if tls else ["--no-tls"]), "-d", place.sandbox.dir, port, *keys], port, tls)


def converse(client, server, program, options, first):
    command = [PYTHON, PROGRAMS / program, *["--tls"] * server.tls, *options, server.place.address, server.port, first, COUNT]
    done = client.run(command, seconds=7200)
    return [json.loads(line) for line in done.stdout.splitlines()]


def end_connections(*places, server):
    """A record comes when its connection ends: that of a client that left while the server did not read, with the server."""
    def alive():
        lines = (line for place in places for line in place.run(["ss", "-Htan"]).stdout.splitlines())
        return any(line.split()[0] not in ("LISTEN", "TIME-WAIT") for line in lines)
    try:
        wait_for(lambda: not alive(), 3, "the end of all connections")
    except TimeoutError:
        server.process.stop()


# ---- the comparison

def number_of(path):
    """The seed in a path of ours."""
    return path.split("/")[2].split("-")[0] if path and path.count("/") == 2 else None


def judge_answer(answer, rows):
    """None, or what is wrong with the records |rows| of what the client received."""
    _, _, status, size, whole = answer
    if len(rows) != 1:
        return f"{len(rows)} records"
    row = rows[0]
    if row["status"] != status:
        return f"status {row['status']}"
    if whole and row["response_bytes"] != size and not row["incomplete"]:
        return f"{row['response_bytes']} bytes without a mark"
    return None


def differences(told, rows):
    """Of one reporter's records with what the client tells, as lines."""
    found = collections.defaultdict(list)
    for row in rows:
        found[row["method"], row["path"]].append(row)
    for talk in told:
        answered = {(method, path): [method, path, *rest] for method, path, *rest in talk["answers"]}
        for key in map(tuple, talk["asked"]):
            mine = found.pop(key, [])
            if key in answered:
                wrong = judge_answer(answered[key], mine)
            else:
                wrong = f"{len(mine)} records of what was not answered" if len(mine) > 1 else None
            if wrong:
                yield f"seed {talk['seed']}, {' '.join(key)}: {answered.get(key, ['', '', 'no answer'])[2:]}: {wrong}: {shorten(mine)}"
    for key, mine in found.items():
        yield f"nobody asked for {key}: {shorten(mine)}"


def shorten(rows):
    return [{name: row.get(name) for name in ("status", "request_bytes", "response_bytes", "flags", "incomplete")} for row in rows[:3]]


def compare(box, make_server, program="converse.py", talk=(), options=(), cable=CABLE):
    """|talk|: options of |program|; |options|: of weftd."""
    first = FIRST
    print(f"CONVERSATIONS_SEED={first} CONVERSATIONS={COUNT}", flush=True)
    server = make_server(box.namespace("server"))
    client = box.namespace("client")
    if cable:
        bad_cable(box, client, first)
    plain_frames(client)
    plain_frames(server.place)
    weftd = Weftd(box, *options)
    weftd.start()
    observed = weftd.follow(server.workload)
    told = converse(client, server, program, talk, first)
    end_connections(client, server.place, server=server)
    answers = sum(len(talk["answers"]) for talk in told)
    expect(answers > COUNT, f"{answers} answers prove nothing")
    rows = observed.rows()
    lines = []
    for reporter in REPORTERS:
        lines += [f"{reporter}: {line}" for line in differences(told, [row for row in rows if row["reporter"] == reporter])]
    print(f"{len(told)} conversations, {answers} answers, {len(lines)} differences", *lines, sep="\n", flush=True)
    lost = sum(weftd.lost().values())
    if lines:
        print(weftd.lost(), weftd.records_lost(), *(line for line in weftd.get("/metrics").splitlines() if line.startswith("weft_capture")), sep="\n")
    expect(len(lines) <= lost, "\n".join([f"{len(lines)} differences, {lost} records lost; CONVERSATIONS_SEED={first}", *lines[:SHOWN]]))


# ---- HTTP/1.1

OBEYS = {"talk": ["--orders"]}
CLEAR_PAIRS = {
    "obey": (lambda place: obey(place, 8080), OBEYS),
    "obey_small_ring": (lambda place: obey(place, 8080), {"options": ("--ring-bytes", 65536), **OBEYS}),
    "nginx": (lambda place: servers.nginx(place, 8080), {}),
    "node": (lambda place: servers.node(place, 8080, "http"), {}),
    "python": (lambda place: servers.python(place, 8080, "threads"), {"talk": ["--lengths"]}),
}
for name, (make_server, more) in CLEAR_PAIRS.items():
    test(f"conversations/{name}", seconds=SECONDS, needs=("ethtool",))(functools.partial(compare, make_server=make_server, **more))


@test("conversations/obey_tls", seconds=SECONDS, needs=("ethtool",))
def obey_tls(box):
    compare(box, lambda place: obey(place, 8443, tls=True), talk=["--orders", "--lenient"])


@test("conversations/nginx_tls", seconds=SECONDS, needs=("ethtool", "nginx"))
def nginx_tls(box):
    compare(box, lambda place: servers.nginx(place, 8443, tls=True), talk=["--lenient"])


@test("conversations/node_tls", seconds=SECONDS, needs=("ethtool", "node"))
def node_tls(box):
    compare(box, lambda place: servers.node(place, 8443, "https"))


@test("conversations/python_tls", seconds=SECONDS, needs=("ethtool",))
def python_tls(box):
    compare(box, lambda place: servers.python(place, 8443, "threads", tls=True), talk=["--lengths", "--lenient"])


# ---- HTTP/2

HTTP2 = "converse_h2.py"


@test("conversations/nginx_h2c", seconds=SECONDS, needs=("ethtool", "nginx"))
def nginx_h2c(box):
    compare(box, lambda place: servers.nginx(place, 8080, http2=True), HTTP2)


@test("conversations/nginx_h2", seconds=SECONDS, needs=("ethtool", "nginx"))
def nginx_h2(box):
    compare(box, lambda place: servers.nginx(place, 8443, http2=True, tls=True), HTTP2)


@test("conversations/nghttpd_h2c", seconds=SECONDS, needs=("ethtool", "nghttpd"))
def nghttpd_h2c(box):
    compare(box, lambda place: nghttpd(place, 8080), HTTP2, talk=["--no-head"])


@test("conversations/nghttpd_h2", seconds=SECONDS, needs=("ethtool", "nghttpd"))
def nghttpd_h2(box):
    compare(box, lambda place: nghttpd(place, 8443, tls=True), HTTP2, talk=["--no-head"])


@test("conversations/node_h2c", seconds=SECONDS, needs=("ethtool", "node"))
def node_h2c(box):
    compare(box, lambda place: servers.node(place, 8080, "h2c"), HTTP2)


@test("conversations/node_h2", seconds=SECONDS, needs=("ethtool", "node"))
def node_h2(box):
    compare(box, lambda place: servers.node(place, 8443, "http2"), HTTP2)


# ---- a bad cable

@test("conversations/cable_obey_tls", seconds=SECONDS, needs=("ethtool",))
def cable_obey_tls(box):
    compare(box, lambda place: obey(place, 8443, tls=True), cable=True, **OBEYS)


@test("conversations/cable_nginx_h2c", seconds=SECONDS, needs=("ethtool", "nginx"))
def cable_nginx_h2c(box):
    compare(box, lambda place: servers.nginx(place, 8080, http2=True), HTTP2, cable=True)


@test("conversations/cable_nghttpd_h2", seconds=SECONDS, needs=("ethtool", "nghttpd"))
def cable_nghttpd_h2(box):
    compare(box, lambda place: nghttpd(place, 8443, tls=True), HTTP2, talk=["--no-head"], cable=True)
