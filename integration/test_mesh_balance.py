# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Ways to balance, from what operators write to where connections go: 10,000 of them by each."""

import json
import sys
import time

from lab.mesh import VIP, Mesh, rule, service
from lab.processes import wait_for
from lab.sandbox import ROOT, ip
from lab.verdict import expect, expect_equal, test

WHERE = [sys.executable, ROOT / "integration" / "programs" / "where.py"]
HOST = "cart.example"
COUNT = 10000
FAILOVER_S = 0.1
ENDPOINTS, SOURCES = "198.20.0.0/24", "198.21.0.0/16"
PAUSE_S = 0.9

SETTINGS = """apiVersion: weft.dev/v1alpha1
kind: MeshSettings
metadata: {name: mesh}
spec: {locality: east/a}
---
"""
LOCALITY = """  trafficPolicy:
    loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {enabled: true, failover: [{from: east, to: west}]}}
    outlierDetection: {consecutive5xxErrors: 5, interval: 1s, baseEjectionTime: 30s, maxEjectionPercent: 100}
"""


def endpoint(number):
    return f"198.20.0.{number + 1}"


def world(box):
    """A client that has the addresses of SOURCES and a server that has those of ENDPOINTS and says to which one came."""
    server, client = box.namespace("server"), box.namespace("client")
    for place, own, other, others in ((server, ENDPOINTS, client, SOURCES), (client, SOURCES, server, ENDPOINTS)):
        ip("route", "add", "local", own, "dev", "lo", netns=place.name)
        ip("route", "add", others, "via", other.address, netns=place.name)
    server.start([*WHERE, "serve", 8080], "where")
    wait_for(lambda: server.listens(8080), 10, "the server")
    return client


def cart(numbers, policy):
    return service("cart", [(endpoint(n), {}) for n in numbers]) + rule(HOST, f"  trafficPolicy: {policy}\n")


def asked(client, *words):
    return json.loads(client.run([*WHERE, *words]).stdout.splitlines()[-1])


def opened(client, *words):
    """(process that holds the connections, what it says of them)"""
    process = client.start([*WHERE, "hold", VIP, 80, *words], "held")
    wait_for(lambda: "\n" in process.output() or not process.alive(), 30, "open connections")
    return process, json.loads(process.output().splitlines()[0])


def connections(mesh):
    return [row["connections"] for row in mesh.lines("endpoints")]


@test("mesh/maglev_keeps_assignments")
def maglev(box):
    """One of a hundred endpoints leaves: clients of the others stay where they are, but for at most one in a hundred."""
    client, policy = world(box), "{loadBalancer: {consistentHash: {useSourceIp: true}}}"
    mesh = Mesh(box, cart=cart(range(100), policy))
    mesh.start()
    before = asked(client, "sources", VIP, 80, COUNT, SOURCES)
    expect_equal((len(before), len(set(before.values()))), (COUNT, 100), "clients and endpoints")
    gone = 41
    mesh.apply(cart=cart((n for n in range(100) if n != gone), policy))
    after = asked(client, "sources", VIP, 80, COUNT, SOURCES)
    expect(endpoint(gone) not in after.values(), "the endpoint that left gets connections")
    stayed = [source for source in before if before[source] != endpoint(gone)]
    moved = sum(before[source] != after[source] for source in stayed)
    expect(moved <= len(stayed) / 100, f"{moved} of {len(stayed)} clients of untouched endpoints moved")
    print(f"{moved} of {len(stayed)} clients of untouched endpoints moved")


@test("mesh/least_connections")
def least_connections(box):
    """Connections that stay open are spread evenly at any time: no endpoint has two more than another."""
    client = world(box)
    mesh = Mesh(box, cart=cart(range(7), "{loadBalancer: {simple: LEAST_REQUEST}}"))
    mesh.start()
    process, found = opened(client, COUNT, 2)
    expect_equal(sum(found["open"].values()), COUNT, "open connections")
    expect(len(found["open"]) == 7 and found["widest"] < 2, f"endpoints were {found['widest']} connections apart: {found['open']}")
    expect_equal(sorted(connections(mesh)), sorted(found["open"].values()), "open connections that the endpoints count")
    wait_for(lambda: not process.alive(), 20, "the client's end")
    try:
        wait_for(lambda: not sum(connections(mesh)), 5, "connections counted out")
    except TimeoutError:
        expect_equal(connections(mesh), [0] * 7, "open connections when the client has ended")


def by_weight(rows, simple):
    """A cart whose endpoints have the lines of |rows|, one for each, and a rule with |simple|."""
    text = "".join(f"  - {{address: {endpoint(n)}, {row}}}\n" for n, row in enumerate(rows))
    return service("cart", [(endpoint(0), {})]).replace(f"  - address: {endpoint(0)}\n    labels: {{}}\n", text) + rule(HOST, simple)


