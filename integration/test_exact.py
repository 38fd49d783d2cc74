# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Exact counts: one test per pair of server and client, 20,000 requests each where the client can."""

import collections
import os

from lab import clients, servers, truth
from lab.conversations import bad_cable, plain_frames
from lab.exact import REPORTERS, client_agrees, exact_counts
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd

TLS13 = "TLSv1.3"
TLS12 = "TLSv1.2"


def nginx(**options):
    return lambda place: servers.nginx(place, 8443 if options.get("tls") else 8080, **options)


def node(protocol):
    return lambda place: servers.node(place, 8080, protocol)


def python(kind, tls=False):
    return lambda place: servers.python(place, 8080, kind, tls)


def client(run, **options):
    return lambda place, server: run(place, server, **options)


# ---- nginx, clear text

@test("exact/nginx_http1_wrk", needs=("nginx", "wrk"))
def nginx_http1_wrk(box):
    exact_counts(box, nginx(), client(clients.wrk))


@test("exact/nginx_http1_curl", needs=("nginx", "curl"))
def nginx_http1_curl(box):
    """With GET, POST and HEAD."""
    exact_counts(box, nginx(), client(clients.curl))


@test("exact/nginx_http1_pipelined_pieces", needs=("nginx",))
def nginx_http1_pipelined_pieces(box):
    """HEAD, 204, chunks and absolute URIs in any order, in pieces, nothing waits for an answer."""
    exact_counts(box, nginx(), client(clients.pieces))


@test("exact/nginx_http1_refused", needs=("nginx",))
def nginx_http1_refused(box):
    """Requests that nginx could not parse: each of its answers is a record, and so are those to what came before."""
    server = servers.nginx(box.namespace("server"), 8080)
    weftd = Weftd(box)
    weftd.start()
    observed = weftd.follow(server.workload)
    count = clients.pieces(box.namespace("client"), server, "refused", 48)
    log = server.exchanges(count.answers)
    expect_equal(count.codes, truth.by_status(log), "client's count by status against the server's log")
    records = observed.exchanges(len(REPORTERS) * len(log))
    for reporter in REPORTERS:
        expect_equal(truth.by_status(records[reporter]), truth.by_status(log), f"records by status ({reporter})")
        good = [e for e in log if e.status == 200]
        expect_equal(truth.tally(e for e in records[reporter] if e.status == 200), truth.tally(good), f"answered before ({reporter})")


@test("exact/nginx_http1_strange", needs=("nginx",))
def nginx_http1_strange(box):
    """Connections that begin with what is no request for nginx: each of its answers is a record."""
    server = servers.nginx(box.namespace("server"), 8080)
    weftd = Weftd(box)
    weftd.start()
    observed = weftd.follow(server.workload)
    count = clients.pieces(box.namespace("client"), server, "strange", 26)
    log = server.exchanges(count.answers)
    expect_equal((count.codes, truth.by_status(log)), ({400: 26}, {400: 26}), "client's count by status, the server's log")
    rows = observed.rows(len(REPORTERS) * len(log))
    for reporter in REPORTERS:
        told = [row for row in rows if row["reporter"] == reporter]
        expect_equal(sorted((row["status"], row["response_bytes"]) for row in told), sorted((e.status, e.bytes) for e in log), reporter)
        expect_equal(collections.Counter((row["method"], *row["flags"]) for row in told),
                     {("unknown", "DPE"): 18, ("get",): 2, ("Get",): 2, ("patch",): 2, (15 * "x",): 2}, f"methods and flags ({reporter})")


