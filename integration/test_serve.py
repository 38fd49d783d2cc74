# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The agent's own HTTP server answers valid requests, whatever other clients do."""

import contextlib
import os
import re
import socket
import subprocess
import time

from lab.processes import wait_for
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd

SLOW = 100


def answered(weftd, scrapes):
    """Seconds of each of |scrapes| scrapes, two paths by turns, each on a connection of its own as Prometheus' first is."""
    taken = []
    for number in range(scrapes):
        began = time.monotonic()
        weftd.get(("/ready", "/metrics")[number % 2])
        taken.append(time.monotonic() - began)
        time.sleep(0.2)
    return taken


@test("serve/slow_clients", needs=("slowhttptest",))
def slow_clients(box):
    """A hundred clients that send a header field every two seconds, or read their answer a few bytes at a time."""
    weftd = Weftd(box)
    weftd.start()
    url = f"http://127.0.0.1:{weftd.port}/metrics"
    for kind in (["-H", "-i", "2"], ["-X", "-w", "8", "-y", "16", "-n", "2", "-z", "4", "-k", "1"]):
        slow = box.start(["slowhttptest", *kind, "-c", SLOW, "-r", SLOW, "-l", "14", "-p", "5", "-u", url], f"slowhttptest{kind[0]}")
        time.sleep(2)
        expect_equal(len(answered(weftd, 30)), 30, f"scrapes beside slowhttptest {kind[0]}")
        wait_for(lambda: not slow.alive(), 30, "the end of slowhttptest")
    ended = weftd.metrics().total("weft_http_clients_ended_total")
    expect(ended >= SLOW - 64, f"only {ended} slow clients were ended: the test proves nothing")


@test("serve/slow_unix_clients")
def slow_unix_clients(box):
    """The same at the unix socket: `weft status` answers."""
    weftd = Weftd(box)
    weftd.start()
    with contextlib.ExitStack() as stack:
        for _ in range(SLOW):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(weftd.socket))
            client.send(b"G")
        for _ in range(10):
            expect_equal(weftd.command("status").returncode, 0, "exit status of weft status")


@test("serve/smallest_ring")
def smallest_ring(box):
    """The smallest ring that the help text allows works."""
    help_text = subprocess.run([box.build / "weftd", "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    size = int(re.search(r"--ring-bytes N .*a power of two from (\d+)", help_text)[1])
    weftd = Weftd(box, "--ring-bytes", size)
    weftd.start()
    expect(weftd.command("status").returncode in (0, 3), f"weft status with a ring of {size} bytes")


@test("serve/bad_options")
def bad_options(box):
    """What cannot be is refused as a mistake in the call."""
    for options in (["--listen", "127.0.0.1:99999"], ["--ring-bytes", "5000"], ["--ring-bytes", "32768"], ["--cluster", "a b"]):
        done = subprocess.run([box.build / "weftd", "--pin", "", "--socket", "", *options], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=20)
        expect(done.returncode in (1, 2) and options[1] in done.stdout, f"weftd {' '.join(options)}: {done.returncode} {done.stdout}")


@test("serve/worker_dies_again")
def worker_dies_again(box):
    """Each death soon after the last doubles the wait for the next worker; weftd itself goes on."""
    weftd = Weftd(box)
    weftd.start()
    for death in range(1, 6):
        os.kill(weftd.worker(), 9)
        wait_for(lambda: f"deaths={death}" in weftd.process.output(), 5, f"weftd's word on death {death}")
        wait_for(lambda: weftd.command("status").returncode in (0, 3), 15, "the next worker")
    waits = [line.split()[2] for line in weftd.process.output().splitlines() if "event=worker_restart" in line]
    expect_equal(waits, [f"after_seconds={0.2 * 2 ** n:.1f}" for n in range(5)], "waits")
