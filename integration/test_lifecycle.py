# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Who comes after whom: a second agent, a start that fails, other options, another build, and what is enforced meanwhile."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

from lab import servers
from lab.mesh import CONNECTS, VIP, Mesh, connect, service
from lab.processes import wait_for
from lab.sandbox import bpf_numbers
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd

BROKEN = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: x}\nspec:\n  hots: [a]\n"
HEAPS = "--ring-bytes", str(1 << 20)


def workload(place):
    """Known by its control group."""
    return f"""apiVersion: weft.dev/v1alpha1
kind: Workload
metadata: {{name: {place.role}, namespace: {place.role}s, labels: {{app: {place.role}}}}}
spec:
  match: [{{cgroup: {place.cgroup.removeprefix(place.sandbox.cgroup_root)}}}]
---
"""


FRIENDS_ONLY = """apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: friends-only, namespace: shop}
spec:
  action: ALLOW
  rules: [{from: [{source: {namespaces: [friends]}}]}]
---
"""


class Guarded:
    """A service that friends may use and strangers may not, asked by both without a pause."""

    def __init__(self, box, *options):
        self.box = box
        self.node = servers.nginx(box.namespace("cart"), 8080)
        self.friend, self.stranger = box.namespace("friend"), box.namespace("stranger")
        self.text = service("cart", [(self.node.place.address, {"version": "v1"})])
        self.mesh = Mesh(box, *options, cart=self.text + workload(self.friend) + workload(self.stranger) + FRIENDS_ONLY)
        self.running = []

    def load(self, seconds):
        """Both clients, by the service's address and by the endpoint's, for |seconds|."""
        self.running = [(place, place.start([sys.executable, CONNECTS, address, port, f"{seconds}s"], f"connects-{port}-{len(self.box.processes)}"))
                        for place in (self.friend, self.stranger) for address, port in ((VIP, 80), (self.node.place.address, 8080))]
        return self

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        """Nobody was let in who may not, and nobody was kept out who may."""
        for place, process in self.running:
            process.popen.wait(60)
            if kind:
                continue
            found = json.loads(process.output().splitlines()[-1])
            name = "answers" if place is self.friend else "errors"
            other = "errors" if place is self.friend else "answers"
            expect_equal(found[other], {}, f"{other} of the {place.role} ({process.argv[2]})")
            expect(sum(found[name].values()) > 200, f"{found}: too few to prove anything")
            expect_equal(set(found[name]), {"200"} if place is self.friend else {"EPERM"}, f"{name} of the {place.role}")

    def expect_enforced(self, what):
        expect_equal(connect(self.friend, count=20)["answers"], {"200": 20}, f"the friend's answers, {what}")
        expect_equal(connect(self.stranger, count=20)["errors"], {"EPERM": 20}, f"the stranger's errors, {what}")


def other_build(weftd, old, new):
    """weftd with another BPF object: |new|, as long as |old|, in place of its only occurrence there."""
    data = weftd.program.read_bytes()
    expect_equal((data.count(old), len(old)), (1, len(new)), f"{old} in the program")
    program = weftd.box.dir / f"weftd-{new.strip(bytes(1)).decode().replace('/', '-').replace(' ', '-')}"
    program.write_bytes(data.replace(old, new))
    program.chmod(0o755)
    return program


def same_layout(weftd):
    return other_build(weftd, b"Dual BSD/GPL\0", b"Dual MIT/GPL\0")


def other_layout(weftd):
    """A member of the state of endpoints has another name: maps cannot be shared with this one."""
    return other_build(weftd, b"\0failures\0", b"\0mistakes\0")


def pins(weftd):
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(weftd.pin) for name in names)


def start_second(mesh, *options):
    """A second agent on the same pins, which must fail."""
    weftd = mesh.weftd
    return subprocess.run([weftd.program, "--listen", "", "--socket", mesh.box.dir / "second.sock", *options], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60)


# ---- one agent


@test("lifecycle/second_agent_changes_nothing", needs=("nginx",), seconds=120)
def second_agent(box):
    """Whatever its options, and by whatever path it comes to the same pins: it says who has them, and changes nothing."""
    guarded = Guarded(box)
    mesh = guarded.mesh
    mesh.start()
    before = pins(mesh.weftd)
    link = box.dir / "pins"
    link.symlink_to(mesh.weftd.pin)
    for options in (["--pin", mesh.weftd.pin], ["--pin", mesh.weftd.pin, *HEAPS], ["--pin", link, "--config", mesh.directory],
                    ["--pin", mesh.weftd.pin, "--listen", f"127.0.0.1:{mesh.weftd.port}", "--socket", mesh.weftd.socket]):
        done = start_second(mesh, *options)
        expect_equal(done.returncode, 1, f"exit code of the second agent: {done.stdout}")
        expect(f"pid {mesh.weftd.process.pid}," in done.stdout and "since 20" in done.stdout, f"it says who has them: {done.stdout}")
        expect_equal(pins(mesh.weftd), before, "what is pinned")
    guarded.expect_enforced("beside second agents")
    mesh.weftd.stop(number=signal.SIGTERM)
    guarded.expect_enforced("after the first agent has ended")
    mesh.start()
    expect_equal(mesh.weftd.process.alive(), True, "the next agent gets the lock of the one that ended")


