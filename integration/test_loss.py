# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Loss is counted: seen = delivered + lost, exactly, and nothing is invented in its place."""

import contextlib
import ctypes
import json
import os
import pathlib
import signal
import time

from lab import clients, servers, truth
from lab.exact import REPORTERS
from lab.processes import wait_for
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd

PTRACE_CONT, PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 7, 17, 0x4206, 0x4207, 0x40000000  # linux/ptrace.h, linux/wait.h
EPOLL_WAIT = ("232", "281", "22")  # and epoll_pwait(2) of x86-64, that of arm64


def account_closes(weftd):
    """seen = delivered + lost, looked at until nothing is under way (the machine may carry other traffic)."""
    for _ in range(50):
        metrics = weftd.metrics()
        seen, delivered, lost = (metrics.total(f"weft_events_{what}_total") for what in ("seen", "delivered", "lost"))
        if delivered + lost == seen:
            return
        time.sleep(0.1)
    expect_equal(delivered + lost, seen, "delivered and lost events against seen ones")


def both_count(metrics, server, wanted, what):
    """Each reporter has |wanted| requests to |server|."""
    for reporter in REPORTERS:
        found = metrics.total("istio_requests_total", reporter=reporter, destination_workload=server.workload)
        expect_equal(found, wanted, f"{what} ({reporter})")


@test("loss/small_ring", needs=("nginx", "h2load"))
def small_ring(box):
    """A ring of 64 KiB whose reader has no raised priority loses records under h2load; all of them are accounted for."""
    server = servers.nginx(box.namespace("server"), 8080, http2=True)
    weftd = Weftd(box, "--ring-bytes", "65536", ahead=("setpriv", "--bounding-set=-sys_nice"))
    weftd.start()
    observed = weftd.follow(server.workload)
    count = clients.h2load(box.namespace("client"), server, requests=60000)
    expect_equal(count.errors, 0, "errors of the client")
    log = server.exchanges(count.answers)
    metrics = weftd.settled_metrics()
    expect(metrics.total("weft_events_lost_total", stage="ringbuf_full") > 0, "nothing was lost: the test proves nothing")
    account_closes(weftd)
    known = truth.tally(log)
    records = observed.exchanges()
    for reporter, rows in records.items():
        invented = truth.tally(e for e in rows if e.status) - known
        expect_equal(invented, {}, f"requests that the log does not have ({reporter})")


@test("loss/cut_tls_http2", needs=("nginx", "curl"))
def cut_tls_http2(box):
    """Long answers over TLS with a ring that is much too small: what is cut says so, what does not is exact."""
    with open(box.dir / "long", "wb") as file:
        file.truncate(1 << 25)
    places = f'location /long/ {{ root "{box.dir}"; try_files /long =404; }}'
    server = servers.nginx(box.namespace("server"), 8443, tls=True, http2=True, extra="\n\t\t" + places)
    weftd = Weftd(box, "--ring-bytes", "65536", ahead=("setpriv", "--bounding-set=-sys_nice"))
    weftd.start()
    observed = weftd.follow(server.workload)
    for number in range(6):
        said = clients.fetch(box.namespace("client"), server, f"/long/{number}", f"/ok/{number}")
        expect_equal([answer[1:] for answer in said], [(200, 1 << 25), (200, 12)], "what curl says")
    rows = observed.rows()
    weftd.settled_metrics()
    stopped = weftd.records_lost()
    expect(stopped.get("tls_gap"), f"no connection was cut: the test proves nothing ({stopped})")
    account_closes(weftd)
    sizes = {"/long": 1 << 25, "/ok": 12}
    wrong = [r for r in rows if not r["incomplete"] and
             (r["status"] != 200 or r["response_bytes"] != sizes[r["path"].rpartition("/")[0]])]
    expect_equal(wrong, [], "records that are wrong and do not say so")
    marked = {(r["path"], r["reporter"]) for r in rows if "lost" in r["incomplete"]}
    expect_equal(len(marked), 2 * stopped["unpaired_request"], f"records that say they were given up, of {stopped}")
    status = json.loads(weftd.command("status", "-o", "json").stdout)
    expect_equal(status["undecodable"].get("tls_gap"), stopped["tls_gap"], "weft status against the metrics")


def watched(box):
    """nginx, where its clients are, and weftd as it comes."""
    server = servers.nginx(box.namespace("server"), 8080)
    client = box.namespace("client")
    weftd = Weftd(box)
    weftd.start()
    return server, client, weftd


@test("loss/none_by_default", needs=("nginx", "wrk"))
def none_by_default(box):
    server, client, weftd = watched(box)
    clients.wrk(client, server, requests=40000)
    weftd.settled_metrics()
    expect_equal(weftd.lost(), {}, "lost events")
    account_closes(weftd)


