# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Harmless: whatever happens to weftd, no request fails, no byte is wrong, nothing stays behind."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time

from lab import clients, journal, servers
from lab.processes import wait_for
from lab.sandbox import ROOT
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd

SECONDS = int(os.environ.get("HARMLESS_SECONDS", "60"))
SECONDS_TLS = max(15, SECONDS // 3)


class Downloads:
    """Fetches one large file over and over and compares its checksum."""

    def __init__(self, place, url, wanted):
        self.command = ["curl", "-sfk", url]
        self.place, self.wanted, self.good, self.bad, self.done = place, wanted, 0, [], False
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        while not self.done:
            done = subprocess.run(["nsenter", f"--net=/run/netns/{self.place.name}", *self.command], stdout=subprocess.PIPE)
            if done.returncode == 0 and hashlib.sha256(done.stdout).hexdigest() == self.wanted:
                self.good += 1
            else:
                self.bad.append(f"exit {done.returncode}, {len(done.stdout)} bytes")

    def finish(self):
        self.done = True
        self.thread.join()


def come_and_go(weftd, end):
    """Start and end it each second, by SIGTERM, SIGKILL and detach in turn."""
    rounds = 0
    while time.monotonic() < end:
        weftd.start()
        time.sleep(0.7)
        if rounds % 3 == 0:
            weftd.stop(number=signal.SIGTERM)
        else:
            weftd.kill()
        if rounds % 3 == 2:
            weftd.detach()
        rounds += 1
    return rounds


def disturbed(box, server, seconds):
    """Load and downloads while weftd comes and goes; then everything must have gone well."""
    client = box.namespace("client")
    big = (box.dir / "big").read_bytes()
    downloads = Downloads(client, server.url("/big/x"), hashlib.sha256(big).hexdigest())
    end = time.monotonic() + seconds
    weftd, counts = Weftd(box), []
    loader = threading.Thread(target=lambda: load_until(end, client, server, counts))
    loader.start()
    rounds = come_and_go(weftd, end)
    loader.join()
    downloads.finish()
    expect(rounds >= 3 and downloads.good > 10, f"{rounds} rounds, {downloads.good} downloads: too few to prove anything")
    expect_equal(downloads.bad, [], "failed or wrong downloads")
    expect_equal(sum(c.errors for c in counts), 0, "failed requests")
    expect(server.process.alive(), "the server died")


def load_until(end, client, server, counts):
    while time.monotonic() < end:
        counts.append(clients.h2load(client, server, requests=20000, http1=not server.tls))


@test("harmless/come_and_go_http1", seconds=SECONDS + 60, needs=("nginx", "h2load", "curl"), crowd=True)
def come_and_go_http1(box):
    disturbed(box, servers.nginx(box.namespace("server"), 8080), SECONDS)


@test("harmless/come_and_go_tls", seconds=SECONDS_TLS + 60, needs=("nginx", "h2load", "curl"), crowd=True)
def come_and_go_tls(box):
    """With the probe in libcrypto coming and going under handshakes (a new one per download)."""
    disturbed(box, servers.nginx(box.namespace("server"), 8443, tls=True, http2=True), SECONDS_TLS)


@test("harmless/connections_survive", needs=("nginx", "curl"))
def connections_survive(box):
    """One slow download lives through start, SIGKILL, restart, stop and detach."""
    server = servers.nginx(box.namespace("server"), 8080)
    client = box.namespace("client")
    target = box.dir / "download"
    slow = client.start(["curl", "-sf", "-o", target, server.url("/slow/x")], "slow-curl")
    weftd = Weftd(box)
    weftd.start()
    weftd.kill()
    weftd.start()
    weftd.stop()
    weftd.detach()
    expect(slow.alive() and target.stat().st_size > 0, "the download ended too early to prove anything")
    expect_equal(slow.popen.wait(30), 0, "curl's exit status")
    expect(target.read_bytes() == (box.dir / "big").read_bytes(), "the download differs")


def kill_worker(weftd):
    """SIGKILL to the half that parses and serves; returns when the next one answers."""
    os.kill(weftd.worker(), signal.SIGKILL)
    wait_for(lambda: "weftd: event=worker_died signal=9" in weftd.process.output(), 5, "weftd's word on its worker")
    wait_for(lambda: weftd.command("status").returncode in (0, 3), 10, "the next worker")  # 3: it tells what was lost


@test("harmless/worker_killed", needs=("nginx", "curl"))
def worker_killed(box):
    """The worker alone is killed: no request fails, and the next worker counts all that follows, on old connections too."""
    server, client = servers.nginx(box.namespace("server"), 8080), box.namespace("client")
    weftd = Weftd(box)
    weftd.start()

    def counted():
        return weftd.settled_metrics().by("reporter", "istio_requests_total", destination_workload=server.workload)
    before = clients.curl(client, server, requests=100)
    expect_equal(counted(), {"source": before.answers, "destination": before.answers}, "requests before")
    config = box.dir / "paced.conf"
    config.write_text('rate = "10/s"\nfail\n' + "".join(f'url = "{server.url(f"/ok/{n}")}"\noutput = "/dev/null"\n' for n in range(60)))
    paced = client.start(["curl", "-q", "-s", "-K", config], "paced-curl")
    wait_for(lambda: server.lines() >= 105, 10, "the first requests of the paced client")
    kill_worker(weftd)
    already = server.lines()
    after = clients.curl(client, server, requests=200)
    expect_equal(after.errors, 0, "errors of the client")
    expect_equal(paced.popen.wait(30), 0, "exit status of the client whose connection lived through it")
    wanted, found = server.lines() - already, counted()
    for reporter in ("source", "destination"):
        expect(0 <= found.get(reporter, 0) - wanted <= 5 and wanted > 220, f"{found} of {wanted} requests after it")


@test("harmless/killed_run", seconds=120)
def killed_run(box):
    """A test run that is killed together with its test leaves a running agent, pins and namespaces: the next run, of
    whatever tree, takes them away, and does not touch what a living one has."""
    own = box.namespace("own")
    name = "start/answers"
    path = journal.path_of(name)
    run = box.start([sys.executable, "-B", ROOT / "integration" / "run", "--build", box.build, "--only", name], "run")
    wait_for(lambda: path.exists() and "\nlink " in path.read_text(), 60, "the agent of the other run")
    children = subprocess.run(["pgrep", "-P", str(run.pid)], stdout=subprocess.PIPE, text=True).stdout.split()
    for pid in (run.pid, *map(int, children)):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not run.alive(), 5, "the end of the other run")
    expect(journal.leftovers(name), "nothing was left: the test proves nothing")
    named = path.read_text()
    journal.sweep_abandoned()
    expect(not path.exists(), f"{path} is still there")
    path.write_text(named)
    try:
        expect_equal(journal.leftovers(name), [], "left of the killed run")
    finally:
        path.unlink()
    expect_equal(own.run(["true"]).returncode, 0, "a command in a namespace of a living run")


