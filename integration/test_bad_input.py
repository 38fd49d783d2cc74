# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Bad input on the watched ports is classified or counted, never taken for a request, and ends nothing."""

import pathlib

from lab import clients, servers
from lab.processes import wait_for
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd

PROGRAMS = pathlib.Path(__file__).parent / "programs"
KINDS = ["random", "tls_hello", "tls_garbage", "http2_garbage", "continuation_flood", "rapid_reset", "http1_smuggling",
         "http1_endless_line", "bad_hpack", "half_closed"]
FLOODS = ["open_streams"]  # more than is read in time: the end of such a connection may be lost, and found out later


def send(box, kind, port):
    """Sends one kind of garbage from the client to a server that swallows everything."""
    box.namespace("client").run(["/usr/bin/python3", PROGRAMS / "garbage.py", "send", kind,
                                 box.namespace("server").address, port], seconds=60)


def swallow(box, port):
    server = box.namespace("server")
    server.start(["/usr/bin/python3", PROGRAMS / "garbage.py", "swallow", port], "swallow")
    wait_for(lambda: server.listens(port), 10, "the swallowing server")


def invented(weftd, box):
    """Requests with a status to the swallowing server: it never answers, so there can be none."""
    rows = weftd.settled_metrics().rows("istio_requests_total", destination_workload=box.namespace("server").workload)
    return {have["response_code"]: value for have, value in rows if value and have["response_code"] not in ("0", "unknown")}


@test("bad_input/garbage")
def garbage(box):
    swallow(box, 9000)
    weftd = Weftd(box)
    weftd.start()
    worker = weftd.worker()
    for kind in KINDS + FLOODS:
        send(box, kind, 9000)
        weftd.settled_metrics()
        expect(weftd.process.alive(), f"weftd died of {kind}: {weftd.process.output()[-2000:]}")
        expect_equal(weftd.worker(), worker, f"the worker after {kind}: {weftd.process.output()[-2000:]}")
    expect_equal(invented(weftd, box), {}, "requests that never were")


@test("bad_input/then_good", needs=("nginx", "h2load"))
def then_good(box):
    """After all of it the next client's requests are counted exactly, and memory is within its bound."""
    server = servers.nginx(box.namespace("server"), 8080, http2=True)
    weftd = Weftd(box)
    weftd.start()
    for kind in KINDS:
        send(box, kind, 8080)
    before = weftd.settled_metrics().total("istio_requests_total", reporter="destination", destination_workload=server.workload)
    lines = server.lines()
    count = clients.h2load(box.namespace("client"), server, requests=5000)
    server.exchanges(lines + count.answers)
    after = weftd.settled_metrics().total("istio_requests_total", reporter="destination", destination_workload=server.workload)
    expect_equal(after - before, count.answers, "requests after the garbage")
    expect(resident_mib(weftd) < 64, f"weftd holds {resident_mib(weftd)} MiB")


def resident_mib(weftd):
    status = pathlib.Path(f"/proc/{weftd.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) // 1024
