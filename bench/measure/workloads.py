# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The loads: each runs one real client for some seconds against an endpoint and returns its own figures."""

import bisect
import json
import os
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent


class Result:
    """|units| done (requests, connections, MiB) in |seconds|; latencies in microseconds or None."""

    def __init__(self, units, seconds, p50_us=None, p99_us=None, errors=0):
        self.units, self.seconds, self.errors = units, seconds, errors
        self.p50_us, self.p99_us = p50_us, p99_us

    @property
    def per_second(self):
        return self.units / self.seconds


class Workload:
    """|protocol| names the port of the server; |unit| is what it counts; |in_flight| units are cut off at the end,
    which weft may have seen and the client does not count."""

    in_flight = 0
    proxied = True  # by the two proxies beside which weft is measured
    alone = False  # one request at a time: client and server each on a CPU of their own, as on two machines

    def __init__(self, name, title, protocol, unit="request"):
        self.name, self.title, self.protocol, self.unit = name, title, protocol, unit

    def cpus(self):
        """(of the server, of the client)"""
        every = sorted(os.sched_getaffinity(0))
        return ({every[0]}, {every[-1]}) if self.alone else (set(every), set(every))

    def pinned(self):
        """What goes in front of the client's command."""
        return ["taskset", "--cpu-list", ",".join(map(str, self.cpus()[1]))] if self.alone else []


class Wrk(Workload):
    """HTTP/1.1, clear or TLS; every request a new connection where the server closes it."""

    def __init__(self, name, title, protocol, connections, unit="request"):
        super().__init__(name, title, protocol, unit)
        self.connections = self.in_flight = connections
        self.alone = connections == 1

    def run(self, place, endpoint, seconds):
        scheme, address, port = endpoint
        text = place.run([*self.pinned(), "wrk", "-t", 1, "-c", self.connections, "-d", f"{seconds}s", "-s", HERE / "wrk.lua",
                          f"{scheme}://{address}:{port}/"]).stdout
        found = json.loads(re.search(r"^RESULT (.*)$", text, re.M)[1])
        return Result(found["requests"], found["duration_us"] / 1e6, found["p50_us"], found["p99_us"], found["errors"])


class H2load(Workload):
    """HTTP/2, clear or TLS, |connections| with |streams| at a time each. Latencies are those of its log of requests."""

    def __init__(self, name, title, protocol, connections, streams):
        super().__init__(name, title, protocol)
        self.connections, self.streams = connections, streams
        self.in_flight = connections * streams
        self.alone = self.in_flight == 1

    def run(self, place, endpoint, seconds):
        scheme, address, port = endpoint
        log = place.sandbox.dir / "h2load.log"
        log.unlink(missing_ok=True)
        text = place.run([*self.pinned(), "h2load", "-t", 1, "-c", self.connections, "-m", self.streams, "-D", seconds,
                          "--log-file", log, f"{scheme}://{address}:{port}/"]).stdout
        done, failed = re.search(r"requests: .* (\d+) succeeded, (\d+) failed", text).groups()
        rate = float(re.search(r"finished in \S+, ([\d.]+) req/s", text)[1])
        latencies = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
        return Result(int(done), int(done) / rate, quantile(latencies, 0.5), quantile(latencies, 0.99), int(failed))


def quantile(ascending, share):
    """Of whole numbers, as if the equal ones were spread over the unit that follows them; None without any."""
    if not ascending:
        return None
    rank = len(ascending) * share
    value = ascending[min(len(ascending) - 1, int(rank))]
    first, end = bisect.bisect_left(ascending, value), bisect.bisect_right(ascending, value)
    return value + (rank - first) / (end - first)


class Iperf3(Workload):
    """One TCP connection with as many bytes as go through."""

    def run(self, place, endpoint, seconds):
        _, address, port = endpoint
        text = place.run(["iperf3", "-c", address, "-p", port, "-t", seconds, "-J"]).stdout
        received = json.loads(text)["end"]["sum_received"]
        return Result(received["bytes"] / 2**20, received["seconds"])


class Datagrams(Workload):
    """UDP of 64 bytes in one direction, as fast as the client can; what the server received."""

    proxied = False

    def run(self, place, endpoint, seconds):
        _, address, port = endpoint
        text = place.run(["iperf3", "-c", address, "-p", port, "-u", "-b", 0, "-l", 64, "-t", seconds, "-J"]).stdout
        found = json.loads(text)["end"]["sum"]
        return Result(found["packets"] - found["lost_packets"], found["seconds"])


WORKLOADS = {w.name: w for w in (
    Wrk("http1-1", "HTTP/1.1, 1 connection", "http1", 1),
    Wrk("http1-32", "HTTP/1.1, 32 connections", "http1", 32),
    H2load("h2c-1", "h2c, 1 connection", "h2c", 1, 1),
    H2load("h2c-20x10", "h2c, 20 x 10 streams", "h2c", 20, 10),
    Wrk("tls1-1", "TLS HTTP/1.1, 1 connection", "tls1", 1),
    Wrk("tls1-32", "TLS HTTP/1.1, 32 connections", "tls1", 32),
    H2load("tls2-1", "TLS HTTP/2, 1 connection", "tls2", 1, 1),
    H2load("tls2-20x10", "TLS HTTP/2, 20 x 10 streams", "tls2", 20, 10),
    Wrk("connect", "new TLS connections, RSA 2048", "connect", 8, "connection"),
    Iperf3("bulk", "iperf3, 1 connection", "bulk", "MiB"),
    Datagrams("udp", "iperf3, UDP, 64 bytes", "bulk", "datagram"),
)}
