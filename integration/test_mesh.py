# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The mesh on real traffic: what operators write is what connections do."""

import signal
import sys
import time

from lab import servers
from lab.mesh import VIP, Mesh, connect, rule, service, split
from lab.processes import wait_for
from lab.sandbox import ROOT
from lab.verdict import expect, expect_equal, test

HOST = "cart.example"
DIAL = ROOT / "integration" / "programs" / "dial.py"


def backends(box, number):
    """nginx in a namespace each, on port 8080, with its own log."""
    return [servers.nginx(box.namespace(f"cart{n}"), 8080) for n in range(number)]


def endpoints(nodes, **versions):
    return [(node.place.address, {"version": versions.get(node.place.role, "v1")}) for node in nodes]


def shares(nodes, before):
    """Connections that each server's own log has since |before|; the sum is awaited by the caller's count."""
    return [node.lines() - old for node, old in zip(nodes, before)]


def logs(nodes):
    return [node.lines() for node in nodes]


def settled_shares(nodes, before, total):
    wait_for(lambda: sum(shares(nodes, before)) >= total, 10, f"{total} lines in the servers' logs")
    return shares(nodes, before)


@test("mesh/split_by_weight")
def split_by_weight(box):
    nodes = backends(box, 3)
    client = box.namespace("client")
    mesh = Mesh(box, cart=service("cart", endpoints(nodes, cart2="v2")) + rule(HOST, subsets=[("v1", {"version": "v1"}), ("v2", {"version": "v2"})])
                + split(HOST, ("v1", 80), ("v2", 20)))
    mesh.start()
    before = logs(nodes)
    found = connect(client, count=10000)
    expect_equal(found["answers"], {"200": 10000}, "answers")
    expect_equal(found["peers"], {f"{VIP} 80": 10000}, "the address that clients see")
    got = settled_shares(nodes, before, 10000)
    expect(abs(got[2] / 10000 - 0.2) <= 0.01, f"v2 has {got[2]} of 10000 connections, wanted 20 %: {got}")
    mesh.apply(cart=service("cart", endpoints(nodes, cart2="v2")) + rule(HOST, subsets=[("v1", {"version": "v1"}), ("v2", {"version": "v2"})])
               + split(HOST, ("v1", 0), ("v2", 100)))
    before = logs(nodes)
    connect(client, count=100)
    expect_equal(settled_shares(nodes, before, 100), [0, 0, 100], "after the split was moved to v2")


@test("mesh/no_endpoint_is_refused_at_once")
def no_endpoint(box):
    mesh = Mesh(box, cart=service("cart", []))
    mesh.start()
    client = box.namespace("client")
    found = connect(client, count=50)
    expect_equal(found["errors"], {"ECONNREFUSED": 50}, "errors")
    opened = client.run(["nstat", "-asz", "TcpActiveOpens"]).stdout.split("TcpActiveOpens")[1].split()[0]
    expect_equal(opened, "0", "SYNs that the kernel sent: refused at once means that none was waited for")
    row, = mesh.lines("services")
    expect_equal((row["no_endpoint"], row["ready"]), (50, 0), "refusals that the service counts")


@test("mesh/services_count_endpoints")
def counts(box):
    """Not their ports: what is ready is so many of the endpoints."""
    text = service("cart", [(f"198.18.77.{n}", {}) for n in (1, 2, 3)])
    mesh = Mesh(box, cart=text.replace("targetPort: 8080}]", "targetPort: 8080}, {number: 90, name: more, protocol: TCP, targetPort: 9090}]"))
    mesh.start()
    row, = mesh.lines("services")
    expect_equal((row["ports"], row["endpoints"], row["ready"], row["ejected"]), (["80/tcp", "90/tcp"], 3, 3, 0), "the service")
    expect(" 3/3 " in mesh.weftd.command("services").stdout, "READY")


@test("mesh/goes_on_without_weftd")
def goes_on(box):
    nodes = backends(box, 2)
    client = box.namespace("client")
    mesh = Mesh(box, cart=service("cart", endpoints(nodes)))
    mesh.start()
    before = logs(nodes)
    expect_equal(connect(client, count=200)["answers"], {"200": 200}, "answers with weftd")
    mesh.weftd.kill()
    expect_equal(connect(client, count=200)["answers"], {"200": 200}, "answers while weftd is dead")
    mesh.start()
    expect_equal(connect(client, count=200)["answers"], {"200": 200}, "answers after it came back")
    got = settled_shares(nodes, before, 600)
    expect(min(got) > 200, f"both servers take part: {got}")
    row, = mesh.lines("services")
    expect_equal(row["connects"], 600, "connects that the service counts over the restart")


