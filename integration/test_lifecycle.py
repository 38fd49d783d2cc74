# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Who comes after whom: a second agent, a start that fails, other options, another build, and what is enforced meanwhile."""

import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error

from lab import journal, servers
from lab.mesh import CONNECTS, VIP, Mesh, connect, service
from lab.processes import wait_for
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
        """No forbidden client was let in, and no allowed client was refused."""
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


def ready(weftd):
    """(status, body) of GET /ready."""
    try:
        return 200, weftd.get("/ready").strip()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode().strip()


def forget_last_good(weftd):
    os.unlink(os.path.join(weftd.pin, "kept"))


def pins(weftd):
    """But those of libraries and interfaces, which the agent makes as other programs of the machine come and go."""
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(weftd.pin) for name in names
                  if not name.startswith(("lib", "tc-")))


def start_second(mesh, *options):
    """A second agent on the same pins, which must fail."""
    weftd = mesh.weftd
    return subprocess.run([weftd.program, "--listen", "", "--socket", mesh.box.dir / "second.sock", *options], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60)


def wait_until_kept(weftd):
    """Its files, for the next agent: what is in force is kept a moment later."""
    wait_for(lambda: os.path.exists(os.path.join(weftd.pin, "kept")), 5, "the files to be kept")


# ---- one agent


