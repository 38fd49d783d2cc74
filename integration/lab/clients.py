# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Real clients. Each runs a number of requests with mixed paths and returns its own count by status code."""

import collections
import json
import re
import signal
import sys

from lab.processes import AHEAD, wait_for
from lab.sandbox import ROOT
from lab.truth import paths

PROGRAMS = ROOT / "integration" / "programs"


class Count:
    """What a client says: answers by status code (or by class, 200 for all 2xx), errors, its latencies."""

    def __init__(self, codes, errors=0, p50_ms=None, mean_ms=None, exact=True):
        self.codes = {int(k): v for k, v in codes.items() if v}
        self.errors, self.exact = errors, exact
        self.p50_ms, self.mean_ms = p50_ms, mean_ms

    @property
    def answers(self):
        return sum(self.codes.values())


def write_paths(place, prefix=""):
    """The mixed paths, one a line, each behind |prefix|."""
    file = place.sandbox.dir / f"{place.role}-paths"
    file.write_text("".join(f"{prefix}{p}\n" for p in paths()))
    return file


def curl(place, server, requests=20000, options=(), methods=("GET", "GET", "GET", "POST", "HEAD")):
    """One curl process, one connection, the methods in blocks (each its own operation of curl's config file)."""
    config = place.sandbox.dir / f"{place.role}-curl.conf"
    all_paths = paths()
    blocks, number = [], 0
    per_block = max(1, requests // 40)
    while number < requests:
        method = methods[len(blocks) % len(methods)]
        lines = ["silent", "insecure", 'write-out = "%{http_code}\\n"', *options]
        lines += {"POST": ['data = "key=value&other=thing"'], "HEAD": ["head"], "GET": []}[method]
        for _ in range(min(per_block, requests - number)):
            lines += [f'url = "{server.url(all_paths[number % len(all_paths)])}"', 'output = "/dev/null"']
            number += 1
        blocks.append("\n".join(lines))
    config.write_text("\nnext\n".join(blocks) + "\n")
    done = place.run(["curl", "-q", "-K", config], seconds=300)
    codes = collections.Counter(int(line) for line in done.stdout.split())
    return Count(codes, errors=codes.pop(0, 0))


def pieces(place, server, kind="heads", connections=60, seed=1):
    """Pipelined requests in pieces of some bytes."""
    done = place.run([sys.executable, PROGRAMS / "pieces.py", server.place.address, server.port, kind, connections, seed], seconds=60)
    return Count(collections.Counter(int(line) for line in done.stdout.split()))


def methods(place, server, words):
    """Each of |words| as the method of the first request of a connection, by fetch() of Node.js, with a body of 100,000 bytes."""
    program = "fetch(process.argv[1], {method: process.argv[2], body: 'b'.repeat(1e5)}).then(a => console.log(a.status))"
    said = [place.run(["node", "-e", program, server.url("/ok/0"), word], seconds=60).stdout for word in words]
    return Count(collections.Counter(map(int, said)))


def asks(place, server, how, count):
    """{its port: {"least_ms", "most_ms"}} of each request, by its own clock; see programs/asks.py."""
    done = place.run([sys.executable, PROGRAMS / "asks.py", how, server.place.address, server.port, count], seconds=60)
    return {row.pop("port"): row for row in map(json.loads, done.stdout.splitlines())}


def fetch(place, server, *paths):
    """[(path, status, bytes)] as curl says them of one connection."""
    outputs = [word for path in paths for word in ("-o", "/dev/null", server.url(path))]
    said = place.run(["curl", "-sk", "--http2", "-w", "%{http_code} %{size_download}\n", *outputs]).stdout.split()
    return [(path, int(status), int(size)) for path, status, size in zip(paths, said[::2], said[1::2])]


def wrk(place, server, requests=20000, connections=8):
    """One connection a thread, each thread its share of the requests."""
    env = {"PATHS": str(write_paths(place)), "REQUESTS": str(requests // connections)}
    before = server.lines()
    wrk_process = place.start(["wrk", "-t", connections, "-c", connections, "-d", 300, "-s", PROGRAMS / "mix.lua", server.url("/")],
                              "wrk", env=env)
    wait_for(lambda: server.lines() >= before + requests or not wrk_process.alive(), 120, "the last request of wrk")
    wrk_process.stop(signal.SIGINT)  # its threads have stopped, but it would sleep to the end of -d
    result = json.loads(re.search(r"^RESULT (.*)$", wrk_process.output(), re.M)[1])
    return Count(result["codes"], result["errors"], result["p50_ms"])


def wrk_latency(place, server, connections=2, seconds=3):
    """wrk's own median in ms. Two connections in one thread do not saturate two cores: with more, an answer waits in
    wrk's own queue after it has arrived, which only wrk counts."""
    text = place.run([*AHEAD, "wrk", "--latency", "-t", 1, "-c", connections, "-d", seconds, server.url("/ok/same")]).stdout
    return milliseconds(re.search(r"50%\s+(\S+)", text)[1])


def h2load(place, server, requests=20000, clients=20, streams=10, http1=False, ahead=(), options=()):
    """h2load counts by class of status only."""
    uris = write_paths(place, server.url())
    protocol = ["--h1"] if http1 else []
    done = place.run([*ahead, "h2load", *protocol, "-n", requests, "-c", clients, "-m", 1 if http1 else streams, "-t", 1, *options, "-i", uris])
    text = done.stdout
    codes = {int(c) * 100: int(n) for n, c in re.findall(r"(\d+) ([2-5])xx", text)}
    errors = sum(int(n) for n in re.search(r"(\d+) errored, (\d+) timeout", text).groups())
    mean = re.search(r"time for request:\s+\S+\s+\S+\s+(\S+)", text)[1]
    return Count(codes, errors, mean_ms=milliseconds(mean), exact=False)


def milliseconds(text):
    number, unit = re.match(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def nghttp(place, server, requests=20000, options=()):
    """One connection; nghttp opens as many streams as the server allows."""
    some = paths(variants=2)
    done = place.run(["nghttp", "-n", "-s", "-y", *options, "-m", requests // len(some), *(server.url(p) for p in some)], seconds=180)
    codes = collections.Counter(int(c) for c in re.findall(r"^ *\d+ +\+\S+ [ *]*\+\S+ +\S+ +(\d{3}) ", done.stdout, re.M))
    return Count(codes)


def java(place, server, requests=20000, version=1, concurrency=16):
    """Java's HttpClient with its own TLS."""
    done = place.run(["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Djdk.internal.httpclient.disableHostnameVerification=true", PROGRAMS / "Client.java", version,
                      requests, concurrency, server.url(), write_paths(place)], seconds=180)
    codes = json.loads(re.search(r"^RESULT (.*)$", done.stdout, re.M)[1])["codes"]
    return Count(codes, errors=codes.pop("-1", 0))


def grpc(place, server, calls=5000, concurrency=8):
    """{path: {grpc status: count}} as the client saw it."""
    done = place.run(["/usr/bin/python3", PROGRAMS / "grpc_client.py", server.authority, calls, concurrency], seconds=180)
    return json.loads(done.stdout)
