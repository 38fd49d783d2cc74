# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Programs that are known by their whole path: what runs from elsewhere is another program, whatever its name is, how
it was started and what its user may mount."""

import os
import pathlib
import shutil
import subprocess
import sys

from lab.mesh import Mesh
from lab.processes import wait_for
from lab.verdict import Skip, expect_equal, test
from test_identity import matched
from test_policy import DIAL, NO, OK, REFUSED, policy, source, workload

SILENCE = "silence"
USER = 65533
TARGETS = ["8080", "udp:8080", "udp-connected:8080", "lite:8080"]
ALLOWED, DENIED = [OK] * 4, [NO] * 4
LONG = "payments-" + "reconciliation-" * 6 + "worker-"
HOME = {"PYTHONHOME": sys.base_prefix, "PATH": os.environ["PATH"]}


OUTSIDE = """
import ctypes, os, sys
place = f"/proc/{os.getppid()}"
assert not ctypes.CDLL(None).setns(os.open(f"{place}/ns/mnt", os.O_RDONLY), 0)
path = os.readlink(f"{place}/root").rstrip("/") + sys.argv[1]
above = [path[:at] for at, letter in enumerate(path) if letter == "/" and at] + ["/"]
print(any(found.st_uid or found.st_mode & 0o022 for found in map(os.stat, above)), path)
"""


def outside(path):
    """As the root of our mount namespace shows it, which need not be our root: whether others than root may change what
    lies there, and the whole path."""
    others, whole = subprocess.check_output([sys.executable, "-c", OUTSIDE, str(path)], text=True).strip().split(" ", 1)
    return others == "True", whole


def whole(path):
    return outside(path)[1]


class Programs:
    """Copies of one program, a server that the mesh knows by its address, and a client's machine."""

    def __init__(self, box, **match):
        self.folder = box.open_folder()
        self.server, self.house = box.namespace("server"), box.namespace("house")
        self.server.start([sys.executable, DIAL, "listen", 8080], "listener")
        wait_for(lambda: self.server.listens(8080), 10, "the listener")
        self.client = shutil.copy(DIAL, self.folder)
        self.good = self.copy("good")
        match = {"executable": whole(self.good), **match}
        self.mesh = Mesh(box, servers=workload("cart", "cart", self.server.address, "cart"), clients=matched("shop", "shop", match),
                         policy=policy({"rules": [source(namespaces=["shop"])]}))
        self.mesh.start()

    def copy(self, folder, name="weft-shop"):
        (self.folder / folder).mkdir(exist_ok=True)
        return shutil.copy(pathlib.Path(sys.executable).resolve(), self.folder / folder / name)

    def dial(self, *command, targets=TARGETS):
        return self.house.run([*command, self.client, self.server.address, *targets], env=HOME).stdout.split()

    def expect(self, what, wanted, *command):
        expect_equal(self.dial(*command), wanted, what)


def as_user(*command):
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *command]