@test("harmless/nothing_left")
def nothing_left(box):
    """After `weft detach` no program, map or link of weftd is in the kernel, no pin in the file system."""
    weftd = Weftd(box)
    weftd.start()
    weftd.stop()
    done = weftd.detach()
    expect_equal(done.returncode, 0, f"exit status of weft detach ({done.stdout.strip()})")
    expect(not os.path.exists(weftd.pin), f"{weftd.pin} is still there")
    objects = [line.split() for line in journal.path_of(box.name).read_text().splitlines()
               if line.startswith(("prog ", "map ", "link "))]
    expect(len(objects) > 5, "no programs or maps were seen: the test proves nothing")
    time.sleep(0.3)
    held = {kind: journal.bpf_numbers(kind) for kind in ("prog", "map", "link")}
    left = [f"{kind} {number}" for kind, number in objects if number in held[kind]]
    expect_equal(left, [], "left in the kernel")


@test("harmless/detach_elsewhere")
def detach_elsewhere(box):
    """A directory that is no pin directory: detach and weftd say what it is, and leave it alone; nothing is mounted on it."""
    weftd = Weftd(box)
    weftd.start()
    plain, foreign = box.dir / "plain", f"{weftd.pin}-foreign"
    plain.mkdir()
    (plain / "file").write_text("mine")
    os.mkdir(foreign)
    box.on_close(lambda: os.rmdir(foreign))
    os.mkdir(f"{foreign}/others")
    box.on_close(lambda: os.path.exists(f"{foreign}/others") and os.rmdir(f"{foreign}/others"))
    for place, words in ((plain, "not on a bpf file system"), (plain / "file", "Not a directory"), (foreign, "others")):
        done = subprocess.run([weftd.weft, "detach", "--pin", place], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        expect(done.returncode == 1 and words in done.stdout and "nothing was changed; --pin" in done.stdout, f"{place}: {done}")
    expect_equal((os.listdir(plain), os.listdir(foreign)), (["file"], ["others"]), "what is in them")
    started = subprocess.run([weftd.program, "--pin", plain, "--once", "--listen", "127.0.0.1:0", "--socket", box.dir / "other.sock"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    expect(started.returncode and "is not empty" in started.stdout, f"weftd on a directory of others: {started}")
    expect_equal(weftd.command("status").returncode, 0, "the agent beside it goes on")


@test("harmless/detach_without_agent")
def detach_without_agent(box):
    """After a SIGKILL the pins remain; detach alone takes them away, and does so twice without complaint."""
    weftd = Weftd(box)
    weftd.start()
    weftd.kill()
    for _ in range(2):
        done = weftd.detach()
        expect_equal(done.returncode, 0, f"exit status of weft detach ({done.stdout.strip()})")
    expect(not os.path.exists(weftd.pin), f"{weftd.pin} is still there")
