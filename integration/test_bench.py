# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The bench measures: it stands on the same sandbox as the tests. What it finds is no matter here."""

import subprocess

from lab.sandbox import ROOT
from lab.verdict import expect, expect_equal, test


@test("benches/throughput")
def throughput(box):
    for topology in ("bridge", "pair"):
        done = subprocess.run([ROOT / "bench" / "run", "--build", box.build, "--topology", topology, "--rounds", "1", "--seconds", "1",
                               "--only", "http1-1", "--variants", "bare,weft", "--no-inside"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
        expect_equal((done.returncode, done.stderr), (0, ""), f"exit status of the bench ({topology})")
        expect("http1-1" in done.stdout and "weft" in done.stdout, f"its table: {done.stdout}")