@test("exact/python_http1_methods", needs=("node",))
def python_http1_methods(box):
    """A method is any token; the longest is cut in its record."""
    server = servers.python(box.namespace("server"), 8080, "asyncio")
    weftd = Weftd(box)
    weftd.start()
    observed = weftd.follow(server.workload)
    count = clients.methods(box.namespace("client"), server, ("patch", "Patch", "m-search", "CustomVerb", "QUERY", 15 * "M", 20 * "M", 60 * "m"))
    log = server.exchanges(count.answers)
    client_agrees(count, log)
    rows = observed.rows(len(REPORTERS) * len(log))
    for reporter in REPORTERS:
        told = [(row["method"], row["status"], row["request_bytes"], row["incomplete"]) for row in rows if row["reporter"] == reporter]
        wanted = [(e.method[:15], e.status, 100000, ["cut"] if len(e.method) > 15 else []) for e in log]
        expect_equal(sorted(told), sorted(wanted), f"method, status, bytes, what is incomplete ({reporter})")


@test("exact/nginx_http1_h2load", needs=("nginx", "h2load"))
def nginx_http1_h2load(box):
    exact_counts(box, nginx(), client(clients.h2load, http1=True))


@test("exact/nginx_h2c_h2load", needs=("nginx", "h2load"))
def nginx_h2c_h2load(box):
    exact_counts(box, nginx(http2=True), client(clients.h2load))


@test("exact/nginx_h2c_nghttp", needs=("nginx", "nghttp"))
def nginx_h2c_nghttp(box):
    exact_counts(box, nginx(http2=True), client(clients.nghttp))


LONG_FIELDS = ("-H", "x-first: " + "f" * 30000, "-H", "x-second: " + "s" * 20000)


def long_fields(box, **options):
    """Header blocks of 50 KB, in clear text and in TLS: no request is missing, and each has its path."""
    exact_counts(box, nginx(http2=True, extra="large_client_header_buffers 8 128k;", **options),
                 client(clients.h2load, requests=1500, clients=5, options=LONG_FIELDS))


@test("exact/nginx_h2c_long_fields", needs=("nginx", "h2load"))
def nginx_h2c_long_fields(box):
    long_fields(box)


@test("exact/nginx_tls_long_fields", needs=("nginx", "h2load"))
def nginx_tls_long_fields(box):
    long_fields(box, tls=True)


@test("exact/nghttpx_upgrade_nghttp", needs=("nghttpx", "nghttp"))
def nghttpx_upgrade_nghttp(box):
    """HTTP/2 by Upgrade from HTTP/1.1; behind nghttpx stands a plain nginx."""
    backend = servers.nginx(box.namespace("backend"), 8080)
    exact_counts(box, lambda place: servers.nghttpx(place, 8080, backend), client(clients.nghttp, options=("-u",)))


@test("exact/nginx_http1_ipv6_curl", needs=("nginx", "curl"))
def nginx_http1_ipv6_curl(box):
    exact_counts(box, nginx(ipv6=True), client(clients.curl))


# ---- nginx, TLS

@test("exact/nginx_tls13_http1_wrk", needs=("nginx", "wrk"))
def nginx_tls13_http1_wrk(box):
    exact_counts(box, nginx(tls=True, versions=TLS13), client(clients.wrk))


@test("exact/nginx_tls12_http1_wrk", needs=("nginx", "wrk"))
def nginx_tls12_http1_wrk(box):
    exact_counts(box, nginx(tls=True, versions=TLS12, key="rsa"), client(clients.wrk))


@test("exact/nginx_tls13_http2_h2load", needs=("nginx", "h2load"))
def nginx_tls13_http2_h2load(box):
    exact_counts(box, nginx(tls=True, http2=True, versions=TLS13), client(clients.h2load))


@test("exact/nginx_tls12_http2_h2load", needs=("nginx", "h2load"))
def nginx_tls12_http2_h2load(box):
    exact_counts(box, nginx(tls=True, http2=True, versions=TLS12), client(clients.h2load))


@test("exact/nginx_tls13_http2_nghttp", needs=("nginx", "nghttp"))
def nginx_tls13_http2_nghttp(box):
    exact_counts(box, nginx(tls=True, http2=True, versions=TLS13, key="rsa"), client(clients.nghttp))


@test("exact/nginx_tls12_http1_curl", needs=("nginx", "curl"))
def nginx_tls12_http1_curl(box):
    exact_counts(box, nginx(tls=True), client(clients.curl, options=("tls-max = 1.2",)))


