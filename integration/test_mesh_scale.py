# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The mesh at the size of a large cluster, and while it changes all the time."""

import contextlib
import json
import os
import pathlib
import sys
import threading
import time

from lab import clients, mesh_scale, servers
from lab.mesh import CONNECTS, VIP, Mesh, rule, service, split
from lab.processes import wait_for
from lab.sandbox import ROOT
from lab.verdict import expect, expect_equal, test

CHANGES = ROOT / "integration" / "programs" / "mesh_changes.py"
SWAP_SECONDS = int(os.environ.get("SWAP_SECONDS", "60"))


def peak_mib(pid):
    """Peak resident memory of a process and its children, in MiB."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    total = 0
    for one in [pid, *children]:
        status = pathlib.Path(f"/proc/{one}/status").read_text()
        total += int(status.split("VmHWM:")[1].split()[0])
    return total / 1024


def loaded(mesh, services):
    """Has |services| of them in force; (status, seconds of validating, compiling and loading, by weftd's clock)."""
    mesh_scale.Mesh(mesh.directory, services=services, per_file=100).write()
    mesh.weftd.start()
    wait_for(lambda: mesh.status()["settled"], 60, "the first configuration")
    status = mesh.status()
    return status, plan_seconds(status)


def plan_seconds(status):
    return (status["plan_us"] + status["apply_us"]) / 1e6


@test("mesh_scale/load_and_change", seconds=180)
def load_and_change(box):
    """What a mesh costs grows with it, not faster; what a change costs does not grow with it. How fast both are on this machine
    is measured by bench/reaction."""
    client = box.namespace("client")
    mesh = Mesh(box)
    _, few = loaded(mesh, 1000)
    mesh.weftd.stop()
    mesh.weftd.detach()
    status, many = loaded(mesh, 10000)
    expect_equal((status["services"], status["endpoints"], status["policies"]), (10000, 100000, 1000), "what is in force")
    peak = peak_mib(mesh.weftd.process.pid)
    done = client.run([sys.executable, CHANGES, mesh.directory, "198.19.200.1", 200], seconds=120)
    found = json.loads(done.stdout)
    with contextlib.suppress(TimeoutError):  # the last one is in force a moment before it is counted
        wait_for(lambda: mesh.status()["applied"] - status["applied"] >= 201, 10, "the count of changes")
    after, took = mesh.status(), sorted(found["took"])
    print(f"10,000 services after {many:.2f} s, 1,000 after {few:.2f} s, peak {peak:.0f} MiB; a change: median {took[100]:.1f} ms, longest "
          f"{took[-1]:.1f} ms; a bare program: {sorted(found['bare'])[100]:.1f} ms")
    expect_equal((found["errors"], found["stale"]), (0, 0), "connects that failed, and that reached what was no more in force")
    expect_equal((after["applied"] - status["applied"], after["failed"]), (201, 0), "changes in force, each by itself, and refused ones")
    expect(peak <= 300, f"peak memory {peak:.0f} MiB")
    expect(many <= 40 * few, f"ten times as many services took {many / few:.0f} times as long")
    expect(took[100] / 1000 <= many / 10, f"half of the changes took more than {took[100]:.1f} ms, all of it {many:.2f} s")


def half(endpoint, version):
    """A generation whose routes and endpoints only fit together: a mixture with the other one has no endpoint."""
    subsets = [("v1", {"version": "v1"}), ("v2", {"version": "v2"})]
    return service("cart", [(endpoint.place.address, {"version": version})]) + rule("cart.example", subsets=subsets) + split(
        "cart.example", (version, 100))


@test("mesh_scale/swap_under_load", seconds=SWAP_SECONDS + 60, crowd=True)
def swap_under_load(box):
    nodes = [servers.nginx(box.namespace(f"cart{n}"), 8080) for n in range(2)]
    client = box.namespace("client")
    texts = [half(nodes[0], "v1"), half(nodes[1], "v2")]
    mesh = Mesh(box, cart=texts[0])
    mesh.start()
    churn = client.start([sys.executable, CONNECTS, VIP, 80, f"{SWAP_SECONDS}s"], "churn")
    load = threading.Thread(target=keep_loading, args=(client, nodes[1], time.monotonic() + SWAP_SECONDS))
    load.start()
    end, flips = time.monotonic() + SWAP_SECONDS, 0
    while time.monotonic() < end:
        flips += 1
        mesh.write("cart", texts[flips % 2])
        if flips % 20 == 0:
            mesh.write("broken", "kind: ServiceEntry\nspec: {hosts: [")
        if flips % 20 == 5:
            mesh.write("broken", "# nothing\n")
        time.sleep(0.05)
    load.join()
    wait_for(lambda: not churn.alive(), 20, "the end of the churn")
    found = json.loads(churn.output().splitlines()[-1])
    expect_equal(found["errors"], {}, "failed connections")
    expect_equal(list(found["answers"]), ["200"], "answers")
    applied = mesh.status()["applied"]
    expect(applied > flips / 2 and found["answers"]["200"] > 1000,
           f"{flips} flips, {applied} in force, {found['answers']['200']} connections: too few to prove anything")


def keep_loading(client, server, end):
    while time.monotonic() < end:
        count = clients.h2load(client, server, requests=20000, http1=True)
        expect_equal(count.errors, 0, "errors of h2load")
