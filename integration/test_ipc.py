# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Loader and worker while either is stopped: they are in step when it goes on, and no change is lost."""

import contextlib
import os
import pathlib
import random
import re
import signal
import time

from lab import clients, mesh_scale, servers
from lab.mesh import Mesh, service
from lab.processes import wait_for
from lab.sandbox import ROOT
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd

STOPS = int(os.environ.get("STOPS", "300"))


def started(box, services):
    """(the mesh with so many services in force, what changes them)."""
    mesh = Mesh(box)
    many = mesh_scale.Mesh(mesh.directory, services=services, policies=0, plain=True)
    many.write()
    mesh.weftd.start()
    wait_for(lambda: mesh.status()["settled"], 60, "the first configuration")
    expect_equal(mesh.status()["services"], services, "services")
    return mesh, many


def stopped(pid, seconds):
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)


def expect_in_step(mesh, services, worker):
    """A change that comes now is in force soon, by the same worker."""
    mesh.write("late", service("late", [("10.3.0.1", {})], address="198.19.0.99"))
    wait_for(lambda: mesh.status()["services"] == services + 1 and not mesh.status()["failure"], 20, "a change after the stops")
    expect_equal(mesh.weftd.worker(), worker, "the worker")


@test("ipc/loader_stopped_longer_than_it_is_waited_for", seconds=120)
def loader_stopped(box):
    """In the middle of changes: the compiler gets no answer for longer than it waits, and then gets the late answers."""
    mesh, many = started(box, 1000)
    worker = mesh.weftd.worker()
    for i in range(1000):
        many.change(i)
    stopped(mesh.weftd.process.pid, 11.5)
    expect_in_step(mesh, 1000, worker)
    print(f"attempts that had no answer: {mesh.status()['failed']}")


@test("ipc/either_side_stopped_anywhere", seconds=120)
def either_side_stopped(box):
    """Loader or worker at random moments, while services change and metrics are read."""
    mesh, many = started(box, 200)
    worker, seed = mesh.weftd.worker(), random.randrange(1 << 30)
    chance = random.Random(seed)
    print(f"seed {seed}")
    for _ in range(STOPS):
        many.change(chance.randrange(200))
        if not chance.randrange(8):
            mesh.weftd.metrics()
        time.sleep(chance.random() * 0.01)
        stopped(chance.choice((mesh.weftd.process.pid, worker)), chance.random() * 0.05)
    expect_in_step(mesh, 200, worker)
    expect_equal(mesh.status()["failed"], 0, "changes that were not put in force")


def held(pid):
    """{kind: how many} of the descriptors from 3 on."""
    found = {}
    for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        if int(fd.name) > 2:
            kind = re.sub(r"^(anon_inode:)?\[?|\]|:\[.*|.*/", "", os.readlink(fd))
            found[kind] = found.get(kind, 0) + 1
    return found


def shared_memory(pid):
    """{access: how many} of the memory that it shares."""
    found = {}
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        access = line.split()[1]
        if access[3] == "s":
            found[access] = found.get(access, 0) + 1
    return found


@test("ipc/descriptors_of_the_worker")
def descriptors(box):
    """It holds what the documentation says, and nothing of the kernel half but the ring; so does the next one."""
    page = (ROOT / "docs" / "security.md").read_text().split("**The worker holds these descriptors**")[1].split("\n## ")[0]
    said, shares = ({kind: int(count) for kind, count in re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", part, re.M)}
                    for part in page.split("**It shares this memory**"))
    mesh, _ = started(box, 2)
    for _ in range(2):
        worker = mesh.weftd.worker()
        with contextlib.suppress(TimeoutError):  # a reader's socket may be open for a moment
            wait_for(lambda: held(worker) == said, 10, "what is documented")
        print(held(worker))
        expect_equal(held(worker), said, "descriptors of the worker")
        print(shared_memory(worker))
        expect(all(count <= shares.get(access, 0) for access, count in shared_memory(worker).items()),
               f"the worker shares {shared_memory(worker)}, of at most {shares}")
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: mesh.weftd.has_said("event=worker_restart") and mesh.status().get("settled"), 20, "the next worker")


def scrapes(weftd, count):
    """(seconds that so many scrapes take, when the loader reported what they show)."""
    began, reported = time.monotonic(), set()
    for _ in range(count):
        reported.add(weftd.metrics().total("weft_loader_report_timestamp_seconds"))
    return time.monotonic() - began, reported


@test("ipc/scrapes_do_not_wait_for_the_loader", needs=("nginx", "curl"))
def scraped(box):
    """While the loader is stopped each scrape is answered at once, with the present counters and the time of the loader's; it is
    not asked by one while it runs."""
    weftd = Weftd(box)
    weftd.start()
    server = servers.nginx(box.namespace("server"), 8080)
    usual, reported = scrapes(weftd, 50)
    expect(len(reported) <= usual + 2, f"the loader reported {len(reported)} times in {usual:.1f} s of scrapes")
    before = weftd.metrics().total("weft_events_seen_total")
    os.kill(weftd.process.pid, signal.SIGSTOP)
    try:
        clients.curl(box.namespace("client"), server, 10)
        took, reported = scrapes(weftd, 50)
        seen = weftd.metrics().total("weft_events_seen_total")
    finally:
        os.kill(weftd.process.pid, signal.SIGCONT)
    expect_equal(len(reported), 1, "reports of a loader that is stopped")
    expect(seen > before, "events that are seen meanwhile are counted")
    print(f"50 scrapes took {usual:.2f} s, and {took:.2f} s without the loader")
    expect(took < 5 * usual + 1, f"50 scrapes took {took:.1f} s without the loader, {usual:.1f} s with it")


@test("ipc/names_that_were_not_answered", needs=("nginx", "curl"), seconds=90)
def names(box):
    """A control group that is met while the loader is stopped has its name later."""
    weftd = Weftd(box)
    weftd.start()
    client, place = box.namespace("client"), box.namespace("server")
    os.kill(weftd.process.pid, signal.SIGSTOP)
    try:
        server = servers.nginx(place, 8080)
        clients.curl(client, server, 10)
        time.sleep(2)  # the name is waited for, in vain
    finally:
        os.kill(weftd.process.pid, signal.SIGCONT)
    time.sleep(6)  # until it is asked for again
    clients.curl(client, server, 10)
    total = weftd.settled_metrics().total("istio_requests_total", reporter="destination", destination_workload=server.workload)
    print(f"{total} requests have the name of the control group")
    expect(total >= 10, f"only {total} requests have the name of the control group")
