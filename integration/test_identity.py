# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Who the ends of a connection are: by an address that several workloads have, by a prefix, by the program, and that
`weft policy explain` says of each what becomes of real connections."""

import itertools
import json
import pathlib
import random
import shutil
import sys
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

from lab.mesh import Mesh, service
from lab.processes import wait_for
from lab.verdict import expect, expect_equal, test
from test_policy import DIAL, NO, OK, policy, source, workload

DENIED = ("EPERM", "ECONNREFUSED", "silence")


def matched(name, namespace, match, account="", **labels):
    """A Workload; |match| is one entry of its list."""
    return f"""apiVersion: weft.dev/v1alpha1
kind: Workload
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  match: [{json.dumps(match)}]
  serviceAccount: "{account}"
  labels: {json.dumps(labels)}
---
"""


def selecting(name, namespace, address, target, **labels):
    """A service whose endpoints are the workloads with these labels: it says which port is whose."""
    text = service(name, [], target=target, address=address, extra=f"  workloadSelector: {{labels: {json.dumps(labels)}}}\n")
    return text.replace("  endpoints: []\n", "").replace("namespace: shop", f"namespace: {namespace}")


def python_named(box, name):
    """A Python whose executable has this name."""
    path = box.dir / name
    shutil.copy(pathlib.Path(sys.executable).resolve(), path)
    return str(path)


def dial(place, host, ports, program=sys.executable, options=()):
    return dict(zip(ports, place.run([program, DIAL, *options, host, *ports]).stdout.split()))


def dial_all(ways):
    """The outcomes of all (place, host, ports, program), each port of each at once."""
    with ThreadPoolExecutor(len(ways)) as pool:
        return list(pool.map(lambda way: dial(*way, ["--together"]), ways))


def explain(mesh, start, end, port, config=None):
    """The verdict: by the agent, or from files."""
    if config:
        done = mesh.weftd.command("policy", "explain", start, end, port, "--config", config, "-o", "json")
        return json.loads(done.stdout)["verdict"]
    query = urllib.parse.urlencode({"from": "" if start == "-" else start, "to": end, "port": port})
    return mesh.get(f"/api/v1/policy?{query}")["verdict"]


class Pair:
    """A machine with two services, on 8080 and 9090, and another port; one client that the mesh knows and a stranger."""

    def __init__(self, box):
        self.server, self.shop, _, self.stranger = [box.namespace(n) for n in ("server", "shop", "neighbour", "stranger")]
        self.server.start([sys.executable, DIAL, "listen", 8080, 9090, 7070], "listener")
        wait_for(lambda: self.server.listens(7070), 10, "the listener")
        self.mesh = Mesh(box, clients=workload("shop", "shop", self.shop.address, "shopper", app="shop"), servers="", policy="")
        self.mesh.start()

    def expect(self, what, shop, stranger):
        """Both by connecting and by what is explained, for TCP and UDP."""
        ports = ["8080", "9090", "7070"]
        for place, wanted in ((self.shop, shop), (self.stranger, stranger)):
            found = dial(place, self.server.address, [*ports, *(f"udp:{port}" for port in ports)])
            expect_equal(found, dict(zip(found, wanted * 2)), f"{what}: {place.role}")
            for port, word in zip(ports, wanted):
                for config in (None, str(self.mesh.directory)):
                    told = explain(self.mesh, place.address, self.server.address, port, config)
                    expect_equal(told, "allowed" if word == OK else "denied", f"{what}: {place.role} to {port}, explained by {config or 'the agent'}")


@test("policy/shared_address", seconds=120)
def shared(box):
    """Several workloads at one address: what is denied to one that it may be is denied, and a port that is one's own is its own."""
    pair = Pair(box)
    host = pair.server.address
    cart, pay = workload("cart", "cart", host, "cart", app="cart"), workload("pay", "cart", host, "pay", app="pay")
    plain = workload("plain", "cart", host, "")
    elsewhere = workload("pay", "bank", host, "pay", app="pay")
    two = matched("cart", "cart", {"ip": [host]}, app="cart") + matched("pay", "cart", {"ip": [host]}, app="pay")
    networks = matched("cart", "cart", {"ip": [f"{host}/31"]}, app="cart") + matched("pay", "cart", {"ip": [f"{host}/31"]}, app="pay")
    ports = selecting("till", "cart", "198.19.0.11", 8080, app="cart") + selecting("bank", "cart", "198.19.0.12", 9090, app="pay")
    by_selector = policy({"selector": {"matchLabels": {"app": "cart"}}})
    nothing, everything = (NO,) * 3, (OK,) * 3
    for name, servers in (("different labels", cart + pay), ("one without labels", cart + plain), ("another namespace", cart + elsewhere),
                          ("two Workloads", two), ("two Workloads with one network", networks)):
        for what, text in (("deny-all by selector", by_selector), ("deny-all of the namespace", policy({})),
                           ("deny-all of the mesh", policy({}, namespace="istio-system")),
                           ("DENY by selector", policy({"action": "DENY", "selector": {"matchLabels": {"app": "cart"}}, "rules": [{}]}))):
            pair.mesh.apply(servers=servers, policy=text)
            pair.expect(f"{name}, {what}", nothing, nothing)
        pair.mesh.apply(policy=policy({"selector": {"matchLabels": {"app": "cart"}}, "rules": [source(namespaces=["shop"])]}))
        pair.expect(f"{name}, ALLOW by selector", everything, nothing)
    for what, text, shop, stranger in (
            ("deny-all of one", by_selector, (NO, OK, NO), (NO, OK, NO)),
            ("DENY of one", policy({"action": "DENY", "selector": {"matchLabels": {"app": "pay"}}, "rules": [{}]}), (OK, NO, NO), (OK, NO, NO)),
            ("ALLOW of each", policy({"selector": {"matchLabels": {"app": "cart"}}, "rules": [source(namespaces=["shop"])]})
             + policy({"selector": {"matchLabels": {"app": "pay"}}, "rules": [source(notNamespaces=["shop"])]}, name="q"), (OK, NO, NO), (NO, OK, NO))):
        pair.mesh.apply(servers=cart + pay + ports, policy=text)
        pair.expect(f"ports that tell them apart, {what}", shop, stranger)


