# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The installed service: weftd with the limits, the file system and the rights of deploy/weftd.service, read from that
file, and what it tells the service manager."""

import os
import pathlib
import signal
import socket
import subprocess
import time

from lab import clients, servers
from lab.processes import wait_for
from lab.sandbox import ROOT
from lab.verdict import Skip, expect, expect_equal, test
from lab.weftd import Weftd

UNIT = ROOT / "deploy" / "weftd.service"
AS_SERVICE = (servers.PYTHON, servers.PROGRAMS / "as_service.py", UNIT)
PARANOID = pathlib.Path("/proc/sys/kernel/perf_event_paranoid")
RUNTIME = pathlib.Path("/run/weft")
CAP_SYS_ADMIN, CAP_SETPCAP = 21, 8


class Service(Weftd):
    """weftd as the unit starts it; its socket lies where the unit lets it write."""

    def __init__(self, box, *options, environment=()):
        had = RUNTIME.exists()
        super().__init__(box, *options, ahead=("env", *environment, *AS_SERVICE))
        self.socket = RUNTIME / f"{box.slug}.sock"
        if not had:
            box.closers.insert(0, lambda: RUNTIME.rmdir() if RUNTIME.exists() and not os.listdir(RUNTIME) else None)

    def capabilities(self, pid, which="CapEff"):
        with open(f"/proc/{pid}/status") as status:
            return int(next(line for line in status if line.startswith(which)).split()[1], 16)


class Manager:
    """The socket of a service manager."""

    def __init__(self, box):
        self.path = box.dir / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.setblocking(False)

    def told(self):
        """What has come since the last call."""
        states = []
        while True:
            try:
                states.append(self.socket.recv(256).decode())
            except BlockingIOError:
                return states


def set_paranoid(box, level):
    """For the test; what it was comes back. Mainline kernels treat what is above 2 as 2."""
    before = PARANOID.read_text()
    box.on_close(lambda: PARANOID.write_text(before))
    PARANOID.write_text(f"{level}\n")


def counts_tls(box, level):
    set_paranoid(box, level)
    service = Service(box)
    service.start()
    server = servers.nginx(box.namespace("server"), 8443, tls=True)
    count = clients.curl(box.namespace("client"), server, requests=400)
    found = service.settled_metrics().by("reporter", "istio_requests_total", destination_workload=server.workload)
    expect_equal(found, {"source": count.answers, "destination": count.answers}, "TLS requests")


@test("service/tls_paranoid_2", needs=("nginx", "curl"))
def tls_paranoid_2(box):
    counts_tls(box, 2)


@test("service/tls_paranoid_3", needs=("nginx", "curl"))
def tls_paranoid_3(box):
    counts_tls(box, 3)


@test("service/tls_of_a_replaced_library", needs=("openssl",))
def tls_of_a_replaced_library(box):
    """A server and a client, both older than weftd, that run on with the library that an upgrade has replaced."""
    libraries = copy_libraries(box.dir / "lib")
    cert, key = servers.certificate(box)
    place, go = box.namespace("server"), box.dir / "go"
    place.start(["openssl", "s_server", "-accept", "8443", "-cert", cert, "-key", key, "-www", "-quiet"], "s_server",
                env={"LD_LIBRARY_PATH": str(libraries)})
    wait_for(lambda: place.listens(8443), 20, "s_server on port 8443")
    client = box.namespace("client").start([servers.PYTHON, servers.PROGRAMS / "waits.py", f"https://{place.address}:8443/", 10, go], "client",
                                           env={"LD_LIBRARY_PATH": str(libraries)})
    wait_for(lambda: str(libraries / "libssl.so.3") in pathlib.Path(f"/proc/{client.pid}/maps").read_text(), 20, "the client's library")
    for path in libraries.iterdir():
        again = path.with_suffix(".new")
        again.write_bytes(path.read_bytes())
        again.rename(path)
    service = Service(box)
    service.start()
    go.touch()
    expect_equal(client.popen.wait(30), 0, "the client's exit status")
    found = service.settled_metrics().by("reporter", "istio_requests_total", destination_workload=place.workload)
    expect_equal(found, {"source": 10, "destination": 10}, "requests")


def copy_libraries(folder):
    """OpenSSL 3 as this machine has it."""
    folder.mkdir()
    known = subprocess.run(["/sbin/ldconfig", "-p"], stdout=subprocess.PIPE, text=True, check=True).stdout
    for line in known.splitlines():
        if line.split()[0] in ("libssl.so.3", "libcrypto.so.3"):
            (folder / line.split()[0]).write_bytes(pathlib.Path(line.split()[-1]).read_bytes())
    if not (folder / "libssl.so.3").exists():
        raise Skip("OpenSSL 3 is not here")
    return folder


@test("service/rights")
def rights(box):
    """What it does not need on this kernel it gives up; its worker has nothing at all."""
    service = Service(box)
    service.start()
    loader, worker = (service.capabilities(pid) for pid in (service.process.pid, service.worker()))
    expect_equal(service.capabilities(service.process.pid, "CapBnd") >> CAP_SETPCAP & 1, 0, "the right to change the bounding set")
    expect_equal(worker, 0, "capabilities of the worker")
    needs_admin = '"name":"uprobe_multi","result":"ok"' not in service.command("check", "-o", "json").stdout
    expect_equal(loader >> CAP_SYS_ADMIN & 1, int(needs_admin), "CAP_SYS_ADMIN")
    stats = [line for line in service.get("/metrics").splitlines() if line.startswith("weft_program_runs_total")]
    expect(any(float(line.split()[-1]) > 0 for line in stats) or not stats, "programs are still counted")


@test("service/adopts_its_own", needs=("nginx", "curl"))
def adopts_its_own(box):
    """Stopped and started again with the unit's rights it takes over what it had pinned: the probes of libraries too."""
    service = Service(box)
    service.start()
    server = servers.nginx(box.namespace("server"), 8443, tls=True)
    clients.curl(box.namespace("client"), server, requests=5)
    before = pinned(service)
    service.stop()
    service.start()
    expect_equal(pinned(service), before, "pins")
    expect(any(name.startswith("lib") for name, _ in before), f"a pinned probe among {before}")
    count = clients.curl(box.namespace("client"), server, requests=40)
    found = service.settled_metrics().by("reporter", "istio_requests_total", destination_workload=server.workload)
    expect_equal(found, {"source": count.answers, "destination": count.answers}, "requests after the restart")


def pinned(service):
    """{(name, number of the link)} below its pin directory."""
    found = set()
    for folder, _, names in os.walk(service.pin):
        found |= {(name, os.stat(os.path.join(folder, name)).st_ino) for name in names}
    return found


@test("service/watchdog")
def watchdog(box):
    """It says that it works while its worker reads the ring, and only then."""
    manager = Manager(box)
    service = Service(box, environment=(f"NOTIFY_SOCKET={manager.path}", "WATCHDOG_USEC=1000000"))
    service.start()
    wait_for(lambda: "WATCHDOG=1" in manager.told(), 5, "a sign of life")
    worker = service.worker()
    os.kill(worker, signal.SIGSTOP)
    try:
        time.sleep(4)  # it may be silent for three seconds
        manager.told()
        time.sleep(2)
        expect_equal(manager.told(), [], "signs of life while the worker is stopped")
    finally:
        os.kill(worker, signal.SIGCONT)
    wait_for(lambda: "WATCHDOG=1" in manager.told(), 5, "a sign of life again")
    service.stop()
    expect_equal(manager.told()[-1:], ["STOPPING=1"], "the last word")
