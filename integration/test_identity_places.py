# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is known of one address is known of the processes there: policies hold on every address of a server, and of a
client, though the mesh names one alone."""

import json
import sys

from lab.mesh import Mesh
from lab.processes import wait_for
from lab.sandbox import ip
from lab.verdict import expect_equal, test
from test_identity import dial
from test_policy import DIAL, NO, OK, REFUSED, policy, source, workload

EXTRA = "198.18.0.101"


def link_local(place):
    """Its address there, None: it is still being checked."""
    rows = json.loads(place.run(["ip", "-j", "-6", "addr", "show", "dev", "eth0"]).stdout)
    return next((one["local"] for one in rows[0]["addr_info"] if one["scope"] == "link" and not one.get("tentative")), None)


class Places:
    """A server with four addresses, of which the mesh names one; a client that it knows by one address, and a stranger."""

    def __init__(self, box):
        self.server, self.shop, self.stranger = [box.namespace(n) for n in ("server", "shop", "stranger")]
        ip("addr", "add", f"{EXTRA}/24", "dev", "eth0", netns=self.server.name)
        ip("addr", "add", "198.18.0.102/24", "dev", "eth0", netns=self.shop.name)
        self.server.start([sys.executable, DIAL, "listen", 8080, 9090], "listener")
        wait_for(lambda: self.server.listens(9090), 10, "the listener")
        wait_for(lambda: link_local(self.server), 10, "a link-local address")
        self.hosts = [self.server.address, EXTRA, self.server.address6, f"{link_local(self.server)}%eth0"]
        self.mesh = Mesh(box, workloads=workload("cart", "cart", self.server.address, "cart", app="cart")
                         + workload("shop", "shop", self.shop.address, "shopper", app="shop"), more="", policy="")
        self.mesh.start()

    def expect(self, what, shop, stranger, ports=("8080",), hosts=None):
        for place, wanted in ((self.shop, shop), (self.stranger, stranger)):
            for host in hosts or self.hosts:
                found = set(dial(place, host, ports).values())
                expect_equal("denied" if found <= {NO, REFUSED, "silence"} else "allowed" if found == {OK} else found,
                             wanted, f"{what}: {place.role} to {host}")


@test("policy/every_address", seconds=120)
def every_address(box):
    places = Places(box)
    places.expect("no policy", "allowed", "allowed")
    places.mesh.apply(policy=policy({}))
    places.expect("deny-all", "denied", "denied")
    expect_equal(set(dial(places.server, "127.0.0.1", ("8080",)).values()) | set(dial(places.server, "::1", ("9090",)).values()), {OK}, "what stays inside")
    places.mesh.apply(policy=policy({"action": "DENY", "selector": {"matchLabels": {"app": "cart"}}, "rules": [source(namespaces=["shop"])]}))
    places.expect("DENY of a client that is known by one address", "denied", "allowed")
    places.mesh.apply(policy=policy({"rules": [source(principals=["*/sa/shopper"])]}))
    places.expect("ALLOW of it", "allowed", "denied")
    places.mesh.apply(more=workload("pay", "bank", EXTRA, "pay", app="pay"), policy=policy({"rules": [source(namespaces=["shop"])]}))
    places.expect("two workloads in one network namespace: their own addresses", "allowed", "allowed", hosts=[EXTRA])
    places.expect("and the others: whatever one of them denies", "allowed", "denied", hosts=[places.server.address, *places.hosts[2:]])
    places.mesh.weftd.kill()
    places.expect("without the agent", "allowed", "denied", hosts=[places.server.address, *places.hosts[2:]])
