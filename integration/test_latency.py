# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""True latency: what weftd says about time agrees with what the servers did and the clients felt."""

from lab import clients, servers
from lab.processes import AHEAD
from lab.verdict import expect, test
from lab.weftd import Weftd

SLEEP_MS = 50
# A handler that wakes late because other work has the CPU was not yet awake by its own clock either: it goes first.
FIRST = ("chrt", "--fifo", "10")


def sleeper_is_timed(box, server):
    """A handler that sleeps 50 ms: 50 to 52 ms at the server, and not less at the client. What a sleep takes longer than
    50 ms by the handler's own clock (a loaded machine wakes late) is the handler's time, so it is added to both."""
    weftd = Weftd(box)
    weftd.start()
    observed = weftd.follow(server.workload)
    clients.curl(box.namespace("client"), server, requests=60)
    log = server.exchanges(60)
    rows = observed.rows(2 * len(log))
    at_server = {r["id"]: r["duration_ms"] for r in rows if r["reporter"] == "destination"}
    at_client = {r["id"]: r["duration_ms"] for r in rows if r["reporter"] == "source"}
    expect(len(at_server) == len(at_client) == len(log) == 60, f"{len(at_server)} and {len(at_client)} records of 60")
    slept = [e.seconds * 1000 for e in log]
    for own_ms, said_ms in zip(slept, at_server.values()):
        late_ms = max(0, own_ms - SLEEP_MS)
        expect(SLEEP_MS <= said_ms <= SLEEP_MS + 2 + late_ms, f"{said_ms} ms at the server, {own_ms:.2f} by the handler's clock")
    early = [i for i in at_server if at_client[i] < at_server[i]]
    expect(not early, f"{len(early)} requests faster at the client than at the server")


@test("latency/sleeper_http1")
def sleeper_http1(box):
    sleeper_is_timed(box, servers.python(box.namespace("server"), 8080, "threads", delay_ms=SLEEP_MS, ahead=FIRST))


@test("latency/sleeper_tls")
def sleeper_tls(box):
    sleeper_is_timed(box, servers.python(box.namespace("server"), 8443, "threads", tls=True, delay_ms=SLEEP_MS, ahead=FIRST))


def close_to(found_ms, wanted_ms):
    return abs(found_ms - wanted_ms) <= max(0.1, wanted_ms * 0.1)


def median_ms(rows):
    values = sorted(r["duration_ms"] for r in rows if r["reporter"] == "source")
    return values[len(values) // 2]


@test("latency/p50_wrk", needs=("nginx", "wrk"))
def p50_agrees_with_wrk(box):
    """Within 10 % or 0.1 ms of wrk's own median."""
    server = servers.nginx(box.namespace("server"), 8080)
    weftd = Weftd(box)
    weftd.start()
    observed = weftd.follow(server.workload)
    said = clients.wrk_latency(box.namespace("client"), server)
    found = median_ms(observed.rows())
    expect(close_to(found, said), f"p50 is {found} ms, wrk says {said}")


@test("latency/mean_h2load", needs=("nginx", "h2load"))
def mean_agrees_with_h2load(box):
    """h2load tells a mean, no median; one request at a time, so that none waits inside h2load."""
    server = servers.nginx(box.namespace("server"), 8080, http2=True)
    weftd = Weftd(box)
    weftd.start()
    observed = weftd.follow(server.workload)
    count = clients.h2load(box.namespace("client"), server, clients=1, streams=1, requests=10000, ahead=AHEAD)
    times = [r["duration_ms"] for r in observed.rows() if r["reporter"] == "source"]
    mean = sum(times) / len(times)
    expect(close_to(mean, count.mean_ms), f"the mean is {mean:.3f} ms, h2load says {count.mean_ms}")
