# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Loss is counted: seen = delivered + lost, exactly, and nothing is invented in its place."""

import time

from lab import clients, servers, truth
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd


def account_closes(weftd):
    """seen = delivered + lost, looked at until nothing is under way (the machine may carry other traffic)."""
    for _ in range(50):
        metrics = weftd.metrics()
        seen, delivered, lost = (metrics.total(f"weft_events_{what}_total") for what in ("seen", "delivered", "lost"))
        if delivered + lost == seen:
            return
        time.sleep(0.1)
    expect_equal(delivered + lost, seen, "delivered and lost events against seen ones")


@test("loss/small_ring", needs=("nginx", "h2load"))
def small_ring(box):
    """A ring of 64 KiB under h2load at full speed loses records; all of them are accounted for."""
    server = servers.nginx(box.namespace("server"), 8080, http2=True)
    weftd = Weftd(box, "--ring-bytes", "65536")
    weftd.start()
    observed = weftd.follow(server.workload)
    count = clients.h2load(box.namespace("client"), server, requests=60000)
    expect_equal(count.errors, 0, "errors of the client")
    log = server.exchanges(count.answers)
    metrics = weftd.settled_metrics()
    expect(metrics.total("weft_events_lost_total", stage="ringbuf_full") > 0, "nothing was lost: the test proves nothing")
    account_closes(weftd)
    known = truth.tally(log)
    records = observed.exchanges()
    for reporter, rows in records.items():
        invented = truth.tally(e for e in rows if e.status) - known
        expect_equal(invented, {}, f"requests that the log does not have ({reporter})")


@test("loss/none_by_default", needs=("nginx", "wrk"))
def none_by_default(box):
    server = servers.nginx(box.namespace("server"), 8080)
    weftd = Weftd(box)
    weftd.start()
    clients.wrk(box.namespace("client"), server, requests=40000)
    weftd.settled_metrics()
    expect_equal(weftd.lost(), {}, "lost events")
    account_closes(weftd)
