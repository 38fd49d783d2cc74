# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Behind a proxy that says who its client is, in front of what the client says (the PROXY protocol): every request is seen,
and each says for whom it was."""

import collections
import json
import sys

from lab import servers
from lab.processes import wait_for
from lab.sandbox import ROOT
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd

CLIENT = ROOT / "integration" / "programs" / "proxied_client.py"


def nginx(place, port, **options):
    return servers.nginx(place, port, proxied=True, extra='\n\t\tadd_header X-Client "$proxy_protocol_addr:$proxy_protocol_port" always;', **options)


def client_of(row):
    """As nginx writes it: no brackets, ":" where the header has no address."""
    return row.get("proxied_client", ":").replace("[", "").replace("]", "")


def answers(rows):
    return collections.Counter((row["path"], row["method"], row["status"], row["response_bytes"], client_of(row)) for row in rows)


@test("proxied/every_header", needs=("nginx",), seconds=90)
def every_header(box):
    """Both versions, both families, TLVs, LOCAL and UNKNOWN; the header alone, with the request, and cut anywhere; TLS behind it."""
    place, client = box.namespace("server"), box.namespace("client")
    clear, tls = nginx(place, 8080), nginx(place, 8443, tls=True)
    weftd = Weftd(box)
    weftd.start()
    observed = weftd.follow(clear.workload)
    for seed in (1, 2):
        said = json.loads(client.run([sys.executable, CLIENT, place.address, clear.port, tls.port, seed]).stdout)
        expect_equal({row[2] for row in said}, {200, 405}, "statuses of nginx, of files that are not written to")
    rows = observed.rows(4 * len(said))
    wanted = collections.Counter({tuple(row): 2 for row in said})
    for reporter in ("source", "destination"):
        found = answers(row for row in rows if row["reporter"] == reporter)
        expect_equal((wanted - found, found - wanted), ({}, {}), f"answers without a record, and records without an answer ({reporter})")
    expect_equal(weftd.lost(), {}, "lost events")
    expect_equal(weftd.records_lost(), {}, "what could not be decoded")
    expect_equal({row["proxied_server"] for row in rows if "proxied_server" in row}, {"198.51.100.2:443", "[2001:db8:1::1]:443"}, "servers in headers")


HAPROXY = """
defaults
	mode {mode}
	timeout connect 5s
	timeout client 20s
	timeout server 20s
{listeners}
"""
LISTENER = """
listen l{port}
	bind :{port}
	server s {server} {options}
