# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Every way to reach a server against every way that workloads are known: what the kernel does is what `weft policy explain`
says and what Istio means."""

import json

from lab.known import CLIENTS
from lab.processes import wait_for
from lab.reach import Town
from lab.verdict import expect, expect_equal, test
from test_lifecycle import HEAPS, leave_descriptors, limit_descriptors, other_layout, same_layout, start_second

SHARE = 5  # of the ways, in moments that are not the steady one
SOME, OTHERS = [f"from-{how}" for how in CLIENTS[::2]], [f"from-{how}" for how in CLIENTS[1::2]]


def sources(**fields):
    return {"from": [{"source": fields}]}


def ports(*numbers):
    return {"to": [{"operation": {"ports": [str(n) for n in numbers]}}]}


POLICIES = {
    "no policy": [],
    "DENY of some": [("town", {"action": "DENY", "rules": [sources(namespaces=SOME)]})],
    "DENY of others by selector": [("town", {"action": "DENY", "selector": {"matchLabels": {"side": "server"}}, "rules": [sources(namespaces=OTHERS)]})],
    "ALLOW of some": [("town", {"action": "ALLOW", "rules": [sources(principals=[f"cluster.local/ns/{name}/sa/*" for name in SOME])]})],
    "DENY of a port": [("town", {"action": "DENY", "rules": [ports(9090)]})],
    "mesh-wide deny": [("istio-system", {})],
    "ALLOW of known to a port, DENY of others": [("town", {"action": "ALLOW", "rules": [{**sources(namespaces=["*"]), **ports(8080)}]}),
                                                 ("istio-system", {"action": "DENY", "rules": [sources(namespaces=OTHERS)]})],
}


MIXED = [("town", {"action": "ALLOW", "rules": [sources(principals=[f"cluster.local/ns/{name}/sa/*" for name in SOME])]}),
         ("town", {"action": "DENY", "rules": [{**sources(namespaces=SOME[:2]), **ports(9090)}]})]


def judge(town):
    """The whole table is written, and has no differences."""
    path = town.box.dir / "table.txt"
    path.write_text(town.text())
    counts = {word: sum(found.oracle == word for found in town.cells.values()) for word in ("allowed", "denied")}
    print(f"{len(town.cells)} cells, {counts}, {len(town.late)} of them late: {path}")
    lines = list(town.lines())
    expect(not lines, "\n".join([f"{len(lines)} differences in {path}", *lines[:40]]))
    expect(min(counts.values()) > len(town.cells) / 5, f"too few of a kind: {counts}")


@test("reach/steady", seconds=240)
def steady(box):
    town = Town(box)
    town.mesh.start()
    for name, policies in POLICIES.items():
        town.policies(policies)
        town.fill(name, addresses=name == "ALLOW of some")
    judge(town)
    show_that_it_can_fail(town)


def show_that_it_can_fail(town):
    """With another policy in force than the oracle is told of, the table has differences, and just where they are."""
    real = POLICIES["DENY of some"]
    town.policies(real)
    town.in_force, town.cells = POLICIES["DENY of a port"], {}
    town.fill("seeded")
    found = set(town.differences())
    town.in_force = real
    wanted = {cell for cell, verdicts in town.cells.items() if town.oracle(cell) != verdicts.oracle}
    expect(len(wanted) > 5000, f"only {len(wanted)} differences were seeded")
    expect_equal(len(wanted ^ found), 0, "cells that differ where none should, or the other way round")


@test("reach/without_agent", seconds=120)
def without_agent(box):
    """After kill -9, also to and from network namespaces that are made then; and with the next agent."""
    town = Town(box)
    town.mesh.start()
    town.policies(MIXED)
    town.fill("before kill -9", share=SHARE)
    town.mesh.weftd.kill()
    town.fill("after kill -9", explain=False, share=SHARE)
    town.renew()
    town.fill("after kill -9, all network namespaces made anew", explain=False, share=SHARE)
    town.mesh.start()
    town.fill("with the next agent", share=SHARE)
    judge(town)


@test("reach/takeover", seconds=180)
def takeover(box):
    """All the time while another agent takes over: with other options, of another build, of one with other maps."""
    town = Town(box)
    mesh = town.mesh
    mesh.start()
    town.policies(MIXED)
    for what, end, program, options in (("another size of the ring", mesh.weftd.stop, lambda weftd: weftd.program, HEAPS),
                                        ("another build", mesh.weftd.kill, same_layout, ()),
                                        ("other maps", mesh.weftd.kill, other_layout, ())):
        with town.rolling(f"{what} takes over") as turns:
            end()
            turns(1)
            mesh.weftd.program = program(mesh.weftd)
            mesh.weftd.options += options
            mesh.start()
            turns(2)
        town.fill(f"{what} has taken over", share=SHARE)
    judge(town)


@test("reach/descriptors", seconds=120, needs=("prlimit",))
def descriptors(box):
    """While the agent has no descriptor left, and a change of policy cannot be applied; and when it has some again."""
    town = Town(box)
    weftd = town.mesh.weftd
    town.mesh.start()
    town.policies(MIXED)
    failed, limit = town.mesh.status()["failed"], json.loads(weftd.command("status", "-o", "json").stdout)["descriptors"]["limit"]
    leave_descriptors(weftd, 0)
    wait_for(lambda: weftd.has_said("^weftd: event=descriptors_short used="), 10, "the word on the shortage")
    town.fill("descriptors are short", share=SHARE)
    changed = POLICIES["DENY of some"]
    town.write(changed)
    wait_for(lambda: town.mesh.status()["failed"] > failed, 10, "the change to be told as not applied")
    town.fill("descriptors are short, a change is not applied", share=SHARE)
    limit_descriptors(weftd, limit)
    wait_for(lambda: town.mesh.status()["failure"] == "", 40, "the change")
    town.in_force = changed
    town.fill("descriptors are there again", share=SHARE)
    judge(town)


@test("reach/second_agent", seconds=120)
def second_agent(box):
    """Beside agents that start on the same pins, with the same and with other options, and are refused."""
    town = Town(box)
    mesh = town.mesh
    mesh.start()
    town.policies(MIXED)
    with town.rolling("beside second agents") as turns:
        for options in ([], HEAPS, ["--config", mesh.directory]):
            done = start_second(mesh, "--pin", mesh.weftd.pin, *options)
            expect(done.returncode == 1 and f"pid {mesh.weftd.process.pid}," in done.stdout, f"the second agent: {done.stdout}")
        turns(2)
    town.fill("after second agents", share=SHARE)
    judge(town)
