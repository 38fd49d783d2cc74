# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What `weft` prints is what was asked for, as short as it can be and nothing left out."""

import json
import subprocess
import sys
import time

from lab import servers
from lab.mesh import CONNECTS
from lab.processes import wait_for
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd


SCRAPES = """
import sys, urllib.request
for _ in range(int(sys.argv[2])):
    for path in ("/ready", "/metrics"):
        urllib.request.urlopen(sys.argv[1] + path, timeout=10).read()
"""


@test("cli/check_groups_interfaces")
def check_groups(box):
    """Interfaces of many containers are a line, and --problems shows what is not ok alone, in JSON, too."""
    crowd = box.namespace("crowd")
    batch = box.dir / "veths"
    batch.write_text("".join(f"link add veth{n}a type veth peer name veth{n}b\nlink set veth{n}a up\nlink set veth{n}b up\n" for n in range(20)))
    subprocess.run(["ip", "-n", crowd.name, "-batch", batch], check=True)
    weftd = Weftd(box)
    weftd.ahead = ("nsenter", f"--net=/run/netns/{crowd.name}")
    weftd.start()
    lines = [line for line in weftd.command("check").stdout.splitlines() if "veth" in line]
    expect(len(lines) == 1 and "eth0" in lines[0] and " and 40 veth* " in lines[0], f"lines about interfaces: {lines}")
    text = weftd.command("check", "--problems").stdout
    expect("√" not in text and "veth" not in text and "‼ mesh" in text, text)
    found = json.loads(weftd.command("check", "--problems", "-o", "json").stdout)
    results = {row["result"] for rows in found.values() if isinstance(rows, list) for row in rows}
    expect("ok" not in results and found["interfaces"] == [], f"rows that are not ok: {found}")
    expect_equal(weftd.command("check", "--problem").returncode, 2, "exit status of what is misspelt")


@test("cli/top_once_as_json")
def top_json(box):
    server = servers.nginx(box.namespace("server"), 8080)
    weftd = Weftd(box)
    weftd.start()
    box.namespace("client").run([sys.executable, CONNECTS, server.place.address, 8080, 20])

    def edges():
        rows = [json.loads(line) for line in weftd.command("top", "--once", "-o", "json").stdout.splitlines()]
        return [row for row in rows if row["destination"] == server.workload]

    wait_for(edges, 10, "the edge")
    expect("p99_ms" in edges()[0], f"{edges()}")
    live = weftd.command("top", "-o", "json")
    expect(live.returncode == 2 and "--once" in live.stderr, f"the live table as JSON: {live}")


@test("cli/self")
def itself(box):
    """What asks the agent itself is reported as any other request; tables of edges leave it out unless it is asked for."""
    weftd = Weftd(box)
    weftd.start()
    client = box.start([sys.executable, "-c", SCRAPES, f"http://127.0.0.1:{weftd.port}", 5], "scraper", cgroup=box.make_cgroup(f"{box.slug}-scraper"))
    client.popen.wait(20)
    scraper = f"{box.slug}-scraper"
    counted = lambda: weftd.metrics().total("istio_requests_total", source_workload=scraper, reporter="destination", response_code="200")
    wait_for(lambda: counted() == 10, 10, "ten requests of the agent in its own metrics")
    seen = [json.loads(line) for line in weftd.command("observe", "--from", scraper, "-o", "json").stdout.splitlines()]
    expect_equal(sorted(row["path"] for row in seen), ["/metrics"] * 5 + ["/ready"] * 5, "requests that weft observe lists")

    for command in (["edges"], ["top", "--once"]):
        def lists(*options):
            rows = [json.loads(line) for line in weftd.command(*command, *options, "-o", "json").stdout.splitlines()]
            return [row["self"] for row in rows if row["source"] == scraper]

        expect_equal((lists(), lists("--self")), ([], [True]), f"edges to the agent in {command}, without and with --self")
        plain = weftd.command(*command).stdout
        expect(scraper not in plain and "to weftd itself left out: --self" in plain, plain)
        expect(scraper in weftd.command(*command, "--self").stdout, f"{command} --self")
    expect(scraper in weftd.command("edges", "--from", scraper).stdout, "an edge that is asked for by name")


@test("cli/follows_connections_beside_many")
def follows_connections(box):
    """As many live as records are kept: those that open and close are told, each, and none is said to be lost."""
    server = servers.nginx(box.namespace("server"), 8080)
    crowd, client = box.namespace("crowd"), box.namespace("client")
    weftd = Weftd(box)
    weftd.start()
    held = crowd.start([sys.executable, CONNECTS, server.place.address, 8080, 900, 60], "crowd")
    wait_for(lambda: "held 900" in held.output(), 30, "the crowd")
    wait_for(lambda: weftd.command("connections", "--from", crowd.workload).stdout.count("alive") == 900, 10, "all of it in weft")
    follower = box.start([weftd.weft, "connections", "-f", "-o", "json", "--from", client.workload, "--socket", weftd.socket], "follower")
    time.sleep(1)
    for _ in range(6):
        found = json.loads(client.run([sys.executable, CONNECTS, server.place.address, 8080, 50]).stdout)
        expect_equal(found["answers"], {"200": 50}, "answers")
        time.sleep(1)
    wait_for(lambda: follower.output().count('"event":"closed"') >= 300, 10, "the end of all connections")
    said = follower.output()
    expect_equal((said.count('"event":"opened"'), said.count('"event":"closed"'), said.count('"lost"')), (300, 300, 0), "openings, ends, and records that are lost")