@test("policy/shared_source", seconds=60)
def shared_source(box):
    """A client that may be one of several workloads gets what all of them may have."""
    pair = Pair(box)
    other = workload("other", "other", pair.shop.address, "other", app="other")
    pair.mesh.apply(clients=workload("shop", "shop", pair.shop.address, "shopper", app="shop") + other,
                    servers=workload("cart", "cart", pair.server.address, "cart", app="cart"))
    everything, nothing = (OK,) * 3, (NO,) * 3
    for what, text, shop, stranger in (
            ("no policy", "", everything, everything),
            ("DENY of one", policy({"action": "DENY", "rules": [source(namespaces=["other"])]}), nothing, everything),
            ("ALLOW of one", policy({"rules": [source(namespaces=["shop"])]}), nothing, nothing),
            ("ALLOW of both", policy({"rules": [source(namespaces=["shop"]), source(principals=["*/sa/other"])]}), everything, nothing)):
        if text:
            pair.mesh.apply(policy=text)
        pair.expect(what, shop, stranger)


@test("policy/prefix", seconds=60)
def prefix(box):
    """A Workload that is known by a network, as target and as source."""
    pair = Pair(box)
    pair.mesh.apply(clients=matched("shop", "shop", {"ip": [f"{pair.shop.address}/31"]}, "shopper", app="shop"),
                    servers=matched("cart", "cart", {"ip": ["198.18.0.0/24"]}, app="cart") + matched("wide", "wide", {"ip": ["198.0.0.0/8"]}))
    nothing, everything = (NO,) * 3, (OK,) * 3
    for what, text, shop, stranger in (
            ("deny-all", policy({}), nothing, nothing),
            ("DENY", policy({"action": "DENY", "rules": [{}]}), nothing, nothing),
            ("of the wider network", policy({}, namespace="wide"), everything, everything),
            ("DENY of the source", policy({"action": "DENY", "rules": [source(namespaces=["shop"])]}), nothing, everything),
            ("ALLOW of the source", policy({"rules": [source(principals=["*/sa/shopper"])]}), everything, nothing)):
        pair.mesh.apply(policy=text)
        pair.expect(what, shop, stranger)


# ---- whatever is explained is what happens

NAMES, ACCOUNTS, APPS = ("cart", "shop", "bank"), ("one", "two"), ("web", "db")


