# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is called after containers: the name that the runtime gave, however often a container is made anew."""

import os
import re
import shutil
import subprocess

from lab import servers
from lab.processes import wait_for
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd

# runc takes control groups of both versions; limits that are not podman's own, which only some roots may raise
PODMAN = ["podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs"]
OPTIONS = ["--rm", "--pids-limit=0", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]


def root_with(box, program):
    """A root directory in which |program| of this machine runs."""
    root = box.dir / "root"
    listed = subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True, check=True).stdout
    for path in [program, *re.findall(r"(/\S+) \(0x", listed)]:
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    for folder in ("proc", "sys", "dev", "etc", "tmp"):
        (root / folder).mkdir(exist_ok=True)
    return root


class Fetches:
    """curl in containers, in the client's network namespace."""

    def __init__(self, box):
        self.box, self.client = box, box.namespace("client")
        self.server = servers.nginx(box.namespace("server"), 8080)
        self.root = root_with(box, os.path.realpath(shutil.which("curl")))
        self.urls = [self.server.url(f"/ok/{n}") for n in range(4)] + [self.server.url("/slow/last")]  # it lives while its name is asked for

    def in_podman(self, name):
        self.box.on_close(lambda: subprocess.run([*PODMAN, "rm", "--force", "--ignore", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        done = subprocess.run([*PODMAN, "run", "--name", name, "--network", f"ns:/run/netns/{self.client.name}", *OPTIONS, "--rootfs", self.root,
                               os.path.realpath(shutil.which("curl")), "-s", *self.urls], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        expect_equal(done.returncode, 0, f"podman run: {done.stderr}")

    def in_group(self, name):
        """In a control group as runtimes name them, of which no runtime knows anything."""
        group = self.box.make_cgroup(name)
        curl = self.box.start(["curl", "-s", *self.urls], "curl", netns=self.client.name, cgroup=group)
        wait_for(lambda: not curl.alive(), 20, "curl")

    def counted(self, weftd, wanted):
        """{source_workload: requests} that the server's side saw."""
        metrics = weftd.settled_metrics(wanted=2 * wanted)
        return metrics.by("source_workload", "istio_requests_total", reporter="destination", destination_workload=self.server.workload)


@test("identity/containers_have_names", needs=("podman", "runc", "curl", "nginx"), seconds=90)
def containers(box):
    """A container of Podman's is called as it is named, one that no runtime knows as the program in it; by their ids on demand."""
    fetches, name = Fetches(box), f"weft-{box.slug}-shop"
    weftd = Weftd(box)
    weftd.start()
    fetches.in_podman(name)
    fetches.in_podman(name)  # made anew: the same workload
    fetches.in_group(f"docker-{'f1' * 32}.scope")
    expect_equal(fetches.counted(weftd, 15), {name: 10, "curl": 5}, "requests by workload")
    listed = weftd.command("observe", "--from", name, "-o", "json").stdout.splitlines()
    expect_equal(len(listed), 10, "requests of the container in weft observe")
    weftd.remove()
    by_id = Weftd(box, "--names", "id")
    by_id.start()
    fetches.in_podman(name)
    found = fetches.counted(by_id, 5)
    expect(len(found) == 1 and re.fullmatch("[0-9a-f]{12}", next(iter(found))), f"workloads by id: {found}")
    refused = subprocess.run([box.build / "weftd", "--names", "both"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    expect(refused.returncode == 2 and "runtime or id" in refused.stdout, f"weftd --names both: {refused}")
