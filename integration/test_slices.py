# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Endpoints of Kubernetes' Services, with their Pods and without them: what policies hold for them on real connects."""

import json
import sys

from lab import servers
from lab.mesh import Mesh, connect
from lab.processes import wait_for
from lab.sandbox import ROOT
from lab.verdict import expect, expect_equal, test

DIAL = ROOT / "integration" / "programs" / "dial.py"
OK, NO = "ok", "EPERM"
CART, WEB = "198.19.61.10", "198.19.61.11"  # of this file's alone


def service(name, namespace, vip, port=80, target=8080):
    return f"""apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{clusterIP: {vip}, ports: [{{port: {port}, targetPort: {target}}}]}}
---
"""


def endpoint_slice(name, namespace, *addresses, port=8080):
    rows = [{"addresses": [address], "targetRef": {"kind": "Pod", "name": f"{name}-{i}"}} for i, address in enumerate(addresses)]
    return f"""apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}-x, namespace: {namespace}, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
ports: [{{port: {port}}}]
endpoints: {json.dumps(rows)}
---
"""


def policy(spec, namespace="cart"):
    return f"""apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: p, namespace: {namespace}}}
spec: {json.dumps(spec)}
---
"""


def from_web(action):
    return policy({"action": action, "rules": [{"from": [{"source": {"namespaces": ["web"]}}]}]})


class Town:
    """A server and a client that only EndpointSlices know, and a client that nothing knows."""

    def __init__(self, box):
        self.server, self.web, self.stranger = [box.namespace(name) for name in ("server", "web", "stranger")]
        self.server.start([sys.executable, DIAL, "listen", 8080, 9090], "listener")
        wait_for(lambda: self.server.listens(9090), 10, "the listener")
        self.mesh = Mesh(box, policy="", cart=service("cart", "cart", CART) + endpoint_slice("cart", "cart", self.server.address),
                         web=service("web", "web", WEB) + endpoint_slice("web", "web", self.web.address))
        self.mesh.start()

    def outcomes(self, place):
        """By the service's address, by that of the endpoint on its port and on another one, by a datagram."""
        words = place.run([sys.executable, DIAL, CART, "80"]).stdout.split()
        return words + place.run([sys.executable, DIAL, self.server.address, "8080", "9090", "udp:8080"]).stdout.split()

    def expect(self, what, text, web, stranger):
        self.mesh.apply(policy=text)
        expect_equal((self.outcomes(self.web), self.outcomes(self.stranger)), ([web] * 4, [stranger] * 4), what)

    def explained(self, source):
        done = self.mesh.weftd.command("policy", "explain", source, self.server.address, "8080", "-o", "json")
        found = json.loads(done.stdout)
        return found["verdict"], found["source"].get("namespace"), found["target"].get("workload")


@test("slices/policies_hold_without_pods", seconds=60)
def without_pods(box):
    town = Town(box)
    expect_equal((town.outcomes(town.web), town.outcomes(town.stranger)), ([OK] * 4, [OK] * 4), "no policy")
    town.expect("DENY by the client's namespace", from_web("DENY"), NO, OK)
    expect_equal([town.explained(place.address) for place in (town.web, town.stranger)],
                 [("denied", "web", "cart/unknown"), ("allowed", None, "cart/unknown")], "explained")
    town.expect("ALLOW by the client's namespace", from_web("ALLOW"), OK, NO)
    town.expect("of the mesh: nothing", policy({}, namespace="istio-system"), NO, NO)
    expect_equal(town.explained(town.stranger.address), ("denied", None, "cart/unknown"), "explained")
    town.expect("of another namespace", policy({}, namespace="shop"), OK, OK)
    town.expect("a selector selects none of them", policy({"selector": {"matchLabels": {"app": "cart"}}}), OK, OK)
    said = "\n".join(town.mesh.status()["problems"])
    expect("policy.yaml:4:" in said and "W4022" in said and "Service cart/cart" in said, said)
    nameless = {"source_workload": "unknown", "source_workload_namespace": "web", "source_canonical_service": "unknown",
                "destination_workload": "unknown", "destination_workload_namespace": "cart", "destination_canonical_revision": "unknown"}
    for reporter in ("source", "destination"):
        wait_for(lambda: town.mesh.weftd.metrics().total("istio_tcp_connections_opened_total", reporter=reporter, **nameless) > 0, 10, f"names in metrics, {reporter}")
    expect_equal({row["workload"] for row in town.mesh.lines("endpoints")}, {"unknown"}, "workloads of endpoints")
    ends = {(row["source"], row["destination"]) for row in town.mesh.lines("edges") if row["destination_namespace"] == "cart" and row["source_namespace"] == "web"}
    expect_equal(ends, {("unknown", "unknown")}, "ends of edges")
    denied = [json.loads(line) for line in town.mesh.weftd.command("observe", "--verdict", "denied", "-o", "json").stdout.splitlines()]
    expect_equal({(v["source_workload"], v["destination_workload"]) for v in denied},
                 {("web/unknown", "cart/unknown"), ("none", "cart/unknown")}, "ends in records")


