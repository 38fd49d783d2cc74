# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What `weft` prints is what was asked for, as short as it can be and nothing left out."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import time

from lab import servers
from lab.mesh import CONNECTS, service
from lab.processes import wait_for
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd


ASKS_AND_STAYS = """
import socket, sys, time
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as sock:
    sock.sendall(b"GET /held HTTP/1.1\\r\\nHost: kept.test\\r\\n\\r\\n")
    sock.recv(65536)
    print("answered", flush=True)
    time.sleep(60)
"""
SCRAPES = """
import sys, urllib.request
for _ in range(int(sys.argv[2])):
    for path in ("/ready", "/metrics"):
        urllib.request.urlopen(sys.argv[1] + path, timeout=10).read()
"""


@test("cli/check_groups_libraries", needs=("javac",))
def check_groups_libraries(box):
    """A TLS library that is not opened is a line with its programs and the reason, however many files there are of it."""
    place = box.namespace("place")
    gnutls = next(path for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu") for path in pathlib.Path(folder).glob("libgnutls.so.30"))
    for number in range(3):
        copy = box.dir / f"root-{number}" / gnutls.name
        copy.parent.mkdir()
        shutil.copy(gnutls, copy)
        place.start([sys.executable, "-c", "import ctypes, sys, time; ctypes.CDLL(sys.argv[1]); time.sleep(60)", copy], f"maps-{number}")
    place.start(["rmiregistry", "1099"], "java")
    weftd = Weftd(box)
    weftd.start()

    def shown(name):
        return [line for line in weftd.command("check").stdout.splitlines() if name in line]

    def copies():
        rows = json.loads(weftd.command("check", "-o", "json").stdout)["libraries"]
        return [(row["result"], row["program"][:7]) for row in rows if str(box.dir) in row["path"]]

    wait_for(lambda: len(copies()) == 3 and shown("libjvm.so"), 20, "both libraries")
    expect_equal(copies(), 3 * [("unsupported", "python3")], "files in JSON")
    java = shown("libjvm.so")
    expect(len(java) == 1 and "in rmiregistry" in java[0] and "Java: no probe" in java[0], f"lines about Java: {java}")
    line, = shown("libgnutls")
    expect(" more files, in " in line and "GnuTLS: no probe for this library yet" in line, f"lines about GnuTLS: {line}")


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


@test("cli/says_what_is_known")
def says_what_is_known(box):
    """The port that the metrics got, how far back was looked, that nothing is there, and bytes only where they are known."""
    weftd = Weftd(box)
    weftd.port = 0
    weftd.start()
    listens = re.search(r"^metrics +127\.0\.0\.1:(\d+)$", weftd.command("status").stdout, re.M)
    weftd.port = int(listens[1])
    expect("weft_" in weftd.get("/metrics"), "metrics at the port that weft status says")
    server, client = box.namespace("server"), box.namespace("client")
    none = weftd.command("connections", "--from", client.workload)
    expect_equal((none.returncode, none.stdout, none.stderr), (0, "", "weft: no such connection lives\n"), "connections of nobody")
    server = servers.nginx(server, 8080)
    held = client.start([sys.executable, "-c", ASKS_AND_STAYS, server.place.address, "8080"], "asker")
    wait_for(lambda: "answered" in held.output(), 10, "the answer")
    ask = lambda: [json.loads(line) for line in weftd.command("connections", "--from", client.workload, "-o", "json").stdout.splitlines()]
    wait_for(ask, 10, "the connection")
    for row in ask():
        expect(row["received_bytes"] in (None, 39), f"bytes of a connection that has just carried 39: {row}")
    wait_for(lambda: all(row["received_bytes"] == 39 for row in ask()), 10, "the bytes")
    expect("received 39B" in weftd.command("connections", "--from", client.workload).stdout, "the line about it")

    wait_for(lambda: "/held" in weftd.command("observe", "--from", client.workload).stdout, 10, "the request")
    found = weftd.command("observe", "--last", "5", "--path", "/nowhere")
    expect(re.fullmatch(r"weft: 0 of \d+ requests that are kept, since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n", found.stderr), f"what it looked at: {found}")
    enough = weftd.command("observe", "--last", "1", "--path", "/held")
    expect(enough.stdout.count("\n") == 1 and not enough.stderr, f"as many as were asked for: {enough}")
    expect_equal(weftd.command("observe", "--verdict", "any").stderr, "weft: no verdicts are kept yet\n", "verdicts without a mesh")
    expect("looked_at" not in weftd.command("observe", "--path", "/nowhere", "-o", "json").stdout, "lines for programs are records")


@test("cli/counts_in_words")
def counts_in_words(box):
    one = box.dir / "one.yaml"
    one.write_text(service("one", [("192.0.2.1", {}), ("192.0.2.2", {})]))
    done = subprocess.run([box.build / "weft", "config", "validate", one], capture_output=True, text=True)
    expect_equal(done.stdout, "fine: 1 service, 2 endpoints, 1 workload, 0 policies in 1 file\n", f"{done}")


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
