# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Authorization on real traffic: every documented semantic of AuthorizationPolicy, as operators write it, between
network namespaces."""

import json
import sys

from lab.mesh import Mesh
from lab.processes import wait_for
from lab.sandbox import ROOT
from lab.verdict import expect, expect_equal, test

DIAL = ROOT / "integration" / "programs" / "dial.py"
OK, NO, REFUSED = "ok", "EPERM", "ECONNREFUSED"


def workload(name, namespace, address, account, **labels):
    return f"""apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  address: {address}
  serviceAccount: {account}
  labels: {json.dumps(labels)}
---
"""


def policy(spec, namespace="cart", name="p", annotations="{}"):
    return f"""apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: {name}, namespace: {namespace}, annotations: {annotations}}}
spec: {json.dumps(spec)}
---
"""


def source(**fields):
    return {"from": [{"source": fields}]}


def allow(*rules):
    return policy({"action": "ALLOW", "rules": list(rules)})


def deny(*rules, **where):
    return policy({"action": "DENY", "rules": list(rules)}, **where)


class Town:
    """A server and two clients that the mesh knows, and one client that it does not."""

    def __init__(self, box, address="address"):
        self.server, self.shop, self.web, self.stranger = [box.namespace(n) for n in ("server", "shop", "web", "stranger")]
        self.server.start([sys.executable, DIAL, "listen", 8080, 9090], "listener")
        wait_for(lambda: self.server.listens(9090), 10, "the listener")
        self.host, shop, web = [getattr(place, address) for place in (self.server, self.shop, self.web)]
        self.mesh = Mesh(box, workloads=workload("cart", "cart", self.host, "cart", app="cart")
                         + workload("shop", "shop", shop, "shopper", app="shop") + workload("web", "web", web, "web", app="web"), policy="")
        self.mesh.start()

    def outcomes(self, ports=("8080", "9090")):
        return {name: place.run([sys.executable, DIAL, self.host, *ports]).stdout.split()
                for name, place in (("shop", self.shop), ("web", self.web), ("stranger", self.stranger))}

    def expect(self, what, shop, web, stranger, ports=("8080", "9090"), text=None):
        if text is not None:
            self.mesh.apply(policy=text)
        both = {"shop": shop, "web": web, "stranger": stranger}
        wanted = {name: list(words) if isinstance(words, tuple) else [words] * len(ports) for name, words in both.items()}
        expect_equal(self.outcomes(ports), wanted, what)


@test("policy/semantics", seconds=180)
def semantics(box):
    town = Town(box)
    web_ip = town.web.address
    town.expect("no policy: allowed", OK, OK, OK)
    for what, text, *wanted in (
            ("ALLOW without rules: nothing", policy({}), NO, NO, NO),
            ("ALLOW with an empty rule: everything", allow({}), OK, OK, OK),
            ("DENY with an empty rule: nothing", deny({}), NO, NO, NO),
            ("namespaces", allow(source(namespaces=["shop"])), OK, NO, NO),
            ("namespaces by prefix", allow(source(namespaces=["we*"])), NO, OK, NO),
            ("namespaces by suffix", allow(source(namespaces=["*hop"])), OK, NO, NO),
            ("namespaces, any: who is known", allow(source(namespaces=["*"])), OK, OK, NO),
            ("notNamespaces: who is not known, too", allow(source(notNamespaces=["shop"])), NO, OK, OK),
            ("principals", allow(source(principals=["cluster.local/ns/web/sa/web"])), NO, OK, NO),
            ("principals by suffix", allow(source(principals=["*/sa/shopper"])), OK, NO, NO),
            ("notPrincipals", deny(source(notPrincipals=["*"])), OK, OK, NO),
            ("ports", allow({"to": [{"operation": {"ports": ["9090"]}}]}), (NO, OK), (NO, OK), (NO, OK)),
            ("notPorts", deny({"to": [{"operation": {"notPorts": ["9090"]}}]}), (NO, OK), (NO, OK), (NO, OK)),
            ("from and to: both", allow({**source(namespaces=["shop"]), "to": [{"operation": {"ports": ["8080"]}}]}), (OK, NO), NO, NO),
            ("two rules: either", allow(source(namespaces=["shop"]), source(namespaces=["web"])), OK, OK, NO),
            ("two sources: either", allow({"from": [{"source": {"namespaces": ["shop"]}}, {"source": {"namespaces": ["web"]}}]}), OK, OK, NO),
            ("fields of one source: all", allow(source(namespaces=["shop"], principals=["*/sa/web"])), NO, NO, NO),
            ("value and notValue: both", allow(source(namespaces=["*"], notNamespaces=["web"])), OK, NO, NO),
            ("when", allow({"when": [{"key": "destination.port", "values": ["8080"]}, {"key": "source.namespace", "notValues": ["web"]}]}),
             (OK, NO), NO, (OK, NO)),
            ("when destination.ip", allow({"when": [{"key": "destination.ip", "notValues": [town.server.address]}]}), NO, NO, NO),
            ("ipBlocks: at the server", deny(source(ipBlocks=[f"{web_ip}/32"])), OK, REFUSED, OK),
            ("ipBlocks, allowed", allow(source(ipBlocks=[web_ip])), REFUSED, OK, REFUSED),
            ("notIpBlocks", allow(source(notIpBlocks=[web_ip])), OK, REFUSED, OK),
            ("DENY before ALLOW", allow(source(namespaces=["*"])) + deny(source(namespaces=["web"]), name="d"), OK, NO, NO),
            ("a DENY alone leaves the rest allowed", deny(source(namespaces=["web"])), OK, NO, OK),
            ("selector that selects", policy({"selector": {"matchLabels": {"app": "cart"}}, "rules": []}), NO, NO, NO),
            ("selector of another workload", policy({"selector": {"matchLabels": {"app": "other"}}}), OK, OK, OK),
            ("another namespace", policy({}, namespace="shop"), OK, OK, OK),
            ("the root namespace: the whole mesh", policy({}, namespace="istio-system"), NO, NO, NO),
            ("AUDIT changes nothing", policy({"action": "AUDIT", "rules": [{}]}), OK, OK, OK),
            ("dry run changes nothing", policy({}, annotations='{istio.io/dry-run: "true"}'), OK, OK, OK)):
        town.expect(what, *wanted, text=text)


@test("policy/ipv6")
def ipv6(box):
    town = Town(box, "address6")
    town.expect("no policy: allowed", OK, OK, OK)
    for what, text, *wanted in (
            ("namespaces", allow(source(namespaces=["shop"])), OK, NO, NO),
            ("DENY by principal", deny(source(principals=["*/sa/web"])), OK, NO, OK),
            ("ports", deny({"to": [{"operation": {"ports": ["9090"]}}]}), (OK, NO), (OK, NO), (OK, NO)),
            ("ipBlocks: at the server", deny(source(ipBlocks=[f"{town.web.address6}/128"])), OK, REFUSED, OK),
            ("ipBlocks of the other family: nobody's", deny(source(ipBlocks=["0.0.0.0/0"])), OK, OK, OK),
            ("notIpBlocks", allow(source(notIpBlocks=[town.web.address6])), OK, REFUSED, OK),
            ("when destination.ip", allow({"when": [{"key": "destination.ip", "notValues": [town.host]}]}), NO, NO, NO)):
        town.expect(what, *wanted, text=text)
    town.expect("datagrams", OK, NO, NO, ports=["udp:8080"], text=allow(source(namespaces=["shop"])))


@test("policy/datagrams")
def datagrams(box):
    town = Town(box)
    town.expect("no policy", OK, OK, OK, ports=["udp:8080"])
    town.expect("namespaces", OK, NO, NO, ports=["udp:8080", "udp:9090"], text=allow(source(namespaces=["shop"])))
    town.expect("ipBlocks: at the server", OK, "silence", OK, ports=["udp:8080"], text=deny(source(ipBlocks=[town.web.address])))


def verdicts(town, kind):
    lines = town.mesh.weftd.command("observe", "--verdict", kind, "-o", "json").stdout.splitlines()
    return {(v["policy"], v["rule"], v["source_workload"], v["destination_workload"]) for v in map(json.loads, lines)}


@test("policy/records")
def records(box):
    town = Town(box)
    town.mesh.apply(policy=allow(source(namespaces=["shop"])) + deny(source(ipBlocks=[town.shop.address]), name="blocked"))
    expect_equal(town.outcomes(ports=["8080"]), {"shop": [REFUSED], "web": [REFUSED], "stranger": [REFUSED]}, "outcomes")
    wanted = {("cart/blocked", 1, "shop/shop", "cart/cart"), ("none", 0, "none", "cart/cart"), ("none", 0, "web/web", "cart/cart")}
    wait_for(lambda: verdicts(town, "denied") == wanted, 5, f"the denials {wanted}")
    town.mesh.apply(policy=policy({"action": "AUDIT", "rules": [source(namespaces=["shop"])]}, name="audit"))
    expect_equal(town.outcomes(ports=["8080"])["shop"], [OK], "an audit")
    wait_for(lambda: verdicts(town, "noted") == {("cart/audit", 1, "shop/shop", "cart/cart")}, 5, "the note")
    text = town.mesh.weftd.command("observe", "--verdict", "denied").stdout
    expect("policy cart/blocked rule 1" in text and "no ALLOW policy matched" in text, text)
    metrics = town.mesh.weftd.get("/metrics")
    expect('weft_policy_verdicts_total{reporter="destination",action="deny",policy="cart/blocked",rule="1"' in str(metrics), "the metric is missing")


@test("policy/holds_without_the_agent")
def without_agent(box):
    town = Town(box)
    town.expect("denied", OK, NO, NO, text=allow(source(namespaces=["shop"])))
    town.mesh.weftd.kill()
    town.expect("without the agent", OK, NO, NO)


def explained(town, *arguments):
    """The exit code and the answer of `weft policy explain`."""
    done = town.mesh.weftd.command("policy", "explain", *arguments, "-o", "json")
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


@test("policy/explain")
def explain(box):
    town = Town(box)
    text = (allow(source(namespaces=["shop"])) + deny({"to": [{"operation": {"ports": ["9090"]}}]}, name="closed")
            + policy({"action": "AUDIT", "rules": [{}]}, name="seen") + deny({}, name="tried", annotations='{istio.io/dry-run: "true"}'))
    town.expect("what is explained", (OK, NO), NO, NO, text=text)
    wanted = {("shop/shop", "8080"): (0, "allowed", "cart/p", 1), ("shop/shop", "9090"): (3, "denied", "cart/closed", 1),
              ("web", "8080"): (3, "denied", None, 0), (town.web.address, "9090"): (3, "denied", "cart/closed", 1),
              (town.stranger.address, "8080"): (3, "denied", None, 0), ("-", "8080"): (3, "denied", None, 0)}
    for offline in ((), ("--config", str(town.mesh.directory))):
        for (who, port), answer in wanted.items():
            code, found = explained(town, who, "cart/cart", port, *offline)
            expect_equal((code, found["verdict"], found["policy"], found["rule"]), answer, f"{who} to port {port} {offline}")
            expect_equal(found["notes"], 2, "notes: AUDIT and dry run")
        _, found = explained(town, "web", town.server.address, "8080", *offline)
        expect_equal((found["source"]["principal"], found["source"]["address"], found["target"]["workload"]),
                     ("cluster.local/ns/web/sa/web", town.web.address, "cart/cart"), "both ends")
        rows = {p["policy"]: (p["action"], p["enforced"], p["matched_rule"], p["noted"]) for p in found["policies"]}
        expect_equal(rows, {"cart/closed": ("DENY", True, 0, False), "cart/p": ("ALLOW", True, 0, False),
                            "cart/seen": ("AUDIT", False, 1, True), "cart/tried": ("DENY", False, 1, True)}, "policies")
        reason, = next(p["failed"] for p in found["policies"] if p["policy"] == "cart/p")
        expect_equal(reason["reason"], "source namespace web is not among shop", "why the ALLOW policy does not match")
    explain_undecided(town)
    for arguments, code, words in ((("nobody", "cart", "8080"), 2, 'no workload is called "nobody"'), (("web", "cart", "0"), 2, '"0" is no port'),
                                   (("web", "cart"), 2, "needs FROM, TO and PORT"), (("web", "cart", "80", "--config", "/nowhere"), 1, "/nowhere")):
        found, text = explained(town, *arguments)
        expect(found == code and words in text, f"{arguments}: exit code {found}, {text}")


def explain_undecided(town):
    """By name its address is known; who is not known has none."""
    town.mesh.apply(policy=deny(source(ipBlocks=[town.web.address]), annotations='{weft.dev/end-connections: "true"}'))
    expect_equal([explained(town, who, "cart", "8080")[1]["verdict"] for who in ("web", "shop", "-")], ["denied", "allowed", "undecided"], "ipBlocks")
    text = town.mesh.weftd.command("policy", "explain", "web", "cart", "8080").stdout
    expect("denied by cart/p rule 1: a DENY policy matches" in text and "web/web, principal" in text and "DENY cart/p: rule 1 matches" in text
           and "established connections are ended, too" in text, text)
