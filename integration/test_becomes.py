# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Servers that become their workload only after they listen: another user, program or control group, or their sockets in
other hands. Policies of what they are then hold, and `weft policy explain` says it as the kernel does."""

import json
import os
import re
import shutil
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from lab.mesh import Mesh
from lab.processes import wait_for
from lab.sandbox import ROOT
from lab.verdict import expect, expect_equal, test
from test_identity import DENIED, dial, explain, matched, python_named
from test_policy import OK, policy, source, workload

BECOMES = ROOT / "integration" / "programs" / "becomes.py"
USER, OTHER = 64001, 64002
SHOP_ONLY = policy({"rules": [source(namespaces=["shop"])]})


class Street:
    """A machine with servers; one client that policies name, and a stranger."""

    def __init__(self, box, *options):
        self.box = box
        self.server, self.shop, self.stranger = [box.namespace(n) for n in ("server", "shop", "stranger")]
        self.late = box.make_cgroup("late")
        self.program = python_named(box, "weft-late")
        self.mesh = Mesh(box, *options, clients=workload("shop", "shop", self.shop.address, "shopper"), servers=self.workloads(), policy=SHOP_ONLY)
        self.started = {}

    def workloads(self):
        group = "/" + "/".join(self.late.split("/")[-2:])
        return (matched("by-user", "cart", {"uid": USER}) + matched("by-program", "cart", {"executable": f"*/{self.program.rsplit('/', 1)[1]}"})
                + matched("by-group", "cart", {"cgroup": group}) + matched("pay", "pay", {"uid": OTHER}))

    def start(self, port, *ways):
        """|ways|: see becomes.py; it listens, and will have gone them."""
        waits = ways[0] == "wait"
        process = self.server.start([sys.executable, BECOMES, *ways[:waits], port, *ways[waits:]], f"becomes-{port}")
        wait_for(lambda: self.server.listens(port), 10, f"the listener at {port}")
        if not waits:
            self.has_become(process)
        self.started[port] = process
        return process

    def has_become(self, process):
        wait_for(lambda: "has become it" in process.output(), 10, "another identity")

    def start_each(self, first):
        """One in each way. {port: way}."""
        ways = {"user": [f"uid:{USER}"], "program": [f"exec:{self.program}"], "group": [f"cgroup:{self.late}"],
                "user of a child": ["hand", f"uid:{USER}"], "program of a child": ["hand", f"exec:{self.program}"],
                "group of a child": ["hand", f"cgroup:{self.late}"], "another process": [f"pass:{USER}"]}
        for number, way in enumerate(ways.values()):
            self.start(first + number, *way)
        return {first + number: name for number, name in enumerate(ways)}

    def dial(self, ports):
        """{(role, target): outcome}, all at a time: what is denied may be silence."""
        targets = [(place, f"{transport}:{port}") for place in (self.shop, self.stranger) for port in ports for transport in ("tcp", "udp")]
        with ThreadPoolExecutor(len(targets)) as pool:
            outcomes = pool.map(lambda t: dial(t[0], self.server.address, [t[1]])[t[1]], targets)
        return {(place.role, target): word for (place, target), word in zip(targets, outcomes)}

    def expect_outcomes(self, what, ports, shop=True, stranger=False):
        wanted = {"shop": shop, "stranger": stranger}
        found = {key: word == OK if word == OK or word in DENIED else word for key, word in self.dial(ports).items()}
        expect_equal(found, {key: wanted[key[0]] for key in found}, f"{what}; {ports}")

    def expect(self, what, ports, shop=True, stranger=False):
        """By connecting and by what is explained."""
        self.expect_outcomes(what, ports, shop, stranger)
        self.expect_explained(what, ports, shop, stranger)

    def expect_explained(self, what, ports, shop=True, stranger=False):
        for place, allowed in ((self.shop, shop), (self.stranger, stranger)):
            told = {port: explain(self.mesh, place.address, self.server.address, port) for port in ports}
            expect_equal(told, dict.fromkeys(told, "allowed" if allowed else "denied"), f"{what}: {place.role}, explained; {ports}")

    def until_known(self, ports, verdict="denied"):
        """It takes a moment after a server has become another."""
        for port in ports:
            wait_for(lambda port=port: explain(self.mesh, self.stranger.address, self.server.address, port) == verdict, 10, f"{verdict} at {port}")

    def metric(self, name):
        return sum(value for _, value in self.mesh.weftd.reported_metrics().rows(name))


@test("policy/becomes_workload", seconds=90)
def becomes(box):
    """Each way, by servers that are older than the agent and by later ones, with and without the agent."""
    street = Street(box)
    before = street.start_each(6000)
    street.mesh.start()
    street.expect("older than the agent", before)
    after = street.start_each(6100)
    street.until_known(after)
    street.expect_explained("younger than the agent", after)
    expect(street.metric("weft_mesh_owner_changes_total") >= len(after), "changes are not counted")
    street.mesh.weftd.kill()
    street.expect_outcomes("without the agent", before | after)


@test("policy/becomes_deep", seconds=60)
def becomes_deep(box):
    """A process in groups below its unit, which one with Delegate= makes itself, is that unit, however deep they are."""
    street = Street(box)
    unit = box.make_cgroup(f"{box.slug}.service")
    below = [unit + "/sub" * depth for depth in range(1, 21)]
    for folder in below:
        box.journal.write(f"cgroup {folder}\n")
        os.mkdir(folder)
    street.mesh.start()
    street.mesh.apply(unit=matched("by-unit", "cart", {"systemdUnit": f"{box.slug}.service"}))
    ports = [6000, 6001]
    for port, folder in zip(ports, (below[0], below[-1])):
        street.start(port, f"cgroup:{folder}")
    street.until_known(ports)
    street.expect("one and twenty levels below the unit", ports)


@test("policy/becomes_several", seconds=60)
def several(box):
    """A socket that processes of several workloads hold: what one of them denies is denied, as long as it holds it."""
    street = Street(box)
    street.mesh.write("deny", policy({"action": "DENY", "rules": [source(namespaces=["shop"])]}, namespace="pay"))
    street.mesh.start()
    street.start(6000, f"uid:{USER}")
    both = street.start(6001, f"share:{OTHER}", f"uid:{USER}")
    street.until_known([6000, 6001])
    wait_for(lambda: explain(street.mesh, street.shop.address, street.server.address, 6001) == "denied", 10, "the second workload")
    street.expect_outcomes("of two workloads", [6001], shop=False)
    os.kill(int(re.search(r"shared with (\d+)", both.output())[1]), signal.SIGKILL)
    wait_for(lambda: explain(street.mesh, street.shop.address, street.server.address, 6001) == "allowed", 10, "one workload")
    street.expect("of one workload", [6000, 6001])


@test("policy/becomes_ends_connections", seconds=60)
def ends(box):
    """What was let in before it was known is ended where the policy says so."""
    street = Street(box)
    street.mesh.write("policy", policy({"rules": [source(namespaces=["shop"])]}, annotations='{weft.dev/end-connections: "true"}'))
    street.mesh.start()
    ways = {6000: f"uid:{USER}", 6001: f"exec:{street.program}", 6002: f"cgroup:{street.late}"}
    held = {}
    for port, way in ways.items():
        street.start(port, "wait", way)
        for place in (street.shop, street.stranger):
            held[port, place.role] = place.start([sys.executable, BECOMES, "hold", street.server.address, port], f"hold-{port}")
    for process in held.values():
        wait_for(lambda process=process: "held" in process.output(), 10, "a connection")
    for process in street.started.values():
        process.send(signal.SIGUSR1)
        street.has_become(process)
    street.until_known(ways)
    for (_, role), process in held.items():
        if role == "stranger":
            wait_for(lambda process=process: "ended" in process.output(), 10, "the end of a connection")
    street.expect("new connections", ways)
    expect_equal([key for key, process in held.items() if "ended" in process.output()], [(port, "stranger") for port in ways], "ended connections")
    expect_equal(street.metric("weft_mesh_connections_ended_total"), 3, "the counter")
    rows = [json.loads(line) for line in street.mesh.weftd.command("observe", "--verdict", "ended", "-o", "json").stdout.splitlines()]
    expect_equal(sorted(row["destination_workload"] for row in rows), ["cart/by-group", "cart/by-program", "cart/by-user"], "what the records say")


NGINX = """
user www-data;
pid "{folder}/nginx.pid";
error_log "{folder}/nginx-error.log";
worker_processes 2;
events {{ worker_connections 100; }}
http {{
	access_log off;
	server {{ listen {port}; location / {{ return 200 "hello"; }} }}
}}
"""


def nginx(street, port):
    """As Debian runs it: the master is root, the workers are www-data. It says where it keeps what it may write."""
    folder = street.box.dir
    config = folder / f"nginx-{port}.conf"
    config.write_text("daemon off;\n" + NGINX.format(folder=folder, port=port))
    return street.server.start(["nginx", "-c", config, "-e", folder / f"nginx-{port}-error.log"], f"nginx-{port}")


def activate(street, port):
    """As systemd does it: who binds waits for the first connection, and becomes the server then."""
    folder = street.box.open_folder()
    for source in (BECOMES, BECOMES.with_name("dial.py")):
        shutil.copy(source, folder)
    server = ["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", sys.executable, folder / BECOMES.name, "serve", "3"]
    street.server.start(["systemd-socket-activate", "-l", port, *server], "activate")
    wait_for(lambda: street.server.listens(port), 10, "the socket")
    expect_equal(dial(street.shop, street.server.address, [str(port)]), {str(port): OK}, "the first connection")


def fetches(street, place, port):
    done = place.run(["curl", "-s", "-m", "3", f"http://{street.server.address}:{port}/"], check=False)
    return done.stdout == "hello"


@test("policy/becomes_by_hands", seconds=60, needs=("nginx", "curl", "systemd-socket-activate", "setpriv"))
def by_hands(box):
    """Real ones: nginx, whose master binds as root and whose workers answer as www-data, before the agent and after it; a service that
    is activated by its socket."""
    street = Street(box)
    street.mesh.write("more", matched("web", "cart", {"uid": 33}))
    nginx(street, 6000)
    wait_for(lambda: street.server.listens(6000), 10, "nginx")
    wait_for(lambda: fetches(street, street.stranger, 6000), 10, "workers")
    street.mesh.start()
    nginx(street, 6001)
    wait_for(lambda: street.server.listens(6001), 10, "nginx")
    activate(street, 6002)
    street.until_known([6000, 6001, 6002])
    for port in (6000, 6001):
        expect(fetches(street, street.shop, port), f"{port}: the shop is refused")
        expect(not fetches(street, street.stranger, port), f"{port}: the stranger is let in")
    expect(dial(street.stranger, street.server.address, ["6002"])["6002"] in DENIED, "the stranger is let in by what was activated")
    expect_equal(dial(street.shop, street.server.address, ["6002"]), {"6002": OK}, "the shop")
    street.expect_explained("of real servers", [6000, 6001, 6002])
    answer = street.mesh.get(f"/api/v1/policy?from={street.shop.address}&to={street.server.address}&port=6000")
    expect_equal([(row["workload"], row["program"]) for row in answer["listeners"]], [("cart/web", "nginx")], "who listens")


FORKS = """if 1:
    import os, socket, time
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", 6000))
    print("forks", flush=True)
    while True:
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        time.sleep(0.001)
"""


@test("policy/becomes_cost")
def cost(box):
    """Whatever holders of sockets do, looking at them takes no more than 1 % of a CPU, and 0.1 s at once."""
    street = Street(box)
    street.mesh.start()
    process = street.server.start([sys.executable, "-c", FORKS], "forks")
    wait_for(lambda: "forks" in process.output(), 10, "the socket")
    began, before = time.monotonic(), street.metric("weft_mesh_owner_walk_seconds_total")
    wait_for(lambda: time.monotonic() > began + 3, 10, "three seconds")
    took = street.metric("weft_mesh_owner_walk_seconds_total") - before
    walk = street.metric("weft_mesh_owner_walk_seconds_total") / street.metric("weft_mesh_owner_walks_total")
    bound = (time.monotonic() - began) / 100 + 0.1 + 10 * walk
    expect(0 < took <= bound, f"walks took {took} s of at most {bound}")
