# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Acceleration changes how bytes travel between two local ends and nothing else: same bytes, same counts, same ends."""

import hashlib
import os
import subprocess
import time

from lab import clients, servers
from lab.exact import exact_counts
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
    nginx = servers.nginx(server, 8080, locations=f'location / {{ root "{box.dir}"; sendfile on; }}')
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


def twice(run):
    """The first connections are plain: they show how their programs read. The later ones go past TCP."""
    def client(place, server):
        first, second = run(place, server), run(place, server)
        codes = {code: first.codes.get(code, 0) + second.codes.get(code, 0) for code in {*first.codes, *second.codes}}
        return clients.Count(codes, first.errors + second.errors, exact=first.exact)
    return client


def exact_requests(box, make_server, run, least):
    """Requests that went past TCP are counted like all others: method, path, status and bytes."""
    weftd = exact_counts(box, make_server, twice(run), ("--accelerate", ":8080"))
    past, connections = redirected(weftd)
    expect(past > least, f"{past:.0f} bytes of {connections:.0f} connections went past TCP")


@test("redirect/http1_exact", needs=("nginx", "curl"))
def http1_exact(box):
    exact_requests(box, lambda place: servers.nginx(place, 8080), lambda *a: clients.curl(*a, requests=4000), 1_000_000)


@test("redirect/http1_many_exact", needs=("nginx", "wrk"))
def http1_many_exact(box):
    exact_requests(box, lambda place: servers.nginx(place, 8080), lambda *a: clients.wrk(*a, requests=8000), 1_000_000)


@test("redirect/h2c_exact", needs=("nginx", "h2load"))
def h2c_exact(box):
    exact_requests(box, lambda place: servers.nginx(place, 8080, http2=True),
                   lambda *a: clients.h2load(*a, requests=8000, clients=5), 1_000_000)


@test("redirect/tls_exact", needs=("nginx", "curl"))
def tls_exact(box):
    exact_requests(box, lambda place: servers.nginx(place, 8080, tls=True), lambda *a: clients.curl(*a, requests=4000), 1_000_000)


@test("redirect/node_exact", needs=("node", "curl"))
def node_exact(box):
    exact_requests(box, lambda place: servers.node(place, 8080, "http"), lambda *a: clients.curl(*a, requests=4000), 1_000_000)


TALK = (4, 60, 1, 64, 1000, 16384, 60_000, 300_000)  # connections, times, sizes


def echoes(box, serve, ask, least=20_000_000):
    """A program talks to itself over accelerated connections: each byte comes back, and no talk stalls: one with TCP takes
    about as long."""
    server, client = box.namespace("server"), box.namespace("client")
    server.start([*serve, 7000], "echo")
    wait_for(lambda: server.listens(7000), 30, "the echo server")
    weftd = accelerated(box, 7000)
    seconds = []
    for _ in range(3):
        began = time.monotonic()
        client.run([*ask, server.address, 7000, *TALK], seconds=60)
        seconds.append(time.monotonic() - began)
    expect(max(seconds[1:]) < 2 * seconds[0] + 1, f"plain {seconds[0]:.2f} s, then past TCP {seconds[1:]}")
    past, connections = redirected(weftd)
    expect(past >= least, f"{past:.0f} bytes of {connections:.0f} connections went past TCP")
    return past


@test("redirect/asyncio")
def asyncio_echo(box):
    program = ["/usr/bin/python3", servers.PROGRAMS / "echo_asyncio.py"]
    echoes(box, [*program, "serve"], [*program, "ask"])


@test("redirect/node", needs=("node",))
def node_echo(box):
    program = ["node", servers.PROGRAMS / "echo.js"]
    echoes(box, [*program, "serve"], [*program, "ask"])


@test("redirect/java", needs=("java",), seconds=120)
def java_echo(box):
    program = ["java", servers.PROGRAMS / "Echo.java"]
    echoes(box, [*program, "serve"], [*program, "ask"])


def go_build(build, target="/dev/null"):
    """What go compiles on the way, its own library first, is kept for the next."""
    subprocess.run(["nice", "go", "build", "-o", target, servers.PROGRAMS / "echo.go"], check=True,
                   env=dict(os.environ, GOCACHE=str(build / "go"), GO111MODULE="off"))


def go_program(box):
    go_build(box.build, box.dir / "echo")
    return box.dir / "echo"


@test("redirect/go", needs=("go",), seconds=180, prepare=go_build)
def go_echo(box):
    program = go_program(box)
    echoes(box, [program, "serve"], [program, "ask"])


@test("redirect/go_splice", needs=("go",), seconds=180)
def go_splice(box):
    """A program that reads by splice() shows it on its first connections and stays with TCP."""
    program = go_program(box)
    past = echoes(box, [program, "splice"], [program, "ask"], least=0)
    expect(past < 2_000_000, f"{past:.0f} bytes went past TCP, the proof's own megabyte apart")


@test("redirect/redis", needs=("redis-server", "redis-benchmark", "redis-cli"), seconds=120)
def redis(box):
    """redis-benchmark over accelerated connections, without and with pipelining; a value of a megabyte comes back whole."""
    server, client = box.namespace("server"), box.namespace("client")
    server.start(["redis-server", "--port", 7000, "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "", "--dir", box.dir], "redis")
    wait_for(lambda: server.listens(7000), 10, "redis-server")
    weftd = accelerated(box, 7000)
    value = os.urandom(1_000_000)
    for turn in range(3):
        for pipeline in (1, 16):
            done = client.run(["redis-benchmark", "-h", server.address, "-p", 7000, "-n", 5000, "-c", 20, "-P", pipeline, "-d", 512,
                               "-t", "set,get,lrange_100", "--csv"], seconds=60)
            expect(done.stdout.count("\n") >= 4, done.stdout + done.stderr)
        command = ["redis-cli", "-h", server.address, "-p", "7000"]
        subprocess.run(["ip", "netns", "exec", client.name, *command, "-x", "set", f"key{turn}"], input=value, check=True,
                       stdout=subprocess.DEVNULL)
        got = subprocess.run(["ip", "netns", "exec", client.name, *command, "--raw", "get", f"key{turn}"], stdout=subprocess.PIPE, check=True)
        expect(got.stdout[:-1] == value, f"turn {turn}: the value came back differently")
    past, connections = redirected(weftd)
    expect(past > 10_000_000, f"{past:.0f} bytes of {connections:.0f} connections went past TCP")
