# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""From start to signal: how soon weftd sees what, and that it answers as documented."""

import subprocess
import time

from lab import clients, servers
from lab.mesh import CONNECTS
from lab.processes import wait_for
from lab.sandbox import ROOT
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd


# Programs of the mesh and of acceleration, which are not asked for here, and walks that not every kernel loads.
APART = ("mesh_", "redirect_", "conns_alive", "listeners")


def bare_load(box):
    """Seconds that this kernel takes to load the programs of a weftd without a mesh, by a program that does nothing else."""
    tool = box.dir / "verified_insns"
    if not tool.exists():
        subprocess.run(["gcc", ROOT / "checks" / "verified_insns.c", "-o", tool, "-lbpf"], check=True)
    began = time.monotonic()
    subprocess.run([tool, box.build / "weft.bpf.o", *APART], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


@test("start/ready_as_soon_as_loaded")
def ready_as_soon_as_loaded(box):
    """weftd waits for nothing but the kernel's verifier; that it takes less than a second is measured by bench/reaction."""
    weftd = Weftd(box)
    bare, seconds = [], []
    for _ in range(3):
        bare.append(bare_load(box))
        seconds.append(weftd.start())
        expect_equal(weftd.get("/ready").strip() != "", True, "GET /ready has a body")
        weftd.stop()
        weftd.detach()
    print(f"ready after {seconds} s, the programs alone {bare} s")
    expect(min(seconds) < 2 * min(bare), f"ready after {min(seconds):.2f} s, the programs alone take {min(bare):.2f} s")


@test("start/from_the_first_request", needs=("nginx", "curl"))
def from_the_first_request(box):
    """A program started after weftd is seen from its first request, clear text and TLS."""
    weftd = Weftd(box)
    weftd.start()
    for port, tls in ((8080, False), (8443, True)):
        server = servers.nginx(box.namespace("tls" if tls else "clear"), port, tls=tls)
        count = clients.curl(box.namespace("client"), server, requests=40)
        found = weftd.settled_metrics().by("reporter", "istio_requests_total", destination_workload=server.workload)
        expect_equal(found, {"source": count.answers, "destination": count.answers}, f"requests, TLS {tls}")


@test("start/accounts_begin_with_the_first_byte", needs=("nginx",))
def accounts(box):
    """Of connections that come and go while the programs are attached one after the other: those that are seen to open are
    seen from their first byte; the others are older than the agent."""
    server, client = servers.nginx(box.namespace("server"), 8080), box.namespace("client")
    running = [client.start([servers.PYTHON, CONNECTS, server.place.address, 8080, "40s"], f"connects-{n}") for n in range(2)]
    weftd = Weftd(box)
    for _ in range(8):
        weftd.start()
        wait_for(lambda: weftd.metrics().total("istio_requests_total", destination_workload=server.workload) > 200, 20, "requests")
        weftd.accounts_agree()
        weftd.stop()
        weftd.detach()
    expect(all(process.alive() for process in running), "the connections did not last")


@test("start/from_the_next_request", needs=("nginx", "curl"))
def from_the_next_request(box):
    """A connection older than weftd, clear text: everything after its start is seen."""
    server, client = servers.nginx(box.namespace("server"), 8080), box.namespace("client")
    slow = "".join(f'url = "{server.url(f"/ok/{n}")}"\noutput = "/dev/null"\n' for n in range(40))
    config = box.dir / "paced.conf"
    config.write_text('rate = "8/s"\n' + slow)
    running = client.start(["curl", "-q", "-s", "-K", config], "paced-curl")
    weftd = Weftd(box)
    weftd.start()
    already = server.lines()
    expect_equal(running.popen.wait(30), 0, "curl's exit status")
    found = weftd.settled_metrics().by("reporter", "istio_requests_total", destination_workload=server.workload)
    wanted = server.lines() - already
    for reporter in ("source", "destination"):
        expect(0 <= found.get(reporter, 0) - wanted <= 1 and wanted > 10, f"{found} of {wanted} requests after the start")


@test("start/answers", needs=("promtool",))
def answers(box):
    """/metrics is what promtool takes, both paths are the same metrics, /healthz and /ready answer."""
    weftd = Weftd(box)
    weftd.start()
    text = weftd.get("/metrics")
    done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    complaints = [line for line in done.stdout.splitlines() if not line.startswith("istio_")]
    expect_equal(complaints, [], "promtool's complaints (Istio's own names have to stay)")
    expect("weft_" in weftd.get("/stats/prometheus"), "/stats/prometheus")
    weftd.get("/healthz")


@test("start/exit_codes")
def exit_codes(box):
    """0 fine, 1 failed, 2 usage."""
    weftd = Weftd(box)
    expect_equal(weftd.command("status").returncode, 1, "weft status without an agent")
    expect_equal(subprocess.run([weftd.weft, "no-such-verb"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode, 2,
                 "an unknown verb")
    weftd.start()
    expect_equal(weftd.command("status").returncode, 0, "weft status")
