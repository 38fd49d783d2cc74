# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Connections that live when a policy comes that forbids them: ended when the policy says so, left alone when not."""

import json
import time

from lab import servers
from lab.held import Held
from lab.mesh import Mesh
from lab.processes import wait_for
from lab.verdict import expect, expect_equal, test
from test_policy import allow, deny, policy, source, workload

ENDS = '{weft.dev/end-connections: "true"}'


class Village:
    """nginx and three clients, of which the mesh knows two; each holds connections."""

    def __init__(self, box, count, address="address"):
        self.server, self.shop, self.web, self.stranger = [box.namespace(n) for n in ("server", "shop", "web", "stranger")]
        servers.nginx(self.server, 8080)
        self.host, shop, web = [getattr(place, address) for place in (self.server, self.shop, self.web)]
        self.mesh = Mesh(box, workloads=workload("cart", "cart", self.host, "cart", app="cart")
                         + workload("shop", "shop", shop, "shopper", app="shop") + workload("web", "web", web, "web", app="web"), policy="")
        self.mesh.start()
        self.held = {}
        for place in (self.shop, self.web, self.stranger):
            self.hold(place, count)

    def hold(self, place, count):
        self.held[place.role] = Held(place, self.host, 8080, count)

    def alive(self):
        return {role: held.alive() for role, held in self.held.items()}

    def expect_alive(self, what, **wanted):
        """Now, and after the agent has checked the connections once more."""
        wait_for(lambda: self.alive() == wanted, 5, f"{what}: {wanted}, there is {self.alive()}")
        time.sleep(1.5)
        expect_equal(self.alive(), wanted, f"{what}, later")

    def metric(self, name):
        return sum(value for _, value in self.mesh.weftd.reported_metrics().rows(name))


def verdicts(village, kind, last):
    done = village.mesh.weftd.command("observe", "--verdict", kind, "--last", str(last), "-o", "json")
    return [json.loads(line) for line in done.stdout.splitlines()]


@test("policy/ends_connections")
def ends(box):
    """Which connections end; how soon they do is measured by bench/reaction."""
    village = Village(box, 40)
    village.mesh.apply(policy=deny(source(namespaces=["web"])))
    village.expect_alive("a policy that does not end connections", shop=40, web=40, stranger=40)
    village.mesh.apply(policy=deny(source(namespaces=["web"]), annotations=ENDS))
    village.expect_alive("a DENY policy that ends connections", shop=40, web=0, stranger=40)
    rows = verdicts(village, "ended", 1000)
    expect_equal({(v["policy"], v["rule"], v["source_workload"], v["destination_workload"]) for v in rows},
                 {("cart/p", 1, "web/web", "cart/cart")}, "what the records say")
    expect_equal((len(rows), village.metric("weft_mesh_connections_ended_total")), (40, 40), "records and the counter")
    expect('action="end",policy="cart/p",rule="1"' in village.mesh.weftd.get("/metrics"), "the series is missing")
    village.mesh.apply(policy=policy({"action": "ALLOW", "rules": [source(namespaces=["shop"])]}, annotations=ENDS))
    village.expect_alive("an ALLOW policy that ends what it does not allow", shop=40, web=0, stranger=0)
    village.mesh.apply(policy=policy({"action": "ALLOW", "rules": []}, annotations='{weft.dev/end-connections: "true", istio.io/dry-run: "true"}'))
    village.expect_alive("a dry run", shop=40, web=0, stranger=0)
    village.mesh.apply(policy=deny(source(ipBlocks=[village.shop.address]), annotations=ENDS))
    village.expect_alive("by address", shop=0, web=0, stranger=0)
    expect_equal((village.metric("weft_mesh_connections_ended_total"), village.metric("weft_mesh_connections_not_ended_total")), (120, 0), "the counters")


@test("policy/ends_connections_ipv6")
def ends_ipv6(box):
    village = Village(box, 10, "address6")
    village.mesh.apply(policy=deny(source(namespaces=["web"]), annotations=ENDS))
    village.expect_alive("over IPv6", shop=10, web=0, stranger=10)
    expect_equal(village.metric("weft_mesh_connections_ended_total"), 10, "the counter")


@test("policy/ends_many_connections")
def many(box):
    village = Village(box, 1)
    village.hold(village.web, 1200)
    village.mesh.apply(policy=allow(source(namespaces=["shop"])) + deny(source(namespaces=["web"]), name="d", annotations=ENDS))
    village.expect_alive("more than are ended at a time", shop=1, web=0, stranger=1)
    ended = village.metric("weft_mesh_connections_ended_total")
    expect_equal((ended, village.metric("weft_mesh_connections_not_ended_total")), (1201, 0), "the counters")


@test("policy/ends_connections_of_an_earlier_agent")
def earlier(box):
    """What the agent did not get to before it died, the next one does."""
    village = Village(box, 20)
    village.mesh.weftd.kill()
    village.mesh.write("policy", deny(source(namespaces=["web"]), annotations=ENDS))
    village.mesh.start()
    village.expect_alive("after the restart", shop=20, web=0, stranger=20)


def check_rows(village):
    answer = json.loads(village.mesh.weftd.command("check", "-o", "json").stdout)
    return {row["name"]: row for row in answer["mesh"]}


@test("policy/check")
def check(box):
    """What of the mesh is attached; and an agent with the rights that its service file gives, which says what it cannot."""
    village = Village(box, 0)
    rows = check_rows(village)
    expect_equal({name: row["result"] for name, row in rows.items()},
                 {name: "ok" for name in ("connect", "datagrams", "peer names", "counts", "policy at server", "UDP servers", "changing servers", "UDP-Lite clients", "server owners", "reset at server",
                                             "end connections")}, "rows")
    text = village.mesh.weftd.command("check").stdout
    expect("mesh\n" in text and "end connections" in text, text)
    village.mesh.weftd.stop()
    small = box.dir / "weftd-small"
    small.write_text(f'#!/bin/sh\nexec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin {village.mesh.weftd.program} "$@"\n')
    small.chmod(0o755)
    village.mesh.weftd.program = small
    village.mesh.start()
    village.hold(village.web, 5)
    village.mesh.apply(policy=deny(source(namespaces=["web"]), annotations=ENDS))
    wait_for(lambda: village.metric("weft_mesh_connections_not_ended_total") >= 5, 5, "the attempts that fail")
    row = check_rows(village)["end connections"]
    expect(row["result"] == "limited" and "CAP_SYS_ADMIN" in row["problem"], f"what weft check says: {row}")
    expect_equal(village.held["web"].alive(), 5, "connections that could not be ended")