@test("lifecycle/second_agent_changes_nothing", needs=("nginx",), seconds=120)
def second_agent(box):
    """Whatever its options, and by whatever path it comes to the same pins: it says who has them, and changes nothing."""
    guarded = Guarded(box)
    mesh = guarded.mesh
    mesh.start()
    wait_until_kept(mesh.weftd)
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
        before = {kind: journal.bpf_numbers(kind) for kind in ("prog", "map", "link")}
        done = subprocess.run([weftd.program, "--listen", "", "--socket", box.dir / "x.sock", "--pin", weftd.pin, *options],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        expect_equal(done.returncode, 1, f"exit code with {options}: {done.stdout}")
        expect(not os.path.exists(weftd.pin), f"with {options} {weftd.pin} was left: {pins(weftd)}")
        expect(not (box.dir / "x.sock").exists(), f"with {options} the socket was left")
        made = {kind: journal.bpf_numbers(kind) - before[kind] for kind in before}  # or of others, who end as well
        wait_for(lambda: not any(journal.bpf_numbers(kind) & made[kind] for kind in made), 60, f"the kernel to have let go after {options}")


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


def expect_last_good(mesh, source="last good"):
    """Everything says what is in force, and why not what the directory has."""
    status = mesh.status()
    expect_equal((status["in_force"], status["generation"] > 0), (source, True), "what is in force")
    expect("broken.yaml:5:3" in status["failure"], f"the failure says where: {status['failure']}")
    code, body = ready(mesh.weftd)
    expect_equal(code, 200, "GET /ready")
    expect(body.startswith(f"ready: in force: {source}; ") and "broken.yaml:5:3" in body, f"GET /ready says: {body}")


def change_over(box, program=lambda weftd: weftd.program, options=(), broken=False, kill=True):
    guarded = Guarded(box)
    mesh = guarded.mesh
    mesh.start()
    with guarded.load(6):
        wait_for(lambda: mesh.lines("services")[0]["connects"] > 100, 10, "the clients to connect")
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
        if broken:
            expect_last_good(mesh)
        guarded.expect_enforced("by the next agent")
    return guarded, connects


@test("lifecycle/other_options", needs=("nginx",), seconds=120)
def other_options(box):
    """A restart with another size of the ring: no connect passes that is denied, none fails that is allowed, and what
    services count goes on."""
    guarded, connects = change_over(box, options=HEAPS, kill=False)
    later = guarded.mesh.lines("services")[0]["connects"]
    expect(later > connects, f"connects that the service counts over the restart: {connects}, then {later}")
    expect_equal(len([name for name in os.listdir(guarded.mesh.weftd.pin) if name.startswith("build-")]), 1, "kernel halves that are pinned")


@test("lifecycle/another_build", needs=("nginx",), seconds=120)
def another_build(box):
    """The same with a build whose object differs."""
    guarded, connects = change_over(box, program=same_layout)
    later = guarded.mesh.lines("services")[0]["connects"]
    expect(later > connects, f"connects that the service counts over the upgrade: {connects}, then {later}")
    expect_equal(len([name for name in os.listdir(guarded.mesh.weftd.pin) if name.startswith("build-")]), 1, "kernel halves that are pinned")


@test("lifecycle/another_layout", needs=("nginx",), seconds=120)
def another_layout(box):
    """The same with a build whose maps differ: the old half stays until the new one has the configuration."""
    guarded, _ = change_over(box, program=other_layout)
    expect_equal(len([name for name in os.listdir(guarded.mesh.weftd.pin) if name.startswith("build-")]), 1, "kernel halves that are pinned")


@test("lifecycle/broken_directory", needs=("nginx",), seconds=200)
def broken_directory(box):
    """An upgrade while a file of the directory is broken: what was in force goes on, and is known by its names, until the
    file is mended."""
    guarded, _ = change_over(box, program=same_layout, broken=True)
    mesh = guarded.mesh
    row, = mesh.lines("services")
    expect_equal((row["name"], row["ready"]), ("cart", 1), "the service that is in force")
    os.kill(mesh.weftd.worker(), signal.SIGKILL)
    wait_for(lambda: "event=worker_died" in mesh.weftd.process.output(), 5, "weftd's word on its worker")
    wait_for(lambda: mesh.weftd.command("mesh").returncode in (0, 3) and mesh.status()["settled"], 10, "the next worker")
    expect_last_good(mesh)
    guarded.expect_enforced("by the next worker")
    (mesh.directory / "broken.yaml").unlink()
    wait_for(lambda: mesh.status()["in_force"] == "directory", 5, "what is mended to be in force")
    expect_equal(ready(mesh.weftd), (200, "ready"), "GET /ready")


@test("lifecycle/broken_directory_other_layout", needs=("nginx",), seconds=120)
def broken_directory_other_layout(box):
    """The same with a build that cannot read the tables in force: it makes them anew from the files that were last good."""
    guarded, _ = change_over(box, program=other_layout, broken=True)
    expect_equal(len([name for name in os.listdir(guarded.mesh.weftd.pin) if name.startswith("build-")]), 1, "kernel halves that are pinned")


@test("lifecycle/no_last_good", needs=("nginx",), seconds=120)
def no_last_good(box):
    """Without the files that were last good the tables in force go on; a build that cannot read them leaves the old half in
    force until the directory is mended, and says that it is not ready."""
    guarded = Guarded(box)
    mesh = guarded.mesh
    mesh.start()
    wait_until_kept(mesh.weftd)
    with guarded.load(12):
        mesh.weftd.kill()
        mesh.write("broken", BROKEN)
        forget_last_good(mesh.weftd)
        mesh.start()
        expect_last_good(mesh, "an earlier agent")
        mesh.weftd.kill()
        mesh.weftd.program = other_layout(mesh.weftd)
        mesh.weftd.start(says="^weftd: event=not_ready")
        expect_equal(mesh.status()["in_force"], "an earlier build", "what is in force")
        code, body = ready(mesh.weftd)
        expect(code == 503 and "broken.yaml:5:3" in body, f"GET /ready: {code} {body}")
        guarded.expect_enforced("by the old half")
        (mesh.directory / "broken.yaml").unlink()
        wait_for(lambda: ready(mesh.weftd) == (200, "ready"), 5, "what is mended to be in force")
        wait_for(lambda: mesh.weftd.has_said("^weftd: ready$"), 5, "weftd: ready")
        guarded.expect_enforced("by the new half")
    expect_equal(len([name for name in os.listdir(mesh.weftd.pin) if name.startswith("build-")]), 1, "kernel halves that are pinned")


@test("lifecycle/nothing_in_force_is_not_ready", needs=("nginx",), seconds=120)
def nothing_in_force(box):
    """A first start with a broken directory: it observes, and says that it is not ready."""
    guarded = Guarded(box)
    mesh = guarded.mesh
    mesh.write("broken", BROKEN)
    mesh.weftd.start(says="^weftd: event=not_ready")
    expect_equal((mesh.status()["in_force"], mesh.status()["generation"]), ("nothing", 0), "what is in force")
    code, body = ready(mesh.weftd)
    expect(code == 503 and "broken.yaml:5:3" in body, f"GET /ready: {code} {body}")
    expect(not mesh.weftd.has_said("^weftd: ready$"), "it said that it was ready")
    (mesh.directory / "broken.yaml").unlink()
    wait_for(lambda: mesh.weftd.has_said("^weftd: ready$"), 5, "weftd: ready")
    guarded.expect_enforced("once the directory is mended")


# ---- without what it had


@test("lifecycle/without_a_mesh_is_refused", needs=("nginx",), seconds=120)
def without_a_mesh(box):
    """A start without --config on pins of which a policy is in force, by this build or another, with --once or without: it is
    refused and says what to do, and what is enforced goes on; after `weft detach` it starts."""
    guarded = Guarded(box)
    mesh = guarded.mesh
    mesh.start()
    wait_until_kept(mesh.weftd)
    mesh.weftd.kill()
    before = pins(mesh.weftd)
    for program in (mesh.weftd.program, same_layout(mesh.weftd), other_layout(mesh.weftd)):
        for more in ([], ["--once"]):
            done = subprocess.run([program, "--listen", "", "--socket", box.dir / "second.sock", "--pin", mesh.weftd.pin, *more],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20)
            expect_equal(done.returncode, 1, f"exit code of {program} {more}: {done.stdout}")
            expect("without --config" in done.stdout and f"weft detach --pin {mesh.weftd.pin}" in done.stdout, done.stdout)
            expect_equal(pins(mesh.weftd), before, "what is pinned")
    guarded.expect_enforced("after starts without a configuration")
    expect_equal(mesh.weftd.detach().returncode, 0, "weft detach")
    plain = Weftd(box)
    plain.start()
    expect_equal(connect(guarded.stranger, count=5)["errors"].get("EPERM"), None, "denied after `weft detach`")
    plain.stop()


@test("lifecycle/without_a_mesh_after_an_empty_one", seconds=60)
def after_an_empty_mesh(box):
    """Where the mesh decided over nothing there is nothing to lose."""
    mesh = Mesh(box)
    mesh.start()
    mesh.weftd.stop()
    Weftd(box).start()


def removed_names(mesh):
    return [line for line in mesh.weftd.process.output().splitlines() if "event=config_removed " in line]


@test("lifecycle/empty_directory", needs=("nginx",), seconds=120)
def empty_directory(box):
    """A directory without any file, as where nothing is mounted: what was in force goes on, by the files that were last good
    or the tables alone, with another worker too, until there is a file; what that takes away is logged by name."""
    guarded = Guarded(box)
    mesh = guarded.mesh
    mesh.start()
    wait_until_kept(mesh.weftd)
    mesh.weftd.stop()
    text = (mesh.directory / "cart.yaml").read_text()
    (mesh.directory / "cart.yaml").unlink()
    mesh.start()
    for again in (False, True):
        if again:
            wait_until_kept(mesh.weftd)
            os.kill(mesh.weftd.worker(), signal.SIGKILL)
            wait_for(lambda: "event=worker_died" in mesh.weftd.process.output(), 5, "weftd's word on its worker")
            wait_for(lambda: mesh.weftd.command("mesh").returncode in (0, 3) and mesh.status()["settled"], 10, "the next worker")
        status = mesh.status()
        expect("E1010" in status["failure"] and "the directory" in status["failure"], f"what is wrong is told: {status}")
        expect_equal(status["in_force"], "last good", "what is in force")
        guarded.expect_enforced(f"with an empty directory, another worker: {again}")
    expect("event=config_refused" in mesh.weftd.process.output(), "the problem is in the log")
    expect_equal(removed_names(mesh), [], "said to be removed")
    mesh.weftd.stop()
    forget_last_good(mesh.weftd)
    mesh.start()
    expect_equal(mesh.status()["in_force"], "an earlier agent", "what is in force without the last good files")
    guarded.expect_enforced("with an empty directory, by the tables")
    mesh.write("cart", text)
    wait_for(lambda: mesh.status()["in_force"] == "directory" and not mesh.status()["failure"], 5, "the file")
    wait_until_kept(mesh.weftd)
    mesh.weftd.stop()
    (mesh.directory / "cart.yaml").unlink()
    mesh.start()
    mesh.write("nothing", "# nothing\n")
    wait_for(lambda: removed_names(mesh), 5, "the removal in the log")
    expect("AuthorizationPolicy shop/friends-only" in removed_names(mesh)[0], removed_names(mesh)[0])
    expect_equal((mesh.status()["in_force"], mesh.lines("services")), ("directory", []), "what is in force")


def wait_for_failure(mesh, text):
    wait_for(lambda: text in mesh.status()["failure"] if text else not mesh.status()["failure"], 6, f"the problem {text!r}")


def wait_for_replacement(mesh):
    """An empty directory was noticed, and what is in force is said."""
    wait_for_failure(mesh, "E1010: another one is in its place")
    done = mesh.weftd.command("mesh")
    expect("as they were before the change that failed" in done.stdout, done.stdout)
    expect_equal(done.returncode, 3, "exit code of `weft mesh`")


REPLACE = 'rm -rf "$0" && mkdir "$0" && sleep "$1" && cp "$2/before.yaml" "$0" && sleep 0.1 && cp "$2/cart.yaml" "$0"'


@test("lifecycle/directory_replaced", needs=("nginx",), seconds=120)
def directory_replaced(box):
    """Removed and made again, as scripts deploy; moved away; unmounted: no policy ends before there is a file."""
    guarded = Guarded(box)
    mesh, copy = guarded.mesh, box.dir / "copy"
    mesh.write("before", "# a file that is copied first\n")
    shutil.copytree(mesh.directory, copy)
    mesh.start()
    with guarded.load(16):
        for pause in (0, 0.02, 1):
            subprocess.run(["sh", "-c", REPLACE, mesh.directory, str(pause), copy], check=True)
            time.sleep(0.5)
            wait_for_failure(mesh, "")
        mesh.directory.rename(box.dir / "away")
        wait_for_failure(mesh, "E1009")
        mesh.directory.mkdir()
        wait_for_replacement(mesh)
        subprocess.run(["mount", "-t", "tmpfs", "weft-test", mesh.directory], check=True)
        try:
            for path in sorted(copy.iterdir()):
                shutil.copy(path, mesh.directory)
            wait_for_failure(mesh, "")
            with open(mesh.directory / "cart.yaml", encoding="utf-8"):  # then the kernel reports nothing to the watcher
                subprocess.run(["umount", "-l", mesh.directory], check=True)
                wait_for_replacement(mesh)
        finally:
            subprocess.run(["umount", "-l", mesh.directory], check=False, stderr=subprocess.DEVNULL)
    expect_equal(removed_names(mesh), [], "said to be removed")
    mesh.write("nothing", "# nothing\n")
    wait_for(lambda: removed_names(mesh), 5, "the removal in the log")
    expect("AuthorizationPolicy shop/friends-only" in removed_names(mesh)[0], removed_names(mesh)[0])


def lines_of(weftd, event):
    return [line for line in weftd.process.output().splitlines() if f"event={event} " in line]


@test("lifecycle/pins_removed", needs=("nginx",), seconds=120)
def pins_removed(box):
    """What another program removes from the pins of a running agent is pinned again: the policy goes on without the agent."""
    guarded = Guarded(box)
    mesh = guarded.mesh
    mesh.start()
    wait_until_kept(mesh.weftd)
    before = pins(mesh.weftd)
    layouts = sorted(glob.glob(f"{mesh.weftd.pin}/build-*/layout-*"))
    with guarded.load(12):
        subprocess.run(["sh", "-c", 'rm -rf "$0"/*', mesh.weftd.pin], check=True)
        expect_equal(pins(mesh.weftd), [], "pins after their removal")
        wait_for(lambda: pins(mesh.weftd) == before, 6, "the pins")
        expect_equal(sorted(glob.glob(f"{mesh.weftd.pin}/build-*/layout-*")), layouts, "the layouts")
        wait_for(lambda: lines_of(mesh.weftd, "pins_restored"), 2, "the line in the log")
        mesh.weftd.kill()
        time.sleep(1)
        expect(pins(mesh.weftd) == before, "what is pinned without an agent")
        mesh.start()
    expect(json.loads(mesh.weftd.command("status", "-o", "json").stdout)["adopted"], "the kernel half is not adopted")


@test("lifecycle/pins_out_of_reach", seconds=60)
def pins_out_of_reach(box):
    """Unmounted, or read-only: that is said, in the log, by `weft status` and by `weft check`."""
    mesh = Mesh(box)
    mesh.start()
    pin = mesh.weftd.pin

    def problem():
        return json.loads(mesh.weftd.command("status", "-o", "json").stdout)["pins_problem"]

    for commands, text in (([["mount", "-t", "tmpfs", "weft-test", pin]], "not on a bpf file system"),
                           ([["mount", "--bind", pin, pin], ["mount", "-o", "remount,bind,ro", pin]], "Read-only file system")):
        expect_equal(problem(), "", "the problem of pins that are there")
        try:
            for command in commands:
                subprocess.run(command, check=True)
            wait_for(lambda: text in problem(), 8, f"the problem {text!r}")
            done = mesh.weftd.command("check")
            expect(done.returncode == 3 and text in done.stdout, done.stdout)
            done = mesh.weftd.command("status")
            expect(done.returncode == 3 and f"not pinned     {pin}: {text}" in done.stdout, done.stdout)
        finally:
            subprocess.run(["umount", "-l", pin], check=True)
        wait_for(lambda: not problem(), 8, "the end of the problem")
        expect(text in lines_of(mesh.weftd, "pins_missing")[-1], mesh.weftd.process.output())
    expect_equal(len(lines_of(mesh.weftd, "pins_complete")), 2, "the ends that are logged")


@test("lifecycle/removed_without_an_agent", needs=("nginx",), seconds=120)
def removed_without_an_agent(box):
    """What was removed while no agent ran is logged by the next one, by name; what moved to another file is not."""
    guarded = Guarded(box)
    mesh = guarded.mesh
    mesh.start()
    wait_until_kept(mesh.weftd)
    mesh.weftd.stop()
    (mesh.directory / "cart.yaml").unlink()
    mesh.write("moved", guarded.text)
    mesh.start()
    wait_for(lambda: removed_names(mesh), 5, "the removal in the log")
    line, = removed_names(mesh)
    wanted = {"AuthorizationPolicy shop/friends-only", "Workload friends/friend", "Workload strangers/stranger"}
    expect_equal(set(line.split('objects="')[1].rstrip('"').split(", ")), wanted, "names that are logged")
    expect(" count=3 " in line, line)


# ---- detach


def kernel_objects(weftd):
    """Those that the agent had when it was ready."""
    return [line.split() for line in journal.path_of(weftd.box.name).read_text().splitlines() if line.startswith(("prog ", "link "))]


def expect_detached(guarded, objects):
    """The kernel lists nothing of it, and no client is refused any more."""
    held = {kind: journal.bpf_numbers(kind) for kind in ("prog", "link")}
    expect_equal([f"{kind} {number}" for kind, number in objects if number in held[kind]], [], "left in the kernel")
    for place in (guarded.friend, guarded.stranger):
        found = connect(place, guarded.node.place.address, 8080, count=20)
        expect_equal(found["answers"], {"200": 20}, f"the {place.role}'s answers after detach")


@test("lifecycle/detach_beside_an_agent", needs=("nginx",), seconds=120)
def detach_beside(box):
    """The agent is asked to end; one that does not is named, and everything stays as it is unless it is to be killed."""
    guarded = Guarded(box)
    mesh = guarded.mesh
    mesh.start()
    objects, process = kernel_objects(mesh.weftd), mesh.weftd.process
    expect(len(objects) > 20, "no programs or links were seen: the test proves nothing")
    done = mesh.weftd.detach()
    expect_equal((done.returncode, process.popen.wait(10)), (0, 0), f"exit codes of detach and of the agent: {done.stdout}")
    expect_detached(guarded, objects)
    mesh.start()
    objects, process = kernel_objects(mesh.weftd)[len(objects):], mesh.weftd.process
    os.kill(process.pid, signal.SIGSTOP)
    done = mesh.weftd.detach()
    expect_equal(done.returncode, 1, f"exit code of detach beside an agent that hangs: {done.stdout}")
    expect(f"pid {process.pid})" in done.stdout and "--force" in done.stdout, f"it says who does not end: {done.stdout}")
    guarded.expect_enforced("after a detach that was refused")
    done = mesh.weftd.detach("--force")
    expect_equal(done.returncode, 0, f"exit code of detach --force: {done.stdout}")
    process.popen.wait(10)
    mesh.weftd.process = None
    expect_detached(guarded, objects)


# ---- descriptors


def leave_descriptors(weftd, number):
    """The kernel gives the lowest that is free: |number| of these are below the limit. Programs that weftd has opened to read them
    are closed after a while: until nothing is closed any more."""
    limit = None
    for _ in range(20):
        taken = {int(name) for name in os.listdir(f"/proc/{weftd.process.pid}/fd")}
        before, limit = limit, [n for n in range(len(taken) + number + 1) if n not in taken][number]
        if limit == before:
            return
        limit_descriptors(weftd, limit)
        time.sleep(1)


def limit_descriptors(weftd, number):
    subprocess.run(["prlimit", "--pid", str(weftd.process.pid), f"--nofile={number}:"], check=True)


def descriptors(weftd):
    return json.loads(weftd.command("status", "-o", "json").stdout)["descriptors"]


@test("lifecycle/many_interfaces", needs=("nginx", "prlimit"), seconds=120)
def many_interfaces(box):
    """Interfaces cost no descriptor: 240 of them, with 300 that weftd may have (of which it keeps 64 in reserve, and needs nearly
    200 for what does not grow), are counted each, and the mesh goes on."""
    guarded = Guarded(box)
    mesh, crowd = guarded.mesh, box.namespace("crowd")
    batch = box.dir / "veths"
    batch.write_text("".join(f"link add w{n} type veth peer name v{n}\nlink set w{n} up\nlink set v{n} up\n" for n in range(120)))
    subprocess.run(["ip", "-n", crowd.name, "-batch", batch], check=True)
    mesh.weftd.ahead = ("nsenter", f"--net=/run/netns/{crowd.name}", "prlimit", "--nofile=300:300")
    mesh.start()
    rows = json.loads(mesh.weftd.command("check", "-o", "json").stdout)["interfaces"]
    results = [row["result"] for row in rows if row["name"][0] in "wv"]
    expect_equal((len(results), set(results)), (240, {"ok"}), "interfaces that are counted")
    found = descriptors(mesh.weftd)
    expect(found["limit"] == 300 and 0 < found["used"] < 236 and not found["short"], f"descriptors: {found}")
    guarded.expect_enforced("with many interfaces")
    mesh.apply(cart=guarded.text)
    expect_equal(connect(guarded.stranger, count=20)["answers"], {"200": 20}, "the stranger's answers when the policy is gone")


@test("lifecycle/descriptors_run_out", needs=("nginx", "prlimit"), seconds=120)
def descriptors_run_out(box):
    """A change that comes when no descriptor is left is told as not applied, and is applied when there are some again; so is
    a worker that died meanwhile started again."""
    guarded = Guarded(box)
    mesh = guarded.mesh
    mesh.start()
    failed = mesh.status()["failed"]
    limit = descriptors(mesh.weftd)["limit"]
    leave_descriptors(mesh.weftd, 0)
    wait_for(lambda: mesh.weftd.has_said("^weftd: event=descriptors_short used="), 10, "the word on the shortage")
    expect(descriptors(mesh.weftd)["short"], "weft status says that descriptors are short")
    mesh.write("cart", guarded.text)
    wait_for(lambda: mesh.status()["failed"] > failed, 10, "the change to be told as not applied")
    expect(mesh.status()["failure"] != "", "it says why")
    guarded.expect_enforced("while descriptors are short")
    os.kill(mesh.weftd.worker(), signal.SIGKILL)
    wait_for(lambda: mesh.weftd.has_said("^weftd: event=worker_start_failed"), 15, "the attempt to start another worker")
    guarded.expect_enforced("without a worker")
    limit_descriptors(mesh.weftd, limit)
    wait_for(lambda: mesh.weftd.command("mesh").returncode == 0 and mesh.status()["failure"] == "", 40, "the next worker, and the change")
    wait_for(lambda: mesh.weftd.has_said("^weftd: event=descriptors_enough"), 10, "the word on its end")
    expect_equal(connect(guarded.stranger, count=20)["answers"], {"200": 20}, "the stranger's answers when the policy is gone")


@test("lifecycle/descriptors_run_out_for_a_while", needs=("nginx", "prlimit"), seconds=120)
def descriptors_for_a_while(box):
    """The same without the worker's death: the file need not be touched again."""
    guarded = Guarded(box)
    mesh = guarded.mesh
    mesh.start()
    failed, limit = mesh.status()["failed"], descriptors(mesh.weftd)["limit"]
    for spare in (0, 1, 2):
        leave_descriptors(mesh.weftd, spare)
        mesh.write("cart", guarded.text if spare % 2 == 0 else guarded.text + workload(guarded.friend) + workload(guarded.stranger)
                   + FRIENDS_ONLY)
        time.sleep(1)
        limit_descriptors(mesh.weftd, limit)
        wait_for(lambda: mesh.status()["failure"] == "", 15, "the change to be applied")
        if spare % 2 == 0:
            expect_equal(connect(guarded.stranger, count=20)["answers"], {"200": 20}, "the stranger's answers without the policy")
        else:
            guarded.expect_enforced("when the policy is there again")
    expect(mesh.status()["failed"] > failed or mesh.status()["applied"] > 3, "nothing was short: the test proves nothing")