@test("mesh/weights_decide_when_load_is_equal")
def weights_when_idle(box):
    """LEAST_REQUEST, which is the default: one after the other, weights and the shares of localities are all there is."""
    client = world(box)
    mesh = Mesh(box, settings=SETTINGS, cart=by_weight(["weight: 90", "weight: 10"], ""))
    mesh.start()
    found = asked(client, "count", VIP, 80, 2000)
    expect(abs(found.get(endpoint(1), 0) / 2000 - 0.1) < 0.03, f"weights 90 and 10: {found}")
    shares = '  trafficPolicy:\n    loadBalancer: {localityLbSetting: {distribute: [{from: "east/*", to: {"east/*": 80, "west/*": 20}}]}}\n'
    mesh.apply(cart=by_weight(["locality: east/a", "locality: west/b", "locality: north/c"], shares))
    found = asked(client, "count", VIP, 80, 2000)
    expect(abs(found.get(endpoint(1), 0) / 2000 - 0.2) < 0.04 and endpoint(2) not in found, f"shares 80 and 20: {found}")
    process, held = opened(client, 400, 1)
    expect(abs(held["open"][endpoint(1)] / 400 - 0.2) < 0.08, f"shares 80 and 20 of what stays open: {held['open']}")
    wait_for(lambda: not process.alive(), 20, "the client's end")


@test("mesh/source_address_chooses")
def source_address_chooses(box):
    """A socket that is not bound is hashed by the address that it gets, from whichever program and namespace."""
    policy = "{loadBalancer: {consistentHash: {useSourceIp: true}}}"
    client = world(box)
    mesh = Mesh(box, cart=cart(range(60), policy))
    mesh.start()
    ip("route", "replace", SOURCES, "dev", "eth0", netns=box.namespace("server").name)
    for address in ("198.21.3.1", "198.21.3.2", "198.21.3.3", "198.21.3.4", "198.21.3.5"):
        ip("addr", "flush", "dev", "eth0", "scope", "global", netns=client.name)
        ip("addr", "add", f"{address}/24", "dev", "eth0", netns=client.name)
        ip("route", "add", ENDPOINTS, "dev", "eth0", "src", address, netns=client.name)
        unbound = asked(client, "count", VIP, 80, 5)
        bound = asked(client, "sources", VIP, 80, 1, f"{address}/32")
        simulated = mesh.get(f"/api/v1/simulate?from={address}&to={VIP}:80")
        expect_equal((list(unbound), simulated["endpoint"], simulated["by_client"]), ([bound[address]], f"{bound[address]}:8080", address),
                     f"endpoints of {address}")


@test("mesh/locality_failover")
def locality_failover(box):
    """Local endpoints alone while there are any; when they go, and when they come back, at once, and with no connect that
    fails or goes back."""
    near, far = endpoint(0), endpoint(1)
    client = world(box)

    def located(*rows):
        text = "".join(f"  - {{address: {address}, locality: {where}}}\n" for address, where in rows)
        return service("cart", [(near, {})]).replace(f"  - address: {near}\n    labels: {{}}\n", text)

    both, away = located((near, "east/a"), (far, "west/b")), located((far, "west/b"))
    mesh = Mesh(box, settings=SETTINGS, rule=rule(HOST, LOCALITY), cart=both)
    mesh.start()
    process = client.start([*WHERE, "changes", VIP, 80, 5], "changes")
    wait_for(lambda: "begun" in process.output(), 20, "the client's first connection")
    edits = []
    for text in (away, both) * 2:
        time.sleep(PAUSE_S)
        edits.append(time.monotonic())
        mesh.write("cart", text)
    wait_for(lambda: not process.alive(), 20, "the client's end")
    found = json.loads(process.output().splitlines()[-1])
    expect_equal([where for _, where in found["changes"]], [near, far, near, far, near], "endpoints in turn")
    took = [change[0] - edit for change, edit in zip(found["changes"][1:], edits)]
    expect(max(took) < FAILOVER_S, f"failover took {max(took) * 1e3:.0f} ms: {[round(t * 1e3) for t in took]}")
    expect(found["count"] >= COUNT, f"only {found['count']} connections")
    print(f"failover after {[round(t * 1e3) for t in took]} ms, {found['count']} connections")


@test("mesh/connection_limit")
def connection_limit(box):
    """maxConnections: as many as are allowed; the rest is refused at once."""
    client = world(box)
    mesh = Mesh(box, cart=cart([0], "{connectionPool: {tcp: {maxConnections: 30}}}"))
    mesh.start()
    process, found = opened(client, 30, 1)
    expect_equal(found["open"], {endpoint(0): 30}, "open connections")
    refused = asked(client, "changes", VIP, 80, 0.2)
    expect_equal([where for _, where in refused["changes"]], ["ECONNREFUSED"], "beyond the limit")
    wait_for(lambda: not process.alive(), 20, "the client's end")
    expect_equal(asked(client, "changes", VIP, 80, 0.2)["changes"][0][1], endpoint(0), "after the others have closed")
