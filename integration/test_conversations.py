# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Conversations at random (lab/conversations.py), clear and over TLS, of HTTP/1.1 and HTTP/2. Each run has other ones: their seeds
are made from the commit. In the environment CONVERSATIONS is their number in each test, CONVERSATIONS_SEED the first seed,
CONVERSATIONS_PAIRS the names of the pairs, with commas; KEPT are those that once failed."""

import os

from lab import servers
from lab.conversations import FIRST_PORT, Pair, converse, differences, first_seed, talk, talk_again
from lab.servers import PROGRAMS, PYTHON, certificate
from lab.verdict import expect_equal, test

NEEDS = ("ethtool", "nginx", "nghttpd", "node")
SECONDS = 300 + int(os.environ.get("CONVERSATIONS", "0")) // 10
SMALL_RING = ("--ring-bytes", 65536)

# {pair: {seed: what it once showed}}. What a seed means changes with the grammar: unit tests hold what was found.
KEPT = {
    "obey": {80010037: "an answer to what is no request, which the client did not hear, was taken for the next one's (conversations/unheard)",
             80010120: "what it had asked when it left, which the server never saw"},
    "obey_tls": {15799818437: "as 80010037", 15799818406: "as 80010120"},
    "nginx_h2c": {14903443058: "bytes of a request that the server cut were few without a mark (http2_requests_test)"},
    "bad_nginx_h2c": {60001: "what was asked before the client broke the protocol lost its answers (http2_broken_test)",
                      60023: "a byte too many of Huffman's padding hid the request (hpack_test)",
                      60036: "without SETTINGS at the start the connection was opaque (http2_test)",
                      60331: "so it was behind GOAWAY of a stream",
                      60389: "so it was behind a table size between fields (hpack_test)"},
    "node_client": {14903443152: "an empty line before the first answer made the connection opaque (capture_test)"},
}


def obey(tls, program="obey.py", **env):
    def make(place, port):
        keys = dict(zip(("CERT", "KEY"), map(str, certificate(place.sandbox)))) if tls else {}
        return servers.Server(place, "obey", [PYTHON, "-B", PROGRAMS / program], port, tls, {**env, **keys, "PORT": str(port)})
    return make


def nghttpd(tls):
    def make(place, port):
        keys = certificate(place.sandbox)[::-1] if tls else []
        return servers.Server(place, "nghttpd", ["nghttpd", *([] if tls else ["--no-tls"]), "-d", place.sandbox.dir, port, *keys], port, tls)
    return make


def nginx(tls, http2=False):
    return lambda place, port: servers.nginx(place, port, http2=http2, tls=tls)


def node(protocol):
    return lambda place, port: servers.node(place, port, protocol)


def python(tls):
    return lambda place, port: servers.python(place, port, "threads", tls=tls)


def http1_pairs():
    for tls in (False, True):
        end = "_tls" * tls
        yield Pair(f"obey{end}", obey(tls), talk=("--orders", "--lenient"))
        yield Pair(f"nginx{end}", nginx(tls), talk=("--lenient",))
        yield Pair(f"node{end}", node("https" if tls else "http"))
        yield Pair(f"python{end}", python(tls), talk=("--lengths", "--lenient"))


def http2_pairs():
    for tls in (False, True):
        end = "_h2" if tls else "_h2c"
        yield Pair(f"obey{end}", obey(tls, "obey_h2.py"), "converse_h2.py", talk=("--orders",))
        yield Pair(f"nginx{end}", nginx(tls, http2=True), "converse_h2.py")
        yield Pair(f"nghttpd{end}", nghttpd(tls), "converse_h2.py", talk=("--no-head",))
        yield Pair(f"node{end}", node("http2" if tls else "h2c"), "converse_h2.py")


@test("conversations/http1", seconds=SECONDS, needs=NEEDS)
def http1(box):
    talk(box, list(http1_pairs()), 4000)


@test("conversations/http2", seconds=SECONDS, needs=NEEDS)
def http2(box):
    talk(box, list(http2_pairs()), 1500)


def malformed_pairs():
    for tls in (False, True):
        end = "_h2" if tls else "_h2c"
        yield Pair(f"bad_nginx{end}", nginx(tls, http2=True), "converse_bad_h2.py")
        yield Pair(f"bad_nghttpd{end}", nghttpd(tls), "converse_bad_h2.py")
        yield Pair(f"bad_node{end}", node("http2" if tls else "h2c"), "converse_bad_h2.py")


@test("conversations/malformed_http2", seconds=SECONDS, needs=NEEDS)
def malformed_http2(box):
    """Clients that break the rules of HTTP/2 between requests that are right."""
    talk(box, list(malformed_pairs()), 1200)


@test("conversations/small_ring", seconds=SECONDS, needs=NEEDS)
def small_ring(box):
    talk(box, [*http1_pairs(), *http2_pairs()], 1400, options=SMALL_RING)


@test("conversations/cable", seconds=SECONDS, needs=NEEDS)
def cable(box):
    """It loses, doubles and reorders frames."""
    talk(box, [*http1_pairs(), *http2_pairs()], 1400, cable=True)


# ---- answers that clients forgive

def forgiving_pairs():
    clients = {"curl": ("converse_forgiving.py", "--curl"), "http_client": ("converse_forgiving.py", "--python"), "node_client": ("converse_node.py",)}
    for tls in (False, True):
        for name, (program, *talk_as) in clients.items():
            yield Pair(f"{name}{'_tls' * tls}", obey(tls, FORGIVEN="1"), program, talk_as)


@test("conversations/forgiving", seconds=SECONDS, needs=(*NEEDS, "curl"))
def forgiving(box):
    """Answers in forms that curl, Python or Node.js goes on with have the names of these forms."""
    talk(box, list(forgiving_pairs()), 900)


@test("conversations/repeatable", seconds=60)
def repeatable(box):
    """A seed says every byte that a server of HTTP/2 that takes orders gets and sends."""
    place, client = box.namespace("server"), box.namespace("client")
    for number, pair in enumerate(pair for pair in http2_pairs() if "--orders" in pair.talk):
        pair.begin(place, FIRST_PORT + number)
        once, again = ({talk["seed"]: talk for talk in converse(client, [(pair, first_seed(), 150)], 50)[pair]} for _ in range(2))
        expect_equal(again, once, f"conversations of {pair.name} with the same seeds")


@test("conversations/kept", seconds=90, needs=(*NEEDS, "curl"))
def kept(box):
    talk_again(box, [*http1_pairs(), *http2_pairs(), *malformed_pairs(), *forgiving_pairs()], KEPT)


# ---- the comparison itself

def told(seed, asked, answers=()):
    return {"seed": seed, "client": f"198.18.0.2:{seed}", "asked": asked, "answers": [[*answer, 0, True, None, []] for answer in answers]}


def record(seed, status, method="unknown", path="unknown", incomplete=("lost",)):
    return {"client": f"198.18.0.2:{seed}", "status": status, "method": method, "path": path, "flags": [], "incomplete": list(incomplete),
            "request_bytes": 0, "response_bytes": 0}


@test("conversations/unheard", crowd=True)
def unheard(box):
    """A record without its request is one of its own connection: the answer to what is no request, to a client that left, or a difference."""
    left = told(1, [["GET", "/a"], ["PATCH", "/b"]], [["GET", "/a", 204]])
    good = record(1, 204, "GET", "/a", ())
    malformed = told(2, [["GET", "/c"], ["?", "/bad"]], [["GET", "/c", 200]])
    fine = record(2, 200, "GET", "/c", ())
    expect_equal(list(differences([left, malformed], [good, fine, record(2, 304)])), [], "what differs where the answer to no request was not heard")
    for rows, seeds in (([record(1, 418)], [1]), ([record(1, 304), record(2, 304)], [1]), ([record(2, 304)] * 2, [None])):
        expect_equal([seed for seed, _, _ in differences([left, malformed], [good, fine, *rows])], seeds, "seeds that differ")
    refused = {**left, "refused": True}
    expect_equal(list(differences([refused], [good, record(1, 400, incomplete=())])), [], "what differs where a server may have taken requests for a body")
    heard = told(1, [["GET", "/a"], ["PATCH", "/b"]], [["GET", "/a", 204], ["PATCH", "/b", 304]])
    expect_equal([seed for seed, _, _ in differences([heard, malformed], [good, fine, record(1, 304)])], [1, 1], "seeds that differ")