class World:
    """Servers and clients that are known in every way there is, each in a network namespace of its own."""

    def __init__(self, box, dice):
        self.dice = dice
        self.servers = {role: box.namespace(role) for role in ("address", "network", "several", "program")}
        self.clients = {role: box.namespace(role) for role in ("caller", "subnet", "crowd", "runner", "nobody")}
        self.programs = {role: python_named(box, f"weft-{role}") for role in ("program", "runner")}
        for role, place in self.servers.items():
            place.start([self.programs.get(role, sys.executable), DIAL, "listen", 8080, 9090], "listener")
            wait_for(lambda: place.listens(9090), 10, "the listener")
        self.mesh = Mesh(box, workloads="", policy="")
        self.mesh.start()

    def who(self, role, place):
        """A workload that is known in this way, with random attributes."""
        dice = self.dice
        who = {"namespace": dice.choice(NAMES), "account": dice.choice(ACCOUNTS), "app": dice.choice(APPS)}
        if role in ("program", "runner"):
            return matched(role, who["namespace"], {"executable": f"*/weft-{role}"}, who["account"], app=who["app"])
        if role in ("network", "subnet"):
            return matched(role, who["namespace"], {"ip": [f"{place.address}/32", f"{place.address6}/127"]}, who["account"], app=who["app"])
        text = workload(role, who["namespace"], place.address, who["account"], app=who["app"])
        if role in ("several", "crowd"):
            text += workload(f"{role}2", dice.choice(NAMES), place.address, dice.choice(ACCOUNTS), app=dice.choice(APPS))
        return text

    def source(self):
        dice, fields = self.dice, {}
        blocks = [f"{place.address}/{dice.choice((32, 30))}" for place in self.clients.values()]
        for name, values in (("namespaces", [*NAMES, "s*"]), ("principals", [f"*/sa/{account}" for account in ACCOUNTS]), ("ipBlocks", blocks)):
            if dice.random() < 0.35:
                key = name if dice.random() < 0.7 else "not" + name[0].upper() + name[1:]
                fields[key] = dice.sample(values, dice.choice((1, 2)))
        return {"source": fields} if fields else None

    def policy(self, number):
        dice, rules = self.dice, []
        for _ in range(dice.choice((0, 1, 2))):
            rule = {"from": [one]} if (one := self.source()) else {}
            if dice.random() < 0.4:
                rule["to"] = [{"operation": {"ports": [dice.choice(("8080", "9090"))]}}]
            rules.append(rule)
        spec = {"action": dice.choice(("ALLOW", "DENY")), "rules": rules}
        if spec["action"] == "DENY" and not rules:
            spec["rules"] = [{}]
        if dice.random() < 0.4:
            spec["selector"] = {"matchLabels": {"app": dice.choice(APPS)}}
        return policy(spec, namespace=dice.choice((*NAMES, "istio-system")), name=f"p{number}")

    def renew(self):
        places = [*self.servers.items(), *self.clients.items()]
        texts = "".join(self.who(role, place) for role, place in places if role != "nobody")
        self.mesh.apply(workloads=texts, policy="".join(self.policy(n) for n in range(self.dice.choice((1, 2, 3)))))

    def name(self, role, place):
        """How it is asked for: what is known by its program has no address in the mesh."""
        return role if role in self.programs else place.address

    def compare(self, seed):
        """Every client with every server, TCP and UDP, as it is and as it is explained. How often it is allowed, denied, open."""
        pairs = list(itertools.product(self.clients.items(), self.servers.items()))
        datagrams = self.dice.choice(("udp", "udp-connected", "lite"))
        ports = ["8080", "9090", f"{datagrams}:8080", f"{datagrams}:9090"]
        outcomes = dial_all([(client, place.address, ports, self.programs.get(role, sys.executable))
                             for (role, client), (_, place) in pairs])
        counts = {"allowed": 0, "denied": 0, "undecided": 0}
        for ((role, client), (server, place)), outcome in zip(pairs, outcomes):
            start, end = self.name(role, client), self.name(server, place)
            for port, word in outcome.items():
                told = explain(self.mesh, start, end, port.split(":")[-1])
                counts[told] += 1
                if told == "undecided" and role in self.programs:
                    continue  # its address is not known
                expect_equal(told, "allowed" if word == OK else "denied" if word in DENIED else word,
                             f"{seed}: {role} to {server} {port}, which is {word}; {self.mesh.directory}")
                expect_equal(explain(self.mesh, start, end, port.split(":")[-1], str(self.mesh.directory)), told, f"{seed}: {role} to {server} {port}, by files")
                if server in self.programs:  # who listens there is found
                    expect_equal(explain(self.mesh, start, place.address, port.split(":")[-1]), told, f"{seed}: {role} to the address of {server} {port}")
        return counts


@test("policy/explained_as_it_is", seconds=240)
def explained(box):
    seed = 20240
    world = World(box, random.Random(seed))
    total = {"allowed": 0, "denied": 0, "undecided": 0}
    for number in range(16):
        world.renew()
        for word, count in world.compare(f"{seed}, world {number}").items():
            total[word] += count
    expect(total["allowed"] > 200 and total["denied"] > 200, f"too few of a kind: {total}")
    print(f"{total} connections are as they were explained")
