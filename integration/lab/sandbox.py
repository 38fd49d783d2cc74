# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A private little world for one test: namespaces on a bridge, control groups, a directory, processes. All names
derive from the test, and what was made is written to a journal first (journal.py), so that it can be taken away even when
the test was killed."""

import os
import pathlib
import shutil
import subprocess

from lab import journal
from lab.processes import Process, cgroup2_root, enter, wait_for

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NETWORK4, NETWORK6 = "198.18.0", "fd77:77"


def ip(*arguments, netns=None):
    command = ["ip", *(["-n", netns] if netns else []), *arguments]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")


class Namespace:
    """One machine of the sandbox: a network namespace with eth0, and a control group of the same name."""

    def __init__(self, sandbox, role, number):
        self.sandbox, self.role = sandbox, role
        self.name = f"weft-{sandbox.slug}-{role}"
        self.address, self.address6 = f"{NETWORK4}.{number}", f"{NETWORK6}::{number}"
        self.workload = role if sandbox.plain_names else f"{sandbox.slug}-{role}"
        self.cgroup = sandbox.make_cgroup(self.workload)
        self.number = number
        self.make()

    def make(self):
        self.sandbox.make_netns(self.name)
        ip("link", "set", "lo", "up", netns=self.name)
        self.wire()

    def wire(self):
        """Gives it eth0, whose other end is on the sandbox's bridge."""
        far = f"{self.role[:8]}{self.number}"
        ip("link", "add", "eth0", "netns", self.name, "type", "veth", "peer", "name", far, "netns", self.sandbox.hub)
        ip("link", "set", far, "master", "bridge", "up", netns=self.sandbox.hub)
        self.configure_eth0()

    def configure_eth0(self):
        ip("addr", "add", f"{self.address}/24", "dev", "eth0", netns=self.name)
        ip("addr", "add", f"{self.address6}/64", "dev", "eth0", "nodad", netns=self.name)
        ip("link", "set", "eth0", "up", netns=self.name)

    def start(self, argv, name, **options):
        """A background process here; the sandbox ends it."""
        return self.sandbox.start(argv, f"{self.role}-{name}", netns=self.name, cgroup=self.cgroup, **options)

    def run(self, argv, seconds=120, check=True, **options):
        """Runs to the end and returns the CompletedProcess with text output."""
        done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, errors="replace", timeout=seconds,
                              preexec_fn=enter(self.name, self.cgroup), **options)
        if check and done.returncode:
            raise RuntimeError(f"{argv[0]} ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-1500:]}")
        return done

    def listens(self, port):
        ports = self.run(["ss", "-Htln"]).stdout
        return any(line.split()[3].endswith(f":{port}") for line in ports.splitlines())


class Sandbox:
    """|plain_names|: workloads are called by their role alone; else the test's name is in front, so that several
    tests and whatever else runs on the machine are kept apart. |owner|: the process that cleans up after this one, should
    this one be killed."""

    def __init__(self, name, build, plain_names=False, owner=None):
        self.name, self.build, self.plain_names = name, pathlib.Path(build), plain_names
        self.slug = journal.slug_of(name)
        self.dir = self.build / "log" / name
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)
        self.journal = journal.begin(name, owner or os.getpid())
        self.processes, self.closers, self.checks = [], [], []
        self.namespaces = {}
        self.cgroup_root = cgroup2_root()
        self._hub = None

    @property
    def hub(self):
        """The namespace with the bridge that joins the others, made when it is first needed."""
        if not self._hub:
            self._hub = f"weft-{self.slug}-hub"
            self.make_netns(self._hub)
            ip("link", "add", "bridge", "type", "bridge", netns=self._hub)
            ip("link", "set", "bridge", "up", netns=self._hub)
        return self._hub

    def namespace(self, role):
        if role not in self.namespaces:
            self.namespaces[role] = Namespace(self, role, len(self.namespaces) + 1)
        return self.namespaces[role]

    def make_netns(self, name):
        self.journal.write(f"netns {name}\n")
        ip("netns", "add", name)

    def make_cgroup(self, name):
        if not self.cgroup_root:
            return None
        parent = os.path.join(self.cgroup_root, f"weft-{self.slug}")
        path = os.path.join(parent, name)
        for folder in (parent, path):
            if not os.path.isdir(folder):
                self.journal.write(f"cgroup {folder}\n")
                os.mkdir(folder)
        return path

    def open_folder(self):
        """Where every user may read and only root may write, whoever owns the tree."""
        path = pathlib.Path(f"/run/weft-{self.slug}")
        self.journal.write(f"folder {path}\n")
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        path.chmod(0o755)
        return path

    def start(self, argv, name, **options):
        process = Process(argv, self.dir / f"{name}.log", **options)
        self.journal.write(f"pid {process.pid} {journal.start_time(process.pid)}\n")
        self.processes.append(process)
        return process

    def on_pass(self, check):
        """What must be true at the end of a test that found nothing else wrong."""
        self.checks.append(check)

    def on_close(self, action):
        self.closers.append(action)

    def close(self):
        for action in reversed(self.closers):
            action()
        for process in reversed(self.processes):
            process.stop()
        self.journal.close()
        journal.sweep(journal.path_of(self.name))


def shown(path):
    """A path for people: as short as it may be typed here."""
    return path.relative_to(pathlib.Path.cwd()) if path.is_relative_to(pathlib.Path.cwd()) else path


__all__ = ["ROOT", "Sandbox", "Namespace", "shown", "wait_for"]
