# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Routes that are for some connections only: by who the client is, by the address that it asks for; and datagrams."""

import sys

from lab.mesh import VIP, Mesh, service
from lab.processes import wait_for
from lab.sandbox import ROOT, ip
from lab.verdict import expect_equal, test
from test_mesh_balance import ENDPOINTS, HOST, WHERE, asked, endpoint

COUNT = 10
DATAGRAMS = [sys.executable, ROOT / "integration" / "programs" / "datagrams.py"]


def world(box, *roles):
    """A server that has the addresses of ENDPOINTS, and clients that reach it."""
    server = box.namespace("server")
    ip("route", "add", "local", ENDPOINTS, "dev", "lo", netns=server.name)
    server.start([*WHERE, "serve", 8080], "where")
    wait_for(lambda: server.listens(8080), 10, "the server")
    clients = [box.namespace(role) for role in roles]
    for client in clients:
        ip("route", "add", ENDPOINTS, "via", server.address, netns=client.name)
    return clients


def subsets(*names):
    """A cart with an endpoint for each of |names|, which are subsets."""
    rows = "".join(f"  - {{name: {name}, labels: {{version: {name}}}}}\n" for name in names)
    return service("cart", [(endpoint(n), {"version": name}) for n, name in enumerate(names)]) + f"""apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: cart, namespace: shop}}
spec:
  host: {HOST}
  subsets:
{rows}---
"""


def routes(*rows):
    """A VirtualService: |rows| are (match, subset)."""
    text = "".join(f"  - match: [{match}]\n    route: [{{destination: {{host: {HOST}, subset: {subset}}}}}]\n" if match else
                   f"  - route: [{{destination: {{host: {HOST}, subset: {subset}}}}}]\n" for match, subset in rows)
    return f"""apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: cart, namespace: shop}}
spec:
  hosts: [{HOST}]
  tcp:
{text}---
"""


def entry(name, namespace, address, labels="{}"):
    return f"""apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{address: {address}, labels: {labels}}}
---
"""


def workload(place, namespace, labels, root):
    return f"""apiVersion: weft.dev/v1alpha1
kind: Workload
metadata: {{name: {place.role}, namespace: {namespace}, labels: {labels}}}
spec: {{match: [{{cgroup: {place.cgroup.removeprefix(root)}}}]}}
---
"""


def expect_goes(client, number, what):
    expect_equal(asked(client, "count", VIP, 80, COUNT), {endpoint(number): COUNT}, what)


@test("mesh/routes_by_client")
def by_client(box):
    """Each of five clients takes the first route that is for it; simulate says the same, by address and by name."""
    job, web, both, group, stranger = world(box, "job", "web", "both", "group", "stranger")
    who = (entry("job", "batch", job.address) + entry("web", "shop", web.address, "{app: web, tier: front}")
           + entry("both", "batch", both.address, "{app: web}") + workload(group, "batch", "{app: other}", box.cgroup_root))
    chosen = routes(("{sourceNamespace: batch, sourceLabels: {app: web}}", "a"), ("{sourceLabels: {app: web}}", "b"), ("{sourceNamespace: batch}", "c"), ("", "d"))
    mesh = Mesh(box, cart=subsets("a", "b", "c", "d"), who=who, routes=chosen)
    mesh.start()
    for client, number in ((both, 0), (web, 1), (job, 2), (group, 2), (stranger, 3)):
        expect_goes(client, number, f"where {client.role} goes")
        names = {"both": "batch/both", "web": "web", "job": "batch/job", "group": "batch/group"}
        for name in filter(None, (client is not group and client.address, names.get(client.role))):
            found = mesh.get(f"/api/v1/simulate?from={name}&to={VIP}:80")
            expect_equal(found["endpoint"], f"{endpoint(number)}:8080", f"where {name} would go")
    mesh.apply(who=who.replace("namespace: batch", "namespace: other"))
    expect_goes(job, 3, "where job goes when it is in another namespace")


@test("mesh/routes_by_asked_address")
def by_address(box):
    client, = world(box, "client")
    two = subsets("a", "b", "c").replace(f'addresses: ["{VIP}"]', f'addresses: ["{VIP}", "198.19.1.10"]')
    mesh = Mesh(box, cart=two, routes=routes(("{destinationSubnets: [198.19.1.0/24, 10.0.0.0/8]}", "a"), ("{destinationSubnets: [198.19.0.0/24], port: 80}", "b"), ("", "c")))
    mesh.start()
    expect_goes(client, 1, "where connections to the first address go")
    expect_equal(asked(client, "count", "198.19.1.10", 80, COUNT), {endpoint(0): COUNT}, "where those to the second go")
    mesh.apply(routes=routes(("{destinationSubnets: [10.0.0.0/8]}", "a"), ("", "c")))
    expect_goes(client, 2, "where connections go that match nothing")


@test("mesh/connected_datagrams_leave_what_is_gone")
def connected_datagrams(box):
    """A socket that is connected to an endpoint which leaves the service learns of it, and its next connect finds another."""
    client, = world(box, "client")
    box.namespace("server").start([*DATAGRAMS, "serve", 8080], "datagrams")
    both = service("cart", [(endpoint(0), {}), (endpoint(1), {})], protocol="UDP")
    mesh = Mesh(box, cart=both)
    mesh.start()
    process = client.start([*DATAGRAMS, "ask", VIP, 80, 6], "asks")
    wait_for(lambda: process.output().split(), 5, "an answer")
    first = process.output().split()[0]
    other = endpoint(first == endpoint(0))
    mesh.apply(cart=service("cart", [(other, {})], protocol="UDP"))
    wait_for(lambda: not process.alive(), 20, "the client's end")
    expect_equal(process.output().split(), [first, "ended", other], "what answers in turn")


@test("mesh/connected_datagrams_of_an_earlier_agent")
def earlier_datagrams(box):
    """The same of an endpoint that left the service while no agent ran: the next one finds the socket at its start."""
    client, = world(box, "client")
    box.namespace("server").start([*DATAGRAMS, "serve", 8080], "datagrams")
    mesh = Mesh(box, cart=service("cart", [(endpoint(0), {}), (endpoint(1), {})], protocol="UDP"))
    mesh.start()
    process = client.start([*DATAGRAMS, "ask", VIP, 80, 12], "asks")
    wait_for(lambda: process.output().split(), 5, "an answer")
    first = process.output().split()[0]
    other = endpoint(first == endpoint(0))
    mesh.weftd.kill()
    mesh.write("cart", service("cart", [(other, {})], protocol="UDP"))
    expect_equal(process.output().split(), [first], "what answers while no agent runs")
    mesh.start()
    wait_for(lambda: not process.alive(), 20, "the client's end")
    expect_equal(process.output().split(), [first, "ended", other], "what answers in turn")
