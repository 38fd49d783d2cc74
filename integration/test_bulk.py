# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Long bodies: counted to the byte, and left out in the kernel instead of copied."""

from lab import clients, servers
from lab.exact import REPORTERS
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd

SIZE = 1 << 30
LONG = 1 << 26
TURNS = 8


def download(box, tls):
    """One download of a GiB (a sparse file); what the kernel half copied and skipped of all that it saw meanwhile."""
    with open(box.dir / "huge", "wb") as file:
        file.truncate(SIZE)
    huge = f'location /huge/ {{ root "{box.dir}"; try_files /huge =404; sendfile on; }}'
    server = servers.nginx(box.namespace("server"), 8443 if tls else 8080, tls=tls, extra="\n\t\t" + huge)
    weftd = Weftd(box)
    weftd.start()
    box.namespace("client").run(["curl", "-sfk", "-o", "/dev/null", server.url("/huge/x")])
    metrics = weftd.settled_metrics()
    expect_equal(weftd.lost(), {}, "lost events")
    for reporter in REPORTERS:
        have = {"reporter": reporter, "destination_workload": server.workload}
        expect_equal(metrics.total("istio_requests_total", **have), 1, f"requests ({reporter})")
        expect_equal(metrics.total("istio_response_bytes_sum", **have), SIZE, f"response bytes ({reporter})")
    return tuple(metrics.total(f"weft_capture_{what}_bytes_total") for what in ("copied", "skipped"))


@test("bulk/clear", needs=("nginx", "curl"))
def clear(box):
    copied, skipped = download(box, tls=False)
    expect(skipped >= SIZE * 0.99, f"{skipped / SIZE:.1%} of the body were skipped")
    expect(copied < SIZE * 0.01, f"{copied:.0f} bytes were copied")


@test("bulk/tls", needs=("nginx", "curl"))
def tls(box):
    """Here the agent has to say first that a long body has begun: what passes until then is copied."""
    copied, skipped = download(box, tls=True)
    expect(skipped > SIZE / 2, f"{skipped / SIZE:.1%} of the body were skipped, {copied / SIZE:.1%} copied")


@test("bulk/tls_http2", needs=("nginx", "curl"))
def tls_http2(box):
    """A long body and a request behind it on the same connection, again and again: the ring is read in turns by the worker
    and by who rescues it."""
    with open(box.dir / "long", "wb") as file:
        file.truncate(LONG)
    places = f'location /long/ {{ root "{box.dir}"; try_files /long =404; }} location /short {{ return 200 "four"; }}'
    server = servers.nginx(box.namespace("server"), 8443, tls=True, http2=True, versions="TLSv1.3", extra="\n\t\t" + places)
    weftd = Weftd(box)
    weftd.start()
    observed = weftd.follow(server.workload)
    said = [answer for number in range(TURNS) for answer in clients.fetch(box.namespace("client"), server, f"/long/{number}", "/short")]
    log = server.exchanges(len(said))
    expect_equal(sorted(said), sorted((e.path, e.status, e.bytes) for e in log), "curl's answers against the server's log")
    rows = observed.rows(len(REPORTERS) * len(log))
    for reporter in REPORTERS:
        found = sorted((r["path"], r["status"], r["response_bytes"]) for r in rows if r["reporter"] == reporter)
        expect_equal(found, sorted(said), f"path, status and bytes in weft observe ({reporter})")
    expect_equal([r for r in rows if r["incomplete"] or r["flags"]], [], "requests that lack something")
    expect_equal((weftd.lost(), weftd.records_lost()), ({}, {}), "lost events and records")