@test("slices/change_with_their_addresses", seconds=60)
def changes(box):
    """Who leaves a slice is let alone, who comes is protected, and a WorkloadEntry says more than a slice; each without a restart."""
    town = Town(box)
    other = box.namespace("other")
    other.start([sys.executable, DIAL, "listen", 8080], "listener")
    wait_for(lambda: other.listens(8080), 10, "the other listener")
    town.expect("protected", policy({}), NO, NO)

    def dialled(place):
        return town.stranger.run([sys.executable, DIAL, place.address, "8080"]).stdout.split()

    expect_equal(dialled(other), [OK], "who is in no slice")
    town.mesh.apply(cart=service("cart", "cart", CART) + endpoint_slice("cart", "cart", other.address))
    expect_equal((dialled(other), dialled(town.server)), ([NO], [OK]), "the other one in its place")
    town.mesh.apply(entry=f"""apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {{name: other, namespace: shop}}
spec: {{address: {other.address}, labels: {{app: other}}}}
""")
    expect_equal(dialled(other), [OK], "it is of another namespace")
    town.mesh.apply(policy=policy({"selector": {"matchLabels": {"app": "other"}}}, namespace="shop"))
    expect_equal(dialled(other), [NO], "and has labels")


def pod(name, owner, place, account, **labels):
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": f"{owner}-5d8b9c7f6-{name}", "namespace": "bookinfo", "uid": name, "resourceVersion": "7",
                         "labels": {**labels, "pod-template-hash": "5d8b9c7f6", "security.istio.io/tlsMode": "istio"},
                         "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{owner}-5d8b9c7f6",
                                              "uid": "r", "controller": True, "blockOwnerDeletion": True}]},
            "spec": {"serviceAccountName": account, "nodeName": "worker-1", "containers": [{"name": "app", "image": "app:1"}]},
            "status": {"phase": "Running", "podIP": place.address, "podIPs": [{"ip": place.address}], "hostIP": "192.0.2.7",
                       "conditions": [{"type": "Ready", "status": "True"}]}}