IN_MEMORY = """
import os, sys
fd = os.memfd_create(os.path.basename(sys.argv[1]))
os.write(fd, open(sys.argv[1], "rb").read())
os.execve(f"/proc/self/fd/{fd}", sys.argv[1:], os.environ)
"""
GONE = """
import os, runpy, sys
path, new = sys.argv[1:3]
os.rename(new, path) if new else os.unlink(path)
sys.argv = sys.argv[3:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@test("policy/executable_path", seconds=60)
def path(box):
    """A copy of the program elsewhere is another program; one that was replaced or removed while it runs is what it was."""
    programs = Programs(box)
    good, evil = programs.good, programs.copy("evil")
    programs.expect("the program", ALLOWED, good)
    programs.expect("a copy of it with its name", DENIED, evil)
    programs.expect("a copy without a place", DENIED, evil, "-c", IN_MEMORY, good)
    link = programs.folder / "evil" / "link"
    link.symlink_to(good)
    programs.expect("the program by a link", ALLOWED, link)
    os.link(good, programs.folder / "evil" / "hard")
    programs.expect("its file by another path", DENIED, programs.folder / "evil" / "hard")
    programs.expect("replaced while it runs", ALLOWED, good, "-c", GONE, good, evil)
    programs.expect("what replaced it", ALLOWED, good)
    programs.expect("removed while it runs", ALLOWED, good, "-c", GONE, good, "")
    for name in (LONG + "prod", LONG + "prod" * 30):
        good, evil = programs.copy("good", name), programs.copy("good", name[:-4] + "pwnd")
        programs.mesh.apply(clients=matched("shop", "shop", {"executable": whole(good)}))
        programs.expect(f"a name of {len(name)} characters", ALLOWED, good)
        programs.expect("another one that differs in the last ones", DENIED, evil)
    wanted = {"reporter": "source", "source_workload": "shop", "source_workload_namespace": "shop"}
    wait_for(lambda: programs.mesh.weftd.metrics().total("istio_tcp_connections_opened_total", **wanted) == 7, 10, "its connections by name")
    programs.mesh.weftd.kill()
    programs.expect("the program, without the agent", ALLOWED, good)
    programs.expect("a copy of it, without the agent", DENIED, evil)


@test("policy/executable_server", seconds=60)
def server(box):
    """The same of servers: sockets that are older than the agent and younger ones, beside another server of the same name."""
    programs = Programs(box)
    carts = {8081: programs.copy("cart", "weft-cart"), 8082: programs.copy("evil", "weft-cart")}
    for port, program in carts.items():
        programs.server.start([program, DIAL, "listen", port], f"listener-{port}", env=HOME)
        wait_for(lambda port=port: programs.server.listens(port), 10, "a listener")
    known = {8080: pathlib.Path(sys.executable).resolve(), 8081: carts[8081]}

    def check(what, protected, denied):
        for port in (8080, 8081, 8082):
            targets = [str(port), f"udp:{port}"]
            expect_equal(programs.dial(programs.good, targets=targets), [OK] * 2, f"{what}: who may, to {port}")
            expect_equal(programs.dial(sys.executable, targets=targets), denied if port == protected else [OK] * 2, f"{what}: who may not, to {port}")

    for agent in ("running", "started again"):
        for port, program in known.items():
            programs.mesh.apply(servers=matched("cart", "cart", {"executable": whole(program)}))
            check(f"agent {agent}, {program}", port, [REFUSED, SILENCE])
        programs.mesh.weftd.stop()
        if agent == "running":
            programs.mesh.start()
    check("agent gone", 8081, [SILENCE] * 2)


@test("policy/executable_mounts", seconds=60, needs=("unshare", "setpriv"))
def mounts(box):
    """Who mounts another program over the path in a namespace of his own is not the program; root is who says what is where."""
    programs = Programs(box)
    good, evil = programs.good, programs.copy("evil")
    over = ["sh", "-c", f"mount --bind {evil} {good} && exec \"$@\"", "sh"]
    folder = ["sh", "-c", f"mount --bind {evil.parent} {good.parent} && exec \"$@\"", "sh"]
    programs.expect("a user's program", ALLOWED, *as_user(good))
    own = as_user("unshare", "--user", "--map-root-user", "--mount")
    if programs.house.run([*own, "true"], check=False).returncode:
        raise Skip("users may not make namespaces here")
    programs.expect("another one mounted over it by a user", DENIED, *own, *over, good)
    programs.expect("another folder mounted over its own by a user", DENIED, *own, *folder, good)
    held = programs.house.start([*own, *over, "sleep", "60"], "held")
    wait_for(lambda: "sleep" in pathlib.Path(f"/proc/{held.pid}/comm").read_text(), 10, "the mount")
    programs.expect("the same, from outside", DENIED, *as_user(f"/proc/{held.pid}/root{good}"))
    programs.expect("the program in a mount namespace of root's", ALLOWED, "unshare", "--mount", good)
    programs.expect("what root mounted over it", ALLOWED, "unshare", "--mount", *over, good)
    programs.expect("what it is mounted over elsewhere", DENIED, "unshare", "--mount", "sh", "-c", f"mount --bind {good} {evil} && exec \"$@\"", "sh", evil)


@test("policy/executable_owner", seconds=60)
def owner(box):
    """executableOwner: a program that another user may change, or a directory above it, is none."""
    programs = Programs(box, executableOwner=0)
    good, folder = programs.good, programs.good.parent
    if outside(programs.folder)[0]:
        raise Skip(f"others may change what is in {whole(programs.folder)}")
    programs.expect("root's own", ALLOWED, good)
    for change, undo, what in ((lambda: good.chmod(0o775), lambda: good.chmod(0o755), "a group may write to the file"),
                               (lambda: folder.chmod(0o1777), lambda: folder.chmod(0o755), "others may write to its directory"),
                               (lambda: os.chown(programs.folder, USER, 0), lambda: os.chown(programs.folder, 0, 0), "a user owns the one above")):
        change()
        programs.expect(what, DENIED, good)
        undo()
        programs.expect(f"{what} no more", ALLOWED, good)
    programs.mesh.apply(clients=matched("shop", "shop", {"executable": "*/weft-shop", "executableOwner": USER}))
    programs.expect("root's own, where a user's would do", ALLOWED, good)
    os.chown(good, USER, USER)
    programs.expect("the user's own", ALLOWED, good)
    os.chown(good, USER + 1, USER)
    programs.expect("another user's own", DENIED, good)
    os.chown(good, USER, USER)
    os.chown(folder, USER + 1, 0)
    programs.expect("of two users", DENIED, good)