@test("lifecycle/failed_start_leaves_nothing", needs=("nginx",), seconds=120)
def failed_start(box):
    """An address in use, a directory that is none, a socket that cannot be: nothing is attached, pinned or made."""
    weftd = Weftd(box)
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    for options in (["--listen", f"127.0.0.1:{port}"], ["--config", box.dir / "nowhere"], ["--socket", box.dir / "no" / "such" / "x"]):
        before = {kind: bpf_numbers(kind) for kind in ("prog", "map", "link")}
        done = subprocess.run([weftd.program, "--listen", "", "--socket", box.dir / "x.sock", "--pin", weftd.pin, *options],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        expect_equal(done.returncode, 1, f"exit code with {options}: {done.stdout}")
        expect(not os.path.exists(weftd.pin), f"with {options} {weftd.pin} was left: {pins(weftd)}")
        expect(not (box.dir / "x.sock").exists(), f"with {options} the socket was left")
        wait_for(lambda: all(bpf_numbers(kind) <= before[kind] for kind in before), 5, f"the kernel to have let go after {options}")


@test("lifecycle/failed_start_keeps_what_is_enforced", needs=("nginx",), seconds=120)
def failed_upgrade(box):
    """Another build, and other options, that fail to start after the first agent has died: its policy stays in force."""
    guarded = Guarded(box)
    mesh = guarded.mesh
    mesh.start()
    mesh.weftd.kill()
    before = pins(mesh.weftd)
    taken = socket.create_server(("127.0.0.1", 0))
    options = ["--pin", mesh.weftd.pin, "--config", mesh.directory, "--listen", f"127.0.0.1:{taken.getsockname()[1]}"]
    for program in (mesh.weftd.program, same_layout(mesh.weftd)):
        for more in ([], HEAPS, ["--config", box.dir / "nowhere", "--listen", ""]):
            done = subprocess.run([program, "--socket", box.dir / "second.sock", *options, *more], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=60)
            expect_equal(done.returncode, 1, f"exit code: {done.stdout}")
            expect_equal(pins(mesh.weftd), before, "what is pinned")
    guarded.expect_enforced("after starts that failed")


# ---- the next one


def change_over(box, program=lambda weftd: weftd.program, options=(), broken=False, kill=True):
    guarded = Guarded(box)
    mesh = guarded.mesh
    mesh.start()
    with guarded.load(6):
        time.sleep(1)
        connects = mesh.lines("services")[0]["connects"]
        if kill:
            mesh.weftd.kill()
        else:
            mesh.weftd.stop(number=signal.SIGTERM)
        if broken:
            mesh.write("broken", BROKEN)
        mesh.weftd.program = program(mesh.weftd)
        mesh.weftd.options += options
        mesh.start()
        guarded.expect_enforced("by the next agent")
    return guarded, connects


@test("lifecycle/other_options", needs=("nginx",), seconds=120)
def other_options(box):
    """A restart with another size of the ring: no connect passes that is denied, none fails that is allowed, and what
    services count goes on."""
    guarded, connects = change_over(box, options=HEAPS, kill=False)
    expect(guarded.mesh.lines("services")[0]["connects"] > connects > 0, "connects that the service counts over the restart")
    expect_equal(len([name for name in os.listdir(guarded.mesh.weftd.pin) if name.startswith("build-")]), 1, "kernel halves that are pinned")


@test("lifecycle/another_build", needs=("nginx",), seconds=120)
def another_build(box):
    """The same with a build whose object differs."""
    guarded, connects = change_over(box, program=same_layout)
    expect(guarded.mesh.lines("services")[0]["connects"] > connects > 0, "connects that the service counts over the upgrade")
    expect_equal(len([name for name in os.listdir(guarded.mesh.weftd.pin) if name.startswith("build-")]), 1, "kernel halves that are pinned")


@test("lifecycle/another_layout", needs=("nginx",), seconds=120)
def another_layout(box):
    """The same with a build whose maps differ: the old half stays until the new one has the configuration."""
    guarded, _ = change_over(box, program=other_layout)
    expect_equal(len([name for name in os.listdir(guarded.mesh.weftd.pin) if name.startswith("build-")]), 1, "kernel halves that are pinned")
