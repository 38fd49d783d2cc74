# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""weftd beside a test: private socket, pin directory and port, its metrics and what `weft` says."""

import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import time
import urllib.request

from lab.processes import wait_for
from lab.prometheus import Metrics
from lab.sandbox import shown
from lab.truth import Exchange
from lab.verdict import Failure, Skip, expect_equal

BPFFS = "/sys/fs/bpf"


class Weftd:
    """|recent| requests are kept for `weft observe`: enough for a test's, None for weftd's default. |ahead|: a command
    that runs weftd with its rights, or with fewer."""

    def __init__(self, box, *options, bpffs=BPFFS, recent=131072, ahead=()):
        self.box, self.ahead = box, ahead
        self.options = ["--verify", *(["--recent", recent] if recent else []), *options]
        self.program, self.weft = box.build / "weftd", box.build / "weft"
        for program in (self.program, self.weft):
            if not program.exists():
                raise Skip(f"{program} is not built")
        if os.geteuid():
            raise Skip("root is needed")
        self.socket = shown(box.dir / "weftd.sock")  # a socket's path has at most 107 characters
        self.pin = f"{bpffs}/weft-{box.slug}"
        self.port = 20000 + int.from_bytes(box.slug.encode(), "big") % 9973
        self.process = None
        box.journal.write(f"pin {self.pin} {self.weft}\n")
        box.on_pass(self.accounts_agree)
        box.on_close(self.remove)

    def start(self, says=r"^weftd: ready$"):
        """Starts it and returns the seconds until it |says| that it is ready."""
        began = time.monotonic()
        self.process = self.box.start([*self.ahead, self.program, "--listen", f"127.0.0.1:{self.port}", "--socket", self.socket, "--pin",
                                       self.pin, *self.options], f"weftd-{len(self.box.processes)}")
        wait_for(lambda: self.has_said(says), 60, says)
        seconds = time.monotonic() - began
        self.note_kernel_objects()
        return seconds

    def has_said(self, words):
        if not self.process.alive():
            raise Failure(f"weftd ended with {self.process.popen.returncode}: {self.process.output()[-2000:]}")
        return re.search(words, self.process.output(), re.M)

    def note_kernel_objects(self):
        """Writes the numbers of its programs, maps and links to the journal: none may be left at the end."""
        for fd in os.listdir(f"/proc/{self.process.pid}/fdinfo"):
            try:
                with open(f"/proc/{self.process.pid}/fdinfo/{fd}") as info:
                    for kind, number in re.findall(r"^(prog|map|link)_id:\s+(\d+)$", info.read(), re.M):
                        self.box.journal.write(f"{kind} {number}\n")
            except FileNotFoundError:
                pass

    def stop(self, **options):
        if self.process:
            status = self.process.stop(**options)
            self.process = None
            return status
        return None

    def kill(self):
        self.process.popen.kill()
        self.process.popen.wait()
        self.process = None

    def detach(self, *options):
        return subprocess.run([self.weft, "detach", "--pin", self.pin, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def accounts_agree(self):
        """No end of a connection closed with other bytes than the kernel's TCP counted."""
        if not self.process or not self.process.alive():
            return
        found = {have["compared"]: value for have, value in Metrics(self.ask("/metrics")).rows("weft_account_differences_total") if value}
        expect_equal(found, {}, "ends of connections whose account does not close")

    def remove(self):
        self.stop()
        self.detach()

    # ---- what it says

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return answer.read().decode()

    def ask(self, path):
        """The same by its socket, wherever it listens."""
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self.socket))
        connection.request("GET", path)
        with contextlib.closing(connection):
            return connection.getresponse().read().decode()

    def metrics(self):
        return Metrics(self.get("/metrics"))

    def reported_metrics(self):
        """The metrics once the loader's part is from now or later: it reports every few seconds."""
        now, found = time.time(), []

        def reported():
            found[:] = [self.metrics()]
            return found[0].total("weft_loader_report_timestamp_seconds") > now

        wait_for(reported, 10, "a report of the loader")
        return found[0]

    def settled_metrics(self, name="istio_requests_total", quiet=0.6, seconds=15, wanted=None):
        """The metrics once |name| has not changed for |quiet| seconds, or for a third of that when it is what is |wanted|;
        other traffic of the machine aside."""
        last, since, end = None, time.monotonic(), time.monotonic() + seconds
        while time.monotonic() < end:
            metrics = self.metrics()
            total = sum(value for have, value in metrics.rows(name) if have["destination_workload"].startswith(self.box.slug))
            if total != last:
                last, since = total, time.monotonic()
            elif time.monotonic() - since > (quiet / 3 if total == wanted else quiet):
                break
            time.sleep(0.1)
        return metrics

    def follow(self, workload):
        """Starts `weft observe -f -o json` for requests to |workload|; see Observed."""
        return Observed(self, workload)

    def command(self, *arguments):
        return subprocess.run([self.weft, *arguments, "--socket", self.socket], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=30)

    def worker(self):
        """The process that reads the ring."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            return int(children.read().split()[0])

    def lost(self, what="events"):
        """{(stage, reason): count} of every loss counter that is not zero."""
        return {(have.get("stage"), have.get("reason")): value for have, value in
                self.metrics().rows(f"weft_{what}_lost_total") if value}

    def records_lost(self):
        """{reason: count} of what the agent could not decode, put in order or pair."""
        metrics = self.metrics()
        rows = [*metrics.rows("weft_undecodable_total"),
                *(row for row in metrics.rows("weft_records_lost_total") if row[0]["stage"] in ("reorder", "pair"))]
        return {have["reason"]: value for have, value in rows if value}


class Observed:
    """The live requests that `weft observe` printed, as exchanges by reporter; other traffic of the machine aside."""

    def __init__(self, weftd, workload):
        self.process = weftd.box.start([weftd.weft, "observe", "-f", "-o", "json", "--reporter", "both", "--to", workload,
                                        "--socket", weftd.socket], f"observe-{len(weftd.box.processes)}")
        self.read = 0  # bytes of its output, by new_rows()
        time.sleep(0.3)

    def settle(self, wanted, seconds=60):
        """Waits until the file has stopped growing, which is soon clear when it has |wanted| lines."""
        size, since, end = -1, 0, time.monotonic() + seconds
        while time.monotonic() < end:
            if size != os.path.getsize(self.process.log):
                size, since = os.path.getsize(self.process.log), time.monotonic()
            quiet = time.monotonic() - since
            if quiet > 1.2 or (quiet > 0.3 and self.process.output().count("\n") == wanted):
                break
            time.sleep(0.1)

    def rows(self, wanted=None):
        """Request records, all of them: |wanted| if that is known."""
        self.settle(wanted)
        return parse_records(self.process.output())

    def new_rows(self):
        """Those that came after the last call."""
        self.settle(None)
        with open(self.process.log, "rb") as log:
            log.seek(self.read)
            text = log.read()
        text = text[:text.rfind(b"\n") + 1]
        self.read += len(text)
        return parse_records(text.decode())

    def exchanges(self, wanted=None):
        """{reporter: [Exchange]}"""
        by_reporter = {"source": [], "destination": []}
        for row in self.rows(wanted):
            by_reporter[row["reporter"]].append(Exchange(row["method"], row["path"], row["status"], row["response_bytes"],
                                                         (row["duration_ms"] or 0) / 1000))
        return by_reporter


def parse_records(text):
    """Of what `weft observe -o json` printed."""
    found = []
    for line in text.splitlines():
        if line.startswith("{"):
            row = json.loads(line)
            if "lost" in row:
                raise Failure(f"weft observe was too slow for {row['lost']} records")
            found.append(row)
    return found
