# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Connections that are held while what is allowed changes."""

import itertools
import json
import sys

from lab.processes import wait_for
from lab.sandbox import ROOT

HOLD = ROOT / "integration" / "programs" / "hold.py"
numbers = itertools.count()


class Held:
    """|count| connections from |place|, all of them up."""

    def __init__(self, place, address, port, count, python=sys.executable):
        self.count = count
        self.process = place.start([python, HOLD, address, port, count], f"hold-{next(numbers)}")
        wait_for(lambda: "held" in self.process.output() or not self.process.alive(), 20, f"{count} connections")
        if not self.process.alive():
            raise RuntimeError(self.process.output())

    def now(self):
        lines = [line for line in self.process.output().splitlines() if line.startswith("{")]
        return json.loads(lines[-1]) if lines else {"alive": self.count, "ended": {}}

    def ended(self):
        return sum(self.now()["ended"].values())

    def alive(self):
        return self.count - self.ended()
