# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Outlier ejection beyond errors in a row: by success rate, by latency; what becomes of connections that live; and what
does not happen when too few would be left."""

import json
import sys
import time

from lab import mesh as lab_mesh
from lab import servers
from lab.held import Held
from lab.mesh import Mesh, rule, service
from lab.processes import wait_for
from lab.servers import PROGRAMS
from lab.verdict import Skip, expect, expect_equal, test

# an address of their own: other meshes that this machine may have are not asked about it
HOST, VIP, PORT = "cart.example", "198.19.0.77", 8081
FAILS_SOMETIMES = 'split_clients "$request_id" $fails { 30% 1; * 0; }'
ANSWER = 'location / { if ($fails) { return 500 x; } return 200 ok; }'


def detection(text):
    return f"""apiVersion: weft.dev/v1alpha1
kind: OutlierDetection
metadata: {{name: cart, namespace: shop}}
spec:
  host: {HOST}
{text}---
"""


def outlier(text, annotations="{}"):
    return rule(HOST, f"  trafficPolicy:\n    outlierDetection: {{{text}}}\n").replace("namespace: shop}", f"namespace: shop, annotations: {annotations}}}")


def cart(nodes):
    return service("cart", [(node.place.address, {}) for node in nodes], address=VIP, target=PORT)


def connect(place, count):
    return lab_mesh.connect(place, VIP, count=count)


def good(box, number):
    return [servers.nginx(box.namespace(f"good{n}"), PORT, locations="location / { return 200 ok; }") for n in range(number)]


def ejected(mesh):
    rows = mesh.lines("endpoints")
    out = [row for row in rows if row["ejected_ms"]]
    expect(all(row["health"] == "ejected" for row in out), f"an endpoint that is out is not ready: {rows}")
    return {row["address"].split(":")[0] for row in out}


def reasons(mesh):
    return {have["reason"]: value for have, value in mesh.weftd.metrics().rows("weft_mesh_ejections_total") if value}


@test("eject/by_success_rate")
def success_rate(box):
    """One of five fails three of ten requests, never five in a row for long: only the comparison finds it."""
    bad = servers.nginx(box.namespace("bad"), PORT, upstreams=FAILS_SOMETIMES, locations=ANSWER)
    nodes = [*good(box, 4), bad]
    client = box.namespace("client")
    mesh = Mesh(box, cart=cart(nodes) + outlier("consecutive5xxErrors: 0, interval: 1s, baseEjectionTime: 60s, maxEjectionPercent: 50"))
    mesh.start()
    connect(client, count="3s")
    expect_equal(ejected(mesh), set(), "without success rates nobody is ejected")
    mesh.apply(detection=detection("  successRate: {stdevFactor: 1.5}\n  minimumHosts: 5\n  minimumRequests: 10\n"))
    connect(client, count="4s")
    expect_equal((ejected(mesh), reasons(mesh)), ({bad.place.address}, {"success_rate": 1}), "who is out, and why")
    expect_equal(sorted(row["health"] for row in mesh.lines("endpoints")), ["ejected", *["ready"] * 4], "health of the endpoints")
    expect_equal(connect(client, count=300)["answers"], {"200": 300}, "answers while it is out")


@test("eject/by_latency")
def latency(box):
    """One of five has a slow program behind it; it answers 200 all the time."""
    place = box.namespace("slow")
    behind = servers.node(place, 9000, "http", delay_ms=60)
    slow = servers.nginx(place, PORT, locations=f"location / {{ proxy_pass http://127.0.0.1:{behind.port}; }}")
    nodes = [*good(box, 4), slow]
    client = box.namespace("client")
    mesh = Mesh(box, cart=cart(nodes) + outlier("interval: 1s, baseEjectionTime: 60s, maxEjectionPercent: 50")
                + detection("  latency: {medianFactor: 5}\n  minimumHosts: 5\n  minimumRequests: 5\n"))
    mesh.start()
    found = connect(client, count="4s")
    expect_equal(list(found["answers"]), ["200"], "answers")
    expect_equal((ejected(mesh), reasons(mesh)), ({slow.place.address}, {"latency": 1}), "who is out, and why")
    before = slow.lines()
    expect_equal(connect(client, count=200)["answers"], {"200": 200}, "answers while it is out")
    expect_equal(slow.lines(), before, "requests that the slow one still gets")


class Failing:
    """Endpoints that answer 503 as soon as they are told to, and connections that are held to all."""

    def __init__(self, box, healthy, failing, text, annotations):
        self.flag = box.dir / "fail"
        switch = f"location / {{ if (-f {self.flag}) {{ return 503 x; }} return 200 ok; }}"
        self.bad = [servers.nginx(box.namespace(f"bad{n}"), PORT, locations=switch) for n in range(failing)]
        nodes = [*good(box, healthy), *self.bad]
        self.mesh = Mesh(box, cart=cart(nodes) + outlier(text, annotations))
        self.mesh.start()
        self.held = Held(box.namespace("client"), VIP, 80, 10 * len(nodes))
        self.before = self.connections()
        self.flag.touch()

    def connections(self):
        return {row["address"].split(":")[0]: row["connections"] for row in self.mesh.lines("endpoints")}

    def to_bad(self):
        return sum(self.before[node.place.address] for node in self.bad)

    def ejections(self, number):
        wait_for(lambda: len(ejected(self.mesh)) == number, 10, f"{number} ejections")
        time.sleep(2.5)


CLOSES = '{weft.dev/close-ejected: "true"}'


@test("eject/closes_connections")
def closes(box):
    world = Failing(box, 3, 1, "consecutive5xxErrors: 5, interval: 1s, baseEjectionTime: 60s, maxEjectionPercent: 50", CLOSES)
    world.ejections(1)
    expect(world.to_bad() >= 5, f"the bad one has connections: {world.before}")
    expect_equal(world.held.now()["ended"], {"ECONNABORTED": world.to_bad()}, "connections to it that were ended")
    after = world.connections()
    expect_equal(after, {**world.before, world.bad[0].place.address: 0}, "connections of each endpoint")
    done = world.mesh.weftd.command("observe", "--verdict", "ejected", "--last", "1000", "-o", "json").stdout.splitlines()
    expect_equal((len(done), {json.loads(line)["service"] for line in done}), (world.to_bad(), {"shop/cart"}), "records")


@test("eject/leaves_connections_unless_told")
def leaves(box):
    world = Failing(box, 3, 1, "consecutive5xxErrors: 5, interval: 1s, baseEjectionTime: 60s, maxEjectionPercent: 50", "{}")
    world.ejections(1)
    expect_equal((world.held.ended(), world.connections()), (0, world.before), "connections that live")


@test("eject/does_not_close_in_a_panic")
def panic(box):
    """Three of five fail, and the mesh does not go on with fewer than 60 %: ejection does not count any more."""
    world = Failing(box, 2, 3, "consecutive5xxErrors: 5, interval: 1s, baseEjectionTime: 60s, maxEjectionPercent: 100, minHealthPercent: 60", CLOSES)
    world.ejections(3)
    kept = [world.connections()[node.place.address] for node in world.bad]
    expect(sum(count > 0 for count in kept) == 1, f"the first two were closed, the third was one too many: {kept} of {world.before}")
    found = connect(box.namespace("other"), count=200)
    expect(found["answers"].get("503", 0) > 50, f"all take part again: {found['answers']}")


@test("eject/bound_is_per_port")
def bound_is_per_port(box):
    """Three endpoints fail on both of their ports, and a third of them may be out: one at each port."""
    fails = "location / { return 503 x; }"
    nodes = [servers.nginx(box.namespace(f"bad{n}"), PORT, locations=fails) for n in range(3)]
    for node in nodes:
        servers.nginx(node.place, PORT + 1, locations=fails)
    client = box.namespace("client")
    two = cart(nodes).replace("ports: [", f"ports: [{{number: 81, name: other, protocol: HTTP, targetPort: {PORT + 1}}}, ")
    mesh = Mesh(box, cart=two + outlier("consecutive5xxErrors: 5, interval: 1s, baseEjectionTime: 60s, maxEjectionPercent: 34"))
    mesh.start()
    for port in (80, 81):
        for _ in range(2):
            lab_mesh.connect(client, VIP, port, count=60)
            time.sleep(0.5)
        expect_equal(lab_mesh.connect(client, VIP, port, count=30)["answers"], {"503": 30}, f"answers on port {port}")
    out = [row["address"].split(":")[1] for row in mesh.lines("endpoints") if row["ejected_ms"]]
    expect_equal(sorted(out), [str(PORT), str(PORT + 1)], "ports of the endpoints that are out")
    away = len({row["address"].split(":")[0] for row in mesh.lines("endpoints") if row["ejected_ms"]})
    row, = mesh.lines("services")
    expect_equal((row["endpoints"], row["ready"], row["ejected"]), (3, 3 - away, away), "endpoints of the service")


@test("eject/outlives_the_agent")
def outlives(box):
    """Who is out when the agent dies comes back under the next one."""
    world = Failing(box, 3, 1, "consecutive5xxErrors: 5, interval: 1s, baseEjectionTime: 2s, maxEjectionPercent: 50", "{}")
    wait_for(lambda: len(ejected(world.mesh)) == 1, 10, "the ejection")
    world.mesh.weftd.kill()
    world.flag.unlink()
    world.mesh.start()
    wait_for(lambda: world.mesh.lines("services")[0]["ejected"] == 0, 10, "its return")
    before = world.bad[0].lines()
    connect(box.namespace("other"), count=100)
    wait_for(lambda: world.bad[0].lines() > before + 10, 5, "connections to it")


class Isolated:
    """Two good endpoints, of which one bad outcome too many ejects any, and a network namespace that an unprivileged user makes and
    that has their addresses."""

    def __init__(self, box, policy, **files):
        self.nodes = good(box, 2)
        self.client = box.namespace("client")
        self.mesh = Mesh(box, cart=cart(self.nodes) + rule(HOST, f"  trafficPolicy:\n    {policy}\n"), **files)
        if self.client.run([*self.inside("nobody"), "true"], check=False).returncode:
            raise Skip("users may not make namespaces here")
        self.mesh.start()

    @staticmethod
    def inside(user):
        return ["setpriv", f"--reuid={user}", "--clear-groups", "unshare", "--user", "--map-root-user", "--net"]

    def command(self, what, user):
        """As text, since the user may not be able to read the file."""
        program = (PROGRAMS / "isolated.py").read_text()
        return [*self.inside(user), sys.executable, "-c", program, what, VIP, PORT, *(node.place.address for node in self.nodes)]

    def run(self, what, user="nobody"):
        return json.loads(self.client.run(self.command(what, user)).stdout)

    def expect_harmless(self, what):
        time.sleep(2.5)
        expect_equal((ejected(self.mesh), reasons(self.mesh)), (set(), {}), f"ejections after {what}")
        expect_equal(connect(self.client, count=50)["answers"], {"200": 50}, f"answers to others after {what}")


AT_ONCE = "outlierDetection: {consecutive5xxErrors: 3, interval: 1s, baseEjectionTime: 60s, maxEjectionPercent: 100}"


@test("eject/not_by_isolated", needs=("unshare", "setpriv"))
def not_by_isolated(box):
    """What fails in an unprivileged user's own network namespace says nothing about the endpoints; in one that root made, it does."""
    world = Isolated(box, AT_ONCE)
    expect_equal(world.run("refused"), {"ECONNREFUSED": 30}, "connects where nothing listens")
    world.expect_harmless("connects that failed elsewhere")
    totals = [sum(row[key] for row in world.mesh.lines("endpoints")) for key in ("connects", "failures", "connections")]
    expect_equal(totals, [50, 0, 0], "connects, failures and connections of the endpoints")
    expect_equal(world.run("fails"), {"500": 90}, "answers of a program that has their addresses")
    world.expect_harmless("answers from elsewhere")
    done = world.mesh.weftd.command("observe", "--last", "1000", "-o", "json").stdout.splitlines()
    forged = [row for row in map(json.loads, done) if row.get("path") == "/forged"]
    expect_equal(len(forged), 90, "requests there that are observed")
    rows = world.mesh.weftd.metrics().rows("istio_requests_total")
    codes = {have["response_code"] for have, value in rows if value and have["destination_service"] == HOST}
    expect_equal(codes, {"200"}, "response codes of the service")
    expect(any(have["response_code"] == "500" for have, value in rows), f"the others are observed: {rows}")
    world.run("refused", "root")
    wait_for(lambda: len(ejected(world.mesh)) == 2, 5, "ejection for what a namespace of root's shows")