@test("exact/nginx_tls13_http2_curl", needs=("nginx", "curl"))
def nginx_tls13_http2_curl(box):
    exact_counts(box, nginx(tls=True, http2=True), client(clients.curl, options=("http2",)))


@test("exact/nginx_tls_chacha20_h2load", needs=("nginx", "h2load"))
def nginx_tls_chacha20_h2load(box):
    extra = "\n\t\tssl_conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256;"
    exact_counts(box, nginx(tls=True, http2=True, versions=TLS13, extra=extra), client(clients.h2load))


@test("exact/nginx_tls13_http1_java", needs=("nginx", "javac"), seconds=120)
def nginx_tls13_http1_java(box):
    """The client's TLS is Java's own: the server's end alone must do."""
    exact_counts(box, nginx(tls=True), client(clients.java, version=1))


@test("exact/nginx_tls13_http2_java", needs=("nginx", "javac"), seconds=120)
def nginx_tls13_http2_java(box):
    exact_counts(box, nginx(tls=True, http2=True), client(clients.java, version=2))


# ---- Node.js

@test("exact/node_http_wrk", needs=("node", "wrk"))
def node_http_wrk(box):
    exact_counts(box, node("http"), client(clients.wrk))


@test("exact/node_https_wrk", needs=("node", "wrk"))
def node_https_wrk(box):
    exact_counts(box, node("https"), client(clients.wrk))


@test("exact/node_http2_h2load", needs=("node", "h2load"))
def node_http2_h2load(box):
    exact_counts(box, node("http2"), client(clients.h2load))


@test("exact/node_h2c_nghttp", needs=("node", "nghttp"))
def node_h2c_nghttp(box):
    exact_counts(box, node("h2c"), client(clients.nghttp))


# ---- Python (slow servers: fewer requests)

@test("exact/python_http_curl", needs=("curl",))
def python_http_curl(box):
    exact_counts(box, python("threads"), client(clients.curl, requests=6000))


@test("exact/python_https_curl", needs=("curl",))
def python_https_curl(box):
    exact_counts(box, python("threads", tls=True), client(clients.curl, requests=6000))


@test("exact/python_asyncio_tls_curl", needs=("curl",))
def python_asyncio_tls_curl(box):
    exact_counts(box, python("asyncio", tls=True), client(clients.curl, requests=6000))


# ---- gRPC

@test("exact/grpc_python", seconds=90)
def grpc_python(box):
    """The gRPC status, not the HTTP status, tells how a call ended."""
    server = servers.grpc(box.namespace("server"), 8080)
    weftd = Weftd(box)
    weftd.start()
    observed = weftd.follow(server.workload)
    counted = clients.grpc(box.namespace("client"), server)
    log = server.exchanges(5000)
    metrics = weftd.settled_metrics(wanted=2 * len(log))
    expect_equal(weftd.lost(), {}, "lost events")
    wanted = {}
    for per_status in counted.values():
        for status, number in per_status.items():
            wanted[status] = wanted.get(status, 0) + number
    records = observed.exchanges(2 * len(log))
    for reporter in REPORTERS:
        found = metrics.by("grpc_response_status", "istio_requests_total", reporter=reporter, request_protocol="grpc",
                           destination_workload=server.workload)
        expect_equal(found, wanted, f"calls by grpc_response_status ({reporter})")
        expect_equal(len(records[reporter]), len(log), f"records in weft observe ({reporter})")
        found = metrics.total("istio_response_bytes_sum", reporter=reporter, destination_workload=server.workload)
        expect_equal(found, sum(e.bytes for e in log), f"istio_response_bytes_sum ({reporter})")