@test("mesh/a_broken_file_changes_nothing")
def broken_file(box):
    nodes = backends(box, 1)
    client = box.namespace("client")
    mesh = Mesh(box, cart=service("cart", endpoints(nodes)))
    mesh.start()
    number = mesh.status()["generation"]
    mesh.write("broken", "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: x}\nspec:\n  hots: [a]\n")
    wait_for(lambda: mesh.status()["failed"] == 1, 5, "the failure")
    status = mesh.status()
    expect_equal(status["generation"], number, "generation in force")
    expect("broken.yaml:5:3" in status["failure"], f"the failure says where: {status['failure']}")
    expect_equal(connect(client, count=20)["answers"], {"200": 20}, "answers")
    (mesh.directory / "broken.yaml").unlink()
    wait_for(lambda: not mesh.status()["failure"], 5, "recovery")


@test("mesh/ejects_what_fails")
def ejects(box):
    good = backends(box, 3)
    bad = servers.nginx(box.namespace("bad"), 8080, locations="location / { return 503 x; }")
    nodes = [*good, bad]
    client = box.namespace("client")
    policy = "  trafficPolicy:\n    outlierDetection: {consecutive5xxErrors: 5, interval: 1s, baseEjectionTime: 3s, maxEjectionPercent: 50}\n"
    mesh = Mesh(box, cart=service("cart", endpoints(nodes)) + rule(HOST, policy))
    mesh.start()
    earliest = time.monotonic()
    connect(client, count=60)
    wait_for(lambda: mesh.lines("services")[0]["ejected"] == 1, 5, "the ejection")
    latest = time.monotonic()
    before = logs(nodes)
    found = connect(client, count=200)
    expect_equal(found["answers"], {"200": 200}, "answers while the bad one is out")
    expect_equal(settled_shares(nodes, before, 200)[3], 0, "connections to the ejected endpoint")
    still_out = latest
    while mesh.lines("services")[0]["ejected"]:
        still_out = time.monotonic()
        expect(still_out - latest < 10, "it did not return")
    at_most, at_least = time.monotonic() - earliest, still_out - latest
    expect(at_most >= 3, f"it was out for at most {at_most:.1f} s, wanted 3 s")
    expect(at_least <= 4.5, f"it was out for at least {at_least:.1f} s, wanted 3 s and at most an interval of 1 s")
    before = logs(nodes)
    connect(client, count=60)
    expect(settled_shares(nodes, before, 60)[3] > 0, "the endpoint that came back gets connections again")


@test("mesh/leaves_other_connections_alone")
def others(box):
    nodes = backends(box, 1)
    client = box.namespace("client")
    mesh = Mesh(box, cart=service("cart", []))
    mesh.start()
    found = connect(client, nodes[0].place.address, 8080, count=100)
    expect_equal(found["answers"], {"200": 100}, "answers of an address that is no service's")
    mesh.weftd.stop(number=signal.SIGTERM)
    mesh.weftd.detach()
    found = connect(client, count=1)
    expect("ECONNREFUSED" not in found["errors"], "after detach the service's address is not answered by anybody")


def house(box, friend, stranger):
    """Workloads known by their control group: one may connect, the other may not."""
    workloads = "".join(f"""apiVersion: weft.dev/v1alpha1
kind: Workload
metadata: {{name: {place.role}, namespace: {place.role}s, labels: {{app: {place.role}}}}}
spec:
  match: [{{cgroup: {place.cgroup.removeprefix(box.cgroup_root)}}}]
---
""" for place in (friend, stranger))
    return workloads + """apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: friends-only, namespace: shop}
spec:
  action: ALLOW
  rules: [{from: [{source: {namespaces: [friends]}}]}]
---
"""


