# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Several workloads in one network namespace: a policy that comes ends the connections of the one that it is about, and
leaves the other's alone, as it is when they connect."""

import sys
import time

from lab.held import Held
from lab.mesh import Mesh
from lab.processes import wait_for
from lab.sandbox import ROOT, ip
from lab.verdict import expect_equal, test
from test_identity import matched, python_named
from test_policy import deny, policy, source, workload
from test_policy_endings import ENDS

ECHO = ROOT / "integration" / "programs" / "echo.py"
COUNT = 5
MORE = "198.18.0.101"


def of(app, namespace="cart"):
    """What ends all connections to the workloads of this label."""
    return policy({"action": "DENY", "selector": {"matchLabels": {"app": app}}, "rules": [{}]}, namespace=namespace, name=app, annotations=ENDS)


def by(namespace):
    """What ends all connections of this namespace's workloads, to whichever workload."""
    return policy({"action": "DENY", "rules": [source(namespaces=[namespace])]}, namespace="istio-system", name=namespace, annotations=ENDS)


class Yard:
    """A server and a client, each a network namespace with two workloads."""

    def __init__(self, box):
        self.server, self.house = box.namespace("server"), box.namespace("house")
        self.python = {name: python_named(box, f"weft-{name}") for name in ("cart", "pay", "shop", "web")}
        for name, port in (("cart", 8080), ("pay", 9090)):
            self.server.start([self.python[name], ECHO, "serve", port], name)
            wait_for(lambda port=port: self.server.listens(port), 10, "the listener")
        self.mesh = Mesh(box, workloads="", policy="")

    def hold(self, *wanted):
        """{name: connections}; |wanted|: (name, address, port, program of the client)"""
        return {name: Held(self.house, address, port, COUNT, self.python.get(client, sys.executable)) for name, address, port, client in wanted}

    def expect(self, what, wanted, one, other):
        """Policies |one| and |other| come in turn: each is (text, who ends by it)."""
        for first, second in ((one, other), (other, one)):
            self.mesh.apply(policy=deny(source(namespaces=["none"])))
            held, text, ended = self.hold(*wanted), "", set()
            for more, who in (first, second):
                text, ended = text + more, ended | who
                self.mesh.apply(policy=text)
                wanted_alive = {name: 0 if name in ended else COUNT for name in held}
                wait_for(lambda: {name: h.alive() for name, h in held.items()} == wanted_alive, 10,
                         f"{what}, the end of {sorted(ended)}: {wanted_alive}, there is { {name: h.alive() for name, h in held.items()} }")
                time.sleep(1.5)  # it is looked for once more
                expect_equal({name: h.alive() for name, h in held.items()}, wanted_alive, f"{what}, after the end of {sorted(ended)}")


@test("policy/ends_one_by_program", seconds=90)
def by_program(box):
    yard = Yard(box)
    yard.mesh.write("workloads", "".join(matched(name, name, {"executable": f"*/weft-{name}"}, name, app=name) for name in yard.python))
    yard.mesh.start()
    host = yard.server.address
    yard.expect("servers", [("cart", host, 8080, "shop"), ("pay", host, 9090, "shop")],
                (of("cart"), {"cart"}), (of("pay", "pay"), {"pay"}))
    yard.expect("clients", [("shop", host, 8080, "shop"), ("web", host, 8080, "web")], (by("shop"), {"shop"}), (by("web"), {"web"}))


@test("policy/ends_one_by_address", seconds=90)
def by_address(box):
    """Of two workloads each has an address; who is reached at a third one may be either, and so may who connects from it."""
    yard = Yard(box)
    ip("addr", "add", f"{MORE}/24", "dev", "eth0", netns=yard.server.name)
    yard.mesh.write("workloads", workload("cart", "cart", yard.server.address, "cart", app="cart") + workload("pay", "cart", MORE, "pay", app="pay")
                    + workload("shop", "shop", yard.house.address, "shopper", app="shop"))
    yard.mesh.start()
    third = yard.server.address6
    wanted = [("cart", yard.server.address, 8080, ""), ("pay", MORE, 8080, ""), ("third", third, 8080, "")]
    yard.expect("servers", wanted, (of("cart"), {"cart", "third"}), (of("pay"), {"pay", "third"}))
    yard.expect("a client at another address", [("third", third, 8080, "")], (by("shop"), {"third"}), (by("other"), set()))