def spin(place, seconds):
    """A program that takes whatever CPU it gets."""
    place.start(["timeout", seconds, "sh", "-c", "while :; do :; done"], f"spin-{len(place.sandbox.processes)}")


def starve(pid):
    """Behind everybody else, alone and as the group that a session is where the kernel has such groups (sched(7))."""
    os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
    set_autogroup(pid, 19)


def feed(pid):
    os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))
    set_autogroup(pid, 0)


def set_autogroup(pid, nice):
    path = f"/proc/{pid}/autogroup"
    if os.path.exists(path):
        with open(path, "w") as group:
            group.write(str(nice))


@test("loss/starved_worker", needs=("nginx", "wrk"))
def starved_worker(box):
    """The worker gets no CPU while others want it: the ring is read before it is full all the same."""
    server, client, weftd = watched(box)
    starve(weftd.worker())
    for _ in range(2 * os.cpu_count()):
        spin(client, 60)
    count = clients.wrk(client, server, requests=40000)
    feed(weftd.worker())
    expect_equal(count.errors, 0, "errors of the client")
    metrics = weftd.settled_metrics()
    expect(metrics.total("weft_ring_rescues_total") > 0, "the worker was never rescued: the test proves nothing")
    expect_equal(weftd.lost(), {}, "lost events")
    account_closes(weftd)
    both_count(metrics, server, count.answers, "requests")


@contextlib.contextmanager
def kept_from_running(tid):
    """One thread of another process stands still, as ptrace(2) can make it: the others go on. It does where it waits for events:
    where it has a lock, the kernel lends it the priority of who waits for that, which a debugger overrules."""
    libc = ctypes.CDLL(None, use_errno=True)

    def ptrace(request):
        if libc.ptrace(request, tid, None, None) == -1:
            raise OSError(ctypes.get_errno(), f"ptrace request {request:#x} of thread {tid}")

    def waits():
        ptrace(PTRACE_INTERRUPT)
        os.waitpid(tid, WALL)
        if pathlib.Path(f"/proc/{tid}/syscall").read_text().split()[0] in EPOLL_WAIT:
            return True
        ptrace(PTRACE_CONT)
        return False

    ptrace(PTRACE_SEIZE)
    wait_for(waits, 10, "a moment in which it waits")
    try:
        yield
    finally:
        ptrace(PTRACE_DETACH)


@test("loss/worker_without_cpu", needs=("nginx", "curl"))
def worker_without_cpu(box):
    """The worker does not run at all for much longer than a dead one is waited for, with little to read: nothing is lost."""
    server, client, weftd = watched(box)
    requests = 0
    with kept_from_running(weftd.worker()):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            client.run(["curl", "-sS", "-o", box.dir / "answer", server.url("/ok/slow")])
            requests += 1
            time.sleep(0.2)
    metrics = weftd.settled_metrics()
    expect_equal(weftd.lost(), {}, "lost events")
    account_closes(weftd)
    both_count(metrics, server, requests, "requests")
    expect(metrics.total("weft_ring_rescues_total") > 0, "the worker was never rescued: the test proves nothing")


@test("loss/silent_worker", needs=("nginx", "h2load"))
def silent_worker(box):
    """A worker that stands still is taken for dead after a while; what passes then is counted as lost."""
    server, client, weftd = watched(box)
    clients.h2load(client, server, requests=1000, http1=True)
    worker = weftd.worker()
    os.kill(worker, signal.SIGSTOP)
    time.sleep(4)
    clients.h2load(client, server, requests=1000, http1=True)
    os.kill(worker, signal.SIGCONT)
    clients.h2load(client, server, requests=1000, http1=True)
    metrics = weftd.settled_metrics()
    lost = metrics.total("weft_events_lost_total", stage="agent_silent")
    expect(lost >= 4000, f"{lost} packets with payload were lost of at least 4,000: request and answer, at both ends")
    account_closes(weftd)
    both_count(metrics, server, 2000, "requests before and after")


@test("loss/one_moment", needs=("nginx", "wrk"))
def one_moment(box):
    """Each reading adds up, under load and over a restart: nothing is delivered or lost that was not seen."""
    server, client, weftd = watched(box)
    client.start(["wrk", "-t1", "-c8", "-d8s", server.url("/ok/same")], "wrk")
    waiting = []
    for again in (False, True):
        if again:
            weftd.stop()
            time.sleep(0.5)
            weftd.start()
        for _ in range(150):
            events = json.loads(weftd.command("status", "-o", "json").stdout)["events"]
            waiting.append(events["seen"] - events["delivered"] - events["lost"])
    print(f"on their way: {min(waiting)} to {max(waiting)}")
    expect(min(waiting) >= 0, f"{-min(waiting)} more were delivered and lost than seen")
    expect(max(waiting) > 0, "nothing was ever on its way: the test proves nothing")
    account_closes(weftd)
