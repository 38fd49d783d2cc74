# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The promise of exact counts: what weftd says equals the server's log and the client's own count."""

from lab import truth
from lab.verdict import expect, expect_equal
from lab.weftd import Weftd

REPORTERS = ("source", "destination")


def exact_counts(box, make_server, run_client, options=()):
    """|make_server(place)| starts a server, |run_client(place, server)| the load; then every count is compared."""
    server = make_server(box.namespace("server"))
    weftd = Weftd(box, *options)
    weftd.start()
    observed = weftd.follow(server.workload)
    count = run_client(box.namespace("client"), server)
    log = server.exchanges(count.answers)
    client_agrees(count, log)
    wanted = len(REPORTERS) * len(log)
    records = observed.exchanges(wanted)
    metrics = weftd.settled_metrics(wanted=wanted)
    expect_equal(weftd.lost(), {}, "lost events")
    for reporter in REPORTERS:
        counts_agree(metrics, reporter, server, log)
        bytes_agree(metrics, reporter, server, log)
    for reporter in REPORTERS:
        expect_equal(truth.tally(records[reporter]), truth.tally(log), f"method, path, status in weft observe ({reporter})")
    return weftd


def client_agrees(count, log):
    """A ground truth that contradicts itself proves nothing."""
    expect_equal(count.errors, 0, "errors of the client")
    logged = truth.by_status(log)
    if not count.exact:
        logged = fold(logged)
    expect_equal(count.codes, logged, "client's count by status against the server's log")


def fold(codes):
    """By class, as h2load counts."""
    folded = {}
    for status, number in codes.items():
        folded[status // 100 * 100] = folded.get(status // 100 * 100, 0) + number
    return folded


def counts_agree(metrics, reporter, server, log):
    found = metrics.by("response_code", "istio_requests_total", reporter=reporter, destination_workload=server.workload)
    wanted = {str(status): number for status, number in truth.by_status(log).items()}
    expect_equal(found, wanted, f"istio_requests_total by response_code ({reporter})")


def bytes_agree(metrics, reporter, server, log):
    found = metrics.total("istio_response_bytes_sum", reporter=reporter, destination_workload=server.workload)
    expect_equal(found, truth.body_bytes(log), f"istio_response_bytes_sum ({reporter})")
    requests = metrics.total("istio_response_bytes_count", reporter=reporter, destination_workload=server.workload)
    expect(requests == len(log), f"istio_response_bytes_count is {requests}, the log has {len(log)} lines ({reporter})")
