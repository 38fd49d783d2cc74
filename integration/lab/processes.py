# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Starts programs inside a network namespace and a control group, and ends exactly those that were started."""

import ctypes
import os
import signal
import subprocess
import time

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
# In front of a program whose times are compared: it must not wait for a CPU while other work of the machine has it. Such
# a wait lies before the bytes left or after they arrived, and is not weft's to see.
AHEAD = ("nice", "-n", "-15")


def cgroup2_root():
    """Where the cgroup v2 hierarchy is mounted (it is not the same place on every machine)."""
    with open("/proc/mounts") as mounts:
        for line in mounts:
            fields = line.split()
            if fields[2] == "cgroup2":
                return fields[1]
    return None


def enter(netns, cgroup):
    """For the child between fork and exec: into the namespace and the group, and not to outlive us."""
    def prepare():
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if cgroup:
            with open(os.path.join(cgroup, "cgroup.procs"), "w") as procs:
                procs.write("0")
        if netns:
            fd = os.open(f"/run/netns/{netns}", os.O_RDONLY)
            if libc.setns(fd, CLONE_NEWNET):
                os._exit(126)
            os.close(fd)
    return prepare


class Process:
    """A program that runs in the background; its output goes to a file."""

    def __init__(self, argv, log, netns=None, cgroup=None, env=None, cwd=None, stdin=subprocess.DEVNULL):
        self.argv, self.log = [str(a) for a in argv], log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(self.argv, stdin=stdin, stdout=out, stderr=out, cwd=cwd,
                                          env=dict(os.environ, **(env or {})), start_new_session=True,
                                          preexec_fn=enter(netns, cgroup))

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def output(self):
        with open(self.log, errors="replace") as log:
            return log.read()

    def send(self, number):
        if self.alive():
            os.kill(self.pid, number)

    def stop(self, number=signal.SIGTERM, seconds=5):
        """Asks, waits, then kills the whole session; returns the exit status."""
        self.send(number)
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self.popen.wait()


def wait_for(condition, seconds, what):
    """Polls |condition| until it is true; its value. A TimeoutError says |what| did not come."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come within {seconds} s")
        time.sleep(0.02)