@test("eject/not_by_denied")
def not_by_denied(box):
    """A server refuses a client by policy: that is no failure of the endpoint."""
    nodes, client, evil = good(box, 2), box.namespace("client"), box.namespace("evil")
    mesh = Mesh(box, cart=cart(nodes) + rule(HOST, f"  trafficPolicy:\n    {AT_ONCE}\n"), deny=f"""apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: cart, namespace: shop}}
spec:
  action: DENY
  rules: [{{from: [{{source: {{ipBlocks: [{evil.address}/32]}}}}]}}]
""")
    mesh.start()
    expect_equal(connect(evil, count=12)["errors"], {"ECONNREFUSED": 12}, "connects that policy denies")
    time.sleep(2.5)
    expect_equal((ejected(mesh), reasons(mesh)), (set(), {}), "ejections after that")
    expect_equal(connect(client, count=50)["answers"], {"200": 50}, "answers to others")
    for node in nodes:
        node.process.stop()
    connect(client, count=30)
    wait_for(lambda: len(ejected(mesh)) == 2, 5, "ejection of endpoints that do not listen any more")
    expect_equal(reasons(mesh), {"consecutive_5xx": 2}, "why")


@test("mesh/limits_of_isolated", needs=("unshare", "setpriv"))
def limits_of_isolated(box):
    """Connections in an unprivileged user's own network namespace do not use up the limits of a service."""
    world = Isolated(box, "connectionPool: {tcp: {maxConnections: 5}}")
    holding = world.client.start(world.command("holds", "nobody"), "holds")
    wait_for(lambda: '"held": 30' in holding.output(), 10, "connections that are held")
    row, = world.mesh.lines("services")
    expect_equal((row["connections"], row["connects"], row["overflow"]), (0, 0, 0), "connections and connects of the service")
    expect_equal(connect(world.client, count=50)["answers"], {"200": 50}, "answers to others")
    expect(holding.alive(), "they are held until now")
    holding.stop()
    row, = world.mesh.lines("services")
    expect_equal((row["connections"], row["connects"], row["overflow"]), (0, 50, 0), "connections and connects afterwards")
