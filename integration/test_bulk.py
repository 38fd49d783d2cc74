# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Long bodies: counted to the byte, and left out in the kernel instead of copied."""

from lab import servers
from lab.exact import REPORTERS
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd

SIZE = 1 << 30


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