"""


@test("proxied/haproxy_nginx_curl", needs=("haproxy", "nginx", "curl"), seconds=90)
def haproxy(box):
    """HAProxy in front of nginx with each of its ways to send a header, over TLS too, with health checks; curl with its own."""
    server, proxy, client = box.namespace("server"), box.namespace("proxy"), box.namespace("client")
    clear, tls, http2 = nginx(server, 8080), nginx(server, 8443, tls=True, http2=True), nginx(server, 8082, http2=True)
    ways = [(9000 + number, target, options) for number, (target, options) in enumerate((
        (clear, "send-proxy check inter 200ms"), (clear, "send-proxy-v2"), (clear, "send-proxy-v2 proxy-v2-options crc32c,unique-id"),
        (tls, "send-proxy ssl verify none"), (tls, "send-proxy-v2-ssl-cn ssl verify none"),
        (http2, "send-proxy-v2")))]  # "ssl" is HAProxy's own, behind the header
    config = box.dir / "haproxy.cfg"
    listeners = "".join(LISTENER.format(port=port, server=target.authority, options=options) for port, target, options in ways)
    config.write_text(HAPROXY.format(mode="tcp", listeners=listeners))
    proxy.start(["haproxy", "-db", "-f", config], "haproxy")
    wait_for(lambda: all(proxy.listens(port) for port, *_ in ways), 20, "haproxy")
    weftd = Weftd(box)
    weftd.start()
    observed = weftd.follow(server.workload)
    said = collections.Counter()

    def fetch(base, name, *options):
        for kind in ("page", "big", "missing"):
            out = client.run(["curl", "-sk", "-o", "/dev/null", "-D", "-", "-w", "%{http_code} %{size_download}\n", *options, f"{base}/{kind}/{name}"]).stdout
            status, size = out.splitlines()[-1].split()
            who = next(line.split(":", 1)[1].strip() for line in out.splitlines() if line.lower().startswith("x-client"))
            said[f"/{kind}/{name}", "GET", int(status), int(size), who] += 1

    for port, target, options in ways:
        prior = ["--http2-prior-knowledge"] if target is http2 else []
        fetch(f"http://{proxy.address}:{port}", f"way-{port}", *prior)
    for target, options in ((clear, []), (tls, []), (tls, ["--http1.1"]), (http2, ["--http2-prior-knowledge"])):
        fetch(target.url(), f"curl-{target.port}-{len(options)}", "--haproxy-protocol", *options)
    expect(all(who.startswith(client.address) for *_, who in said), f"who nginx says the clients are: {said}")
    rows = observed.rows(2 * sum(said.values()))
    for reporter in ("source", "destination"):
        found = answers(row for row in rows if row["reporter"] == reporter)
        expect_equal((said - found, found - said), ({}, {}), f"answers without a record, and records without an answer ({reporter})")
    expect_equal(weftd.lost(), {}, "lost events")
    shown = weftd.command("observe", "--to", server.workload, "--last", "5").stdout
    expect(f" for {client.address}:" in shown, shown)


TLS_VERSIONS = ("TLSv1.2", "TLSv1.3")


def haproxy_tcp(box, proxy, targets):
    config = box.dir / "haproxy.cfg"
    ports = [9000 + number for number, _ in enumerate(targets)]
    listeners = "".join(LISTENER.format(port=port, server=target.authority, options="") for port, target in zip(ports, targets))
    config.write_text(HAPROXY.format(mode="tcp", listeners=listeners))
    proxy.start(["haproxy", "-db", "-f", config], "haproxy")
    wait_for(lambda: all(proxy.listens(port) for port in ports), 20, "haproxy")
    return ports


def fetch_all(client, base, version, protocol, session):
    """One curl with one connection; sessions of HTTP/1.1 with an even number: with one for each request."""
    paths = [f"/{kind}/{version}{protocol}-{session}" for kind in ("ok", "page", "big", "missing", "page")]
    command = ["curl", "-sk", protocol, *(["-H", "Connection: close"] if protocol == "--http1.1" and not session % 2 else [])]
    for path in paths:
        command += ["-o", "/dev/null", "-w", "%{http_code} %{size_download}\n", f"{base}{path}"]
    out = client.run(command).stdout.splitlines()
    expect_equal(len(out), len(paths), "lines of curl")
    for path, line in zip(paths, out):
        status, size = line.split()
        yield path, "GET", int(status), int(size)


@test("proxied/tls_through_haproxy", needs=("haproxy", "nginx", "curl"), seconds=90)
def tls_through_haproxy(box):
    """TLS from curl to nginx through a TCP proxy: one session on two connections, and each has a record of every answer, of both its ends."""
    server, proxy, client = box.namespace("server"), box.namespace("proxy"), box.namespace("client")
    targets = [servers.nginx(server, 8400 + number, tls=True, http2=True, versions=version) for number, version in enumerate(TLS_VERSIONS)]
    ports = haproxy_tcp(box, proxy, targets)
    weftd = Weftd(box)
    weftd.start()
    every = weftd.follow(server.workload), weftd.follow(proxy.workload)
    said = collections.Counter()
    for port, version in zip(ports, TLS_VERSIONS):
        for protocol in ("--http1.1", "--http2"):
            for session in range(4):
                said.update(fetch_all(client, f"https://{proxy.address}:{port}", version, protocol, session))
    logged = collections.Counter((row.path, row.method, row.status, row.bytes) for target in targets for row in target.exchanges(sum(said.values()) // 2))
    expect_equal((said - logged, logged - said), ({}, {}), "curl's count against nginx's log")
    for observed, name in zip(every, (server.workload, proxy.workload)):
        rows = observed.rows(2 * sum(said.values()))
        for reporter in ("source", "destination"):
            found = collections.Counter((row["path"], row["method"], row["status"], row["response_bytes"]) for row in rows if row["reporter"] == reporter)
            expect_equal((said - found, found - said), ({}, {}), f"answers without a record, and records without an answer (to {name}, {reporter})")
        expect_equal({row.get("protocol") for row in rows}, {"http1.1", "http2"}, f"protocols to {name}")
    expect_equal(weftd.lost(), {}, "lost events")
    expect_equal(weftd.records_lost(), {}, "what could not be decoded, and secrets that were not claimed")
