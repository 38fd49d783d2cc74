# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Programs that map code from file systems which do not answer: FUSE, an overlay over it, a link to it."""

import json
import os
import re
import signal
import ssl  # noqa: F401  its library is the file
import sys

from lab.processes import wait_for
from lab.sandbox import ROOT
from lab.verdict import Skip, expect, expect_equal, test
from test_becomes import USER, Street

PROGRAM = ROOT / "integration" / "programs" / "silent_files.py"
WAYS = ("mapped", "overlay", "linked")
REASON = re.compile(r"^not read: its file system \((\S+)\) may not answer$")


def libcrypto():
    with open("/proc/self/maps") as maps:
        return next(line.split()[-1] for line in maps if "/libcrypto" in line)


class Silence:
    """A silent file system in each way, and the programs that map its file."""

    def __init__(self, box):
        self.processes = {}
        for way in WAYS:
            folder = box.dir / way
            folder.mkdir()
            self.processes[way] = box.start([sys.executable, PROGRAM, way, libcrypto(), folder], way)

    def __enter__(self):
        for way, process in self.processes.items():
            wait_for(lambda process=process: "mapped" in process.output() or not process.alive(), 10, way)
            expect("mapped" in process.output(), f"{way}: {process.output()}")
        return self

    def __exit__(self, *_):
        """A process that waits for an answer is free then."""
        for process in self.processes.values():
            process.stop(signal.SIGKILL)

    def expect_untouched(self):
        for way, process in self.processes.items():
            expect("asked by" not in process.output(), f"{way}: {process.output()}")


def refused(weftd):
    """{type: its program} of the file systems that `weft check` says are not read."""
    rows = json.loads(weftd.command("check", "-o", "json").stdout)["libraries"]
    return {REASON.match(row["problem"])[1] for row in rows if REASON.match(row["problem"])}


@test("lifecycle/silent_file_system", seconds=90)
def silent_file_system(box):
    """weftd asks no file system that may not answer: it goes on, starts and ends as ever, and says what it does not read."""
    if not os.path.exists("/dev/fuse"):
        raise Skip("the kernel has no FUSE")
    street = Street(box)
    weftd = street.mesh.weftd
    street.mesh.start()
    with Silence(box) as silence:
        wait_for(lambda: refused(weftd) >= {"fuse", "overlay"}, 10, "what is not read")
        street.start(6000, f"uid:{USER}")
        street.until_known([6000])
        street.expect_outcomes("while file systems are silent", [6000])
        expect_equal(weftd.stop(seconds=10), 0, "the end of weftd")
        street.mesh.start()
        wait_for(lambda: refused(weftd) >= {"fuse", "overlay"}, 10, "what is not read, after a start")
        street.start(6001, f"uid:{USER}")
        street.until_known([6000, 6001])
        street.expect_outcomes("after a start", [6000, 6001])
        expect_equal(weftd.stop(seconds=10), 0, "the end of weftd")
        silence.expect_untouched()