@test("mesh/policy_by_who_a_process_is")
def by_process(box):
    """One may connect, the other may not, at once."""
    node, = backends(box, 1)
    friend, stranger = box.namespace("friend"), box.namespace("stranger")
    mesh = Mesh(box, cart=service("cart", endpoints([node])) + house(box, friend, stranger))
    mesh.start()
    expect_equal(connect(friend, count=20)["answers"], {"200": 20}, "answers of the one who may")
    expect_equal(connect(stranger, count=20)["errors"], {"EPERM": 20}, "errors of the one who may not")
    row, = mesh.lines("services")
    expect_equal(row["denied"], 20, "denials that the service counts")


@test("mesh/verdicts_by_their_names")
def verdicts_by_names(box):
    """What a line of `weft observe --verdict` calls its ends finds that line."""
    node, = backends(box, 1)
    friend, stranger = box.namespace("friend"), box.namespace("stranger")
    mesh = Mesh(box, cart=service("cart", endpoints([node])) + house(box, friend, stranger))
    mesh.start()
    expect_equal(connect(stranger, count=20)["errors"], {"EPERM": 20}, "errors")

    def told(*options):
        return mesh.weftd.command("observe", "--verdict", "denied", "--last", "all", *options).stdout.count(" denied strangers/stranger ")

    wait_for(lambda: told() == 20, 10, "the denials")
    names = ["strangers/stranger", "stranger", "strangers/*", "friends/*"]
    expect_equal([told("--from", name) for name in names], [20, 20, 20, 0], f"lines found by {names}")
    wrong = mesh.weftd.command("observe", "--verdict", "foo")
    expect(wrong.returncode and "denied" in wrong.stderr and "no_endpoint" in wrong.stderr, f"a verdict that there is not: {wrong}")
    elsewhere = mesh.weftd.command("edges", "--verdict", "denied")
    expect(elsewhere.returncode and "verdict" in elsewhere.stderr, f"a verdict of edges: {elsewhere}")


@test("mesh/denied_is_not_sent")
def denied_is_not_sent(box):
    """What policy denies where a client connects is sent to no endpoint: neither counted there nor by the connect rate."""
    server, friend, stranger = (box.namespace(role) for role in ("server", "friend", "stranger"))
    server.start([sys.executable, DIAL, "listen", 8080], "listener")
    wait_for(lambda: friend.run([sys.executable, DIAL, server.address, "8080", "udp:8080"]).stdout.split() == ["ok", "ok"], 10, "the server")
    two = service("cart", [(server.address, {})], protocol="TCP").replace("ports: [", "ports: [{number: 81, name: more, protocol: UDP, targetPort: 8080}, ")
    rate = rule(HOST).replace("namespace: shop}", 'namespace: shop, annotations: {weft.dev/connect-rate: "40"}}')
    mesh = Mesh(box, cart=two + rate + house(box, friend, stranger))
    mesh.start()
    refused = stranger.run([sys.executable, DIAL, VIP, *["80", "udp:81", "udp-connected:81"] * 200]).stdout.split()
    expect_equal(refused, ["EPERM"] * 600, "what comes of the stranger's attempts")
    row, = mesh.lines("services")
    expect_equal((row["denied"], row["connects"], row["connections"], row["overflow"]), (600, 0, 0, 0), "what the service counts")
    row, = mesh.lines("endpoints")
    expect_equal((row["connects"], row["connections"]), (0, 0), "what its endpoint counts")
    found = friend.run([sys.executable, DIAL, VIP, *["80", "udp:81", "udp-connected:81"] * 5]).stdout.split()
    expect_equal(found, ["ok"] * 15, "what comes of the friend's attempts, right after")
    expect_equal(mesh.lines("endpoints")[0]["connects"], 15, "connects that the endpoint counts then")


@test("mesh/accelerates_what_config_says")
def accelerates(box):
    node, = backends(box, 1)
    client = box.namespace("client")
    kind = "apiVersion: weft.dev/v1alpha1\nkind: Acceleration\nmetadata: {name: fast, namespace: shop}\nspec: {services: [cart.example]}\n---\n"
    mesh = Mesh(box, cart=service("cart", endpoints([node])) + kind)
    mesh.start()
    wait_for(lambda: "acceleration" in mesh.status(), 5, "the mesh")
    time.sleep(1)
    expect_equal(mesh.status()["acceleration"], "", "why it is not accelerated")
    found = connect(client, count=200)
    expect_equal(found["answers"], {"200": 200}, "answers")
    count = sum(value for _, value in mesh.weftd.metrics().rows("weft_redirect_connections_total"))
    expect(count > 0, f"{count} accelerated connections")