@test("exact/grpc_long_messages", seconds=90)
def grpc_long_messages(box):
    """Messages whose content is left out are counted all the same, or it is said that some are not."""
    server = servers.grpc(box.namespace("server"), 8080)
    weftd = Weftd(box)
    weftd.start()
    observed = weftd.follow(server.workload)
    place = box.namespace("client")
    for size in (600, 5000, 100000):
        place.run([servers.PYTHON, servers.PROGRAMS / "grpc_client.py", server.authority, 200, 2], env=dict(os.environ, MESSAGE_BYTES=str(size)))
    wanted = {"/lab.Echo/Ok": (1, 1), "/lab.Echo/Missing": (1, 0), "/lab.Echo/Stream": (1, 10)}
    rows = observed.rows(1200)
    expect_equal(len(rows), 2 * server.lines(), "records")
    other = [row for row in rows if (row["request_messages"], row["response_messages"]) != wanted[row["path"]]]
    expect_equal([row for row in other if row["incomplete"] != ["body"]][:2], [], "calls with other messages")
    expect_equal({row["path"] for row in other} - {"/lab.Echo/Stream"}, set(), "of which several messages may be in a frame")


@test("exact/principals_that_certificates_prove", needs=("nginx", "curl"))
def principals(box):
    """Mutual TLS, TLS of the server alone, and clear text: a client with a certificate is named, no other."""
    place, who = box.namespace("client"), "spiffe://lab.example/ns/test/sa/server"
    both = servers.nginx(box.namespace("both"), 8443, tls=True, locations="ssl_verify_client optional_no_ca; location / { return 200 x; }")
    clear = servers.nginx(box.namespace("clear"), 8080, locations="location / { return 200 x; }")
    weftd = Weftd(box)
    weftd.start()
    cert, key = servers.certificate(box)
    for number, options in ((7, ["--cert", cert, "--key", key]), (5, [])):
        for _ in range(number):
            place.run(["curl", "-sk", *options, both.url("/")])
    for _ in range(3):
        place.run(["curl", "-s", clear.url("/")])
    metrics = weftd.settled_metrics(wanted=30)
    wanted = {(both, who, who, "mutual_tls"): 7, (both, "unknown", who, "none"): 5, (clear, "unknown", "unknown", "none"): 3}
    for (server, source, destination, policy), number in wanted.items():
        for reporter in REPORTERS:
            found = metrics.total("istio_requests_total", reporter=reporter, destination_workload=server.workload, source_principal=source,
                                  destination_principal=destination, connection_security_policy=policy if reporter == "destination" else "unknown")
            expect_equal(found, number, f"requests of {source} to {destination} ({reporter})")


# ---- requests in the SYN

def fast_open(box, cable=None):
    """TCP Fast Open (RFC 7413), without cookies: from the first connection on the request comes with the SYN. With a bad |cable|
    nginx answers, and often closes, before the handshake is done, and packets come in another order."""
    def make_server(place):
        for end in (place, box.namespace("client")):
            end.run(["sysctl", "-qw", "net.ipv4.tcp_fastopen=1543", "net.ipv4.tcp_fastopen_blackhole_timeout_sec=0"])
            if cable:
                plain_frames(end)
        if cable:
            bad_cable(box, box.namespace("client"), cable)
        return servers.nginx(place, 8080)

    def run_client(place, server):
        paths = [f"/{kind}/{n}" for kind in ("ok", "missing", "page", "big") for n in range(30)]
        each = 'for url; do curl -s --tcp-fastopen -o /dev/null -w "%{http_code}\\n" "$url"; done'
        done = place.run(["sh", "-c", each, "sh", *map(server.url, paths)])
        taken = int(place.run(["nstat", "-asz", "TcpExtTCPFastOpenActive"]).stdout.split()[-2])
        expect(len(paths) * (0.8 if cable else 1) <= taken <= len(paths), f"SYNs whose request the server took: {taken}")
        return clients.Count(collections.Counter(map(int, done.stdout.split())))

    exact_counts(box, make_server, run_client)


@test("exact/nginx_fast_open", needs=("nginx", "curl"))
def nginx_fast_open(box):
    fast_open(box)


@test("exact/nginx_fast_open_cable", needs=("nginx", "curl", "ethtool"))
def nginx_fast_open_cable(box):
    fast_open(box, cable=1)