def namespace_of_istio(v1, v2, page):
    """What `kubectl get deployments,pods,services,endpointslices,virtualservices,... -n bookinfo -o json` prints."""
    def of(version, kind, name, spec, **meta):
        return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "bookinfo", "uid": name, **meta}, **spec}

    pods = {version: pod("abcde", f"reviews-{version}", place, "reviews", app="reviews", version=version)
            for version, place in (("v1", v1), ("v2", v2))}
    ready = {"ready": True, "serving": True, "terminating": False}
    rows = [{"addresses": [place.address], "conditions": ready, "nodeName": "worker-1",
             "targetRef": {"kind": "Pod", "name": pods[version]["metadata"]["name"], "namespace": "bookinfo", "uid": "p"}}
            for version, place in (("v1", v1), ("v2", v2))]
    subsets = [{"name": version, "labels": {"version": version}} for version in ("v1", "v2")]
    shares = [{"destination": {"host": "reviews", "subset": version}, "weight": share} for version, share in (("v1", 90), ("v2", 10))]
    return {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": [
        of("apps/v1", "Deployment", "reviews-v1", {"spec": {"replicas": 1}, "status": {"readyReplicas": 1}}),
        *pods.values(), pod("fghij", "productpage-v1", page, "bookinfo-productpage", app="productpage", version="v1"),
        of("v1", "Service", "reviews", {"spec": {"clusterIP": CART, "clusterIPs": [CART], "ipFamilies": ["IPv4"], "type": "ClusterIP",
                                                 "selector": {"app": "reviews"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
                                        "status": {"loadBalancer": {}}}),
        of("discovery.k8s.io/v1", "EndpointSlice", "reviews-k7p2x", {
            "addressType": "IPv4", "endpoints": rows, "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]},
           labels={"kubernetes.io/service-name": "reviews", "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}),
        of("networking.istio.io/v1", "DestinationRule", "reviews", {"spec": {"host": "reviews", "subsets": subsets}}),
        of("networking.istio.io/v1", "VirtualService", "reviews", {"spec": {"hosts": ["reviews"], "http": [{"route": shares}]}}),
        of("security.istio.io/v1", "AuthorizationPolicy", "nothing", {"spec": {}}),
        of("security.istio.io/v1", "AuthorizationPolicy", "reviews", {"spec": {
            "selector": {"matchLabels": {"app": "reviews"}}, "action": "ALLOW",
            "rules": [{"from": [{"source": {"principals": ["cluster.local/ns/bookinfo/sa/bookinfo-productpage"]}}]}]}})]}


def converted(mesh, objects):
    """Puts in force what `weft config convert` makes of them."""
    cluster, made = mesh.box.dir / "cluster.json", mesh.box.dir / f"made-{len(objects['items'])}"
    cluster.write_text(json.dumps(objects))
    done = mesh.weftd.command("config", "convert", str(cluster), "--to", str(made))
    expect_equal((done.returncode, "error" in done.stderr), (0, False), done.stderr)
    done = mesh.weftd.command("config", "apply", str(made))
    expect_equal(done.returncode, 0, done.stdout + done.stderr)


@test("slices/converted_namespace_is_in_force", seconds=60)
def converted_namespace(box):
    """A namespace of Istio as kubectl prints it: connects are split as it says, and only who it allows gets in; without its
    Pods no client does, as its policy without selector says."""
    v1, v2 = [servers.nginx(box.namespace(name), 8080) for name in ("v1", "v2")]
    page, stranger = box.namespace("page"), box.namespace("stranger")
    objects = namespace_of_istio(v1.place, v2.place, page)
    mesh = Mesh(box)
    mesh.start()
    converted(mesh, objects)
    found = connect(page, CART, count=200)
    expect_equal((found["answers"], found["errors"]), ({"200": 200}, {}), "the page's connects")
    canary = len(v2.exchanges())
    expect(5 <= canary <= 45, f"{canary} of 200 went to the 10 %")
    for address, port in ((CART, 80), (v1.place.address, 8080)):
        expect_equal(connect(stranger, address, port, count=5)["errors"], {NO: 5}, f"the stranger's connects to {address}")
    expect_equal(sorted(row["workload"] for row in mesh.lines("endpoints")), ["reviews-v1", "reviews-v2"], "workloads by the names of Deployments")
    rest = {**objects, "items": [one for one in objects["items"] if one["kind"] not in ("Pod", "DestinationRule", "VirtualService")]}
    converted(mesh, rest)
    for place in (page, stranger):
        for address, port in ((CART, 80), (v1.place.address, 8080)):
            expect_equal(connect(place, address, port, count=5)["errors"], {NO: 5}, f"without Pods, {place.role} to {address}")
