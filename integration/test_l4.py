# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""L4 is exact: bytes, packets and connections equal what the kernel and the programs count themselves."""

import json
import pathlib
import subprocess

from lab import clients, servers
from lab.processes import wait_for
from lab.sandbox import ip
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd

PROGRAMS = pathlib.Path(__file__).parent / "programs"
REPORTERS = ("source", "destination")


def iperf(box, *options):
    """Runs one iperf3 transfer; its own JSON report."""
    server, client = box.namespace("server"), box.namespace("client")
    server.start(["iperf3", "-s", "-1"], "iperf3")
    wait_for(lambda: server.listens(5201), 10, "iperf3")
    return json.loads(client.run(["iperf3", "-J", "-c", server.address, *options]).stdout)


@test("l4/bytes")
def exact_bytes(box):
    """100 MB there and six bytes back, over IPv4 and IPv6: to the byte, on both reporters."""
    server, client = box.namespace("server"), box.namespace("client")
    server.start(["/usr/bin/python3", PROGRAMS / "transfer.py", "receive", 7000], "receive")
    wait_for(lambda: server.listens(7000), 10, "the receiver")
    weftd = Weftd(box)
    weftd.start()
    size = 100_000_000
    for address in (server.address, server.address6):
        done = client.run(["/usr/bin/python3", PROGRAMS / "transfer.py", "send", address, 7000, size])
        kernel = json.loads(done.stdout)
        expect(size <= kernel["acked"] <= size + 2, f"the kernel counted {kernel['acked']} bytes (with SYN and FIN)")
    metrics = weftd.settled_metrics("weft_connections_closed_total")
    for reporter in REPORTERS:
        for name in ("istio_tcp", "weft_connection"):
            for way, wanted in (("received", 2 * size), ("sent", 2 * 6)):
                found = metrics.total(f"{name}_{way}_bytes_total", reporter=reporter, destination_workload=server.workload)
                expect_equal(found, wanted, f"{name}_{way}_bytes_total ({reporter})")


@test("l4/iperf3_bytes", needs=("iperf3",))
def iperf3_bytes(box):
    """Payload of the transfer: between what iperf3 read (it leaves the last bytes unread) and what it sent, plus its control connection."""
    weftd = Weftd(box)
    weftd.start()
    report = iperf(box, "-n", "200M")
    metrics = weftd.settled_metrics("istio_tcp_connections_closed_total")
    end = report["end"]
    server = box.namespace("server").workload
    for reporter in REPORTERS:
        received = metrics.total("istio_tcp_received_bytes_total", reporter=reporter, destination_workload=server)
        expect(end["sum_received"]["bytes"] < received < end["sum_sent"]["bytes"] + 20000,
               f"{received:.0f} bytes, iperf3 sent {end['sum_sent']['bytes']}, read {end['sum_received']['bytes']} ({reporter})")
        every = metrics.total("weft_connection_received_bytes_total", reporter=reporter, destination_workload=server)
        expect_equal(every, received, f"bytes of all connections, none of which is HTTP ({reporter})")
        for what in ("opened", "closed"):
            found = metrics.total(f"istio_tcp_connections_{what}_total", reporter=reporter, destination_workload=server)
            expect_equal(found, 2, f"connections {what} ({reporter})")


@test("l4/reverse_direction", needs=("iperf3",))
def reverse_direction(box):
    """Sent means server to client for both reporters."""
    weftd = Weftd(box)
    weftd.start()
    report = iperf(box, "-n", "50M", "-R")
    metrics = weftd.settled_metrics("istio_tcp_connections_closed_total")
    moved = report["end"]["sum_sent"]["bytes"]
    for reporter in REPORTERS:
        sent = metrics.total("istio_tcp_sent_bytes_total", reporter=reporter,
                             destination_workload=box.namespace("server").workload)
        expect(0 <= sent - moved < 20000, f"{sent:.0f} bytes sent, iperf3 moved {moved} ({reporter})")


@test("l4/packets")
def exact_packets(box):
    """Packets on an interface, over IPv4 and IPv6, are the segments that the sender's kernel counted."""
    far, near = box.namespace("server"), f"wl{box.slug[:11]}"
    box.journal.write(f"netdev {near}\n")
    ip("link", "add", near, "type", "veth", "peer", "name", "lab0", "netns", far.name)
    for address, other in (("198.19.7.1/24", "198.19.7.2/24"), ("fd77:78::1/64", "fd77:78::2/64")):
        nodad = ("nodad",) if ":" in address else ()
        ip("addr", "add", address, "dev", near, *nodad)
        ip("addr", "add", other, "dev", "lab0", *nodad, netns=far.name)
    ip("link", "set", "lab0", "up", netns=far.name)
    ip("link", "set", near, "up")
    far.start(["/usr/bin/python3", PROGRAMS / "transfer.py", "receive", 7000], "receive")
    wait_for(lambda: far.listens(7000), 10, "the receiver")
    weftd = Weftd(box, "--interface", near)
    weftd.start()
    wanted = {"out": 0, "in": 0}
    for address in ("198.19.7.2", "fd77:78::2"):
        done = subprocess.run(["/usr/bin/python3", PROGRAMS / "transfer.py", "send", address, "7000", "50000000"], check=True,
                              stdout=subprocess.PIPE)
        kernel = json.loads(done.stdout)
        for way in wanted:
            wanted[way] += kernel[f"segments_{way}"]
    rows = weftd.reported_metrics().rows("weft_interface_packets_total", interface=near, protocol="tcp")
    found = {way: sum(value for have, value in rows if have["direction"] == name) for way, name in (("out", "egress"), ("in", "ingress"))}
    expect_equal(found, wanted, "packets")


@test("l4/connections", needs=("nginx", "curl"))
def connections(box):
    """One connection per curl process, over IPv4 and IPv6: opened and closed are counted, none twice."""
    server, client = servers.nginx(box.namespace("server"), 8080), box.namespace("client")
    weftd = Weftd(box)
    weftd.start()
    for number in range(40):
        host = server.place.address if number % 2 else f"[{server.place.address6}]"
        client.run(["curl", "-s", "-o", "/dev/null", f"http://{host}:8080/ok/{number}"])
    metrics = weftd.settled_metrics("weft_connections_closed_total")
    for reporter in REPORTERS:
        for what in ("opened", "closed"):
            found = metrics.total(f"weft_connections_{what}_total", reporter=reporter, destination_workload=server.workload)
            expect_equal(found, 40, f"connections {what} ({reporter})")


@test("l4/long_lived", needs=("nginx", "curl"))
def long_lived(box):
    """A connection that does not end is reported while it lives."""
    server, client = servers.nginx(box.namespace("server"), 8080), box.namespace("client")
    weftd = Weftd(box)
    weftd.start()
    client.start(["curl", "-s", "-o", "/dev/null", server.url("/slow/x")], "slow-curl")

    def seen():
        return weftd.metrics().total("weft_connection_sent_bytes_total", destination_workload=server.workload) > 0
    wait_for(seen, 15, "a report of the living connection")


@test("l4/refused", needs=("curl",))
def refused(box):
    """A port without a listener: a failed connection, and no request."""
    nobody, client = box.namespace("server"), box.namespace("client")
    weftd = Weftd(box)
    weftd.start()
    done = client.run(["curl", "-s", f"http://{nobody.address}:9/"], check=False)
    expect_equal(done.returncode, 7, "curl's exit status")
    metrics = weftd.settled_metrics("weft_connections_failed_total")
    expect_equal(metrics.total("weft_connections_failed_total", reporter="source", source_workload=client.workload), 1,
                 "failed connections")
    rows = metrics.rows("istio_requests_total", source_workload=client.workload)
    expect_equal(sum(value for _, value in rows), 0, "requests that never were")


@test("l4/two_clients", needs=("nginx", "curl"))
def two_clients(box):
    """Requests and connections of two clients of one server are kept apart."""
    server = servers.nginx(box.namespace("server"), 8080)
    weftd = Weftd(box)
    weftd.start()
    counts = {role: clients.curl(box.namespace(role), server, requests=n) for role, n in (("left", 100), ("right", 300))}
    metrics = weftd.settled_metrics()
    for role, count in counts.items():
        for reporter in REPORTERS:
            found = metrics.total("istio_requests_total", reporter=reporter, source_workload=box.namespace(role).workload)
            expect_equal(found, count.answers, f"requests of {role} ({reporter})")


KEEPER = """
import http.client, sys, time
connection = http.client.HTTPConnection(sys.argv[1], 8080)
connection.request("GET", "/ok/1")
connection.getresponse().read()
connection.sock.recv(1)  # the server's FIN
time.sleep(9)  # several walks over what lives
"""


@test("l4/close_wait", needs=("nginx",))
def close_wait(box):
    """The server gives an idle connection up, the client keeps its socket for long: one connection, counted once."""
    server = servers.nginx(box.namespace("server"), 8080, extra="\n\t\tkeepalive_timeout 1s;")
    client = box.namespace("client")
    weftd = Weftd(box)
    weftd.start()
    client.run(["/usr/bin/python3", "-c", KEEPER, server.place.address])
    ours = {client.workload, server.workload}
    pair = (client.workload, server.workload)

    def by_ends(name):
        """{(reporter, source, destination): value} of what has one of our ends."""
        rows = [((have["reporter"], have["source_workload"], have["destination_workload"]), value)
                for have, value in weftd.metrics().rows(name)]
        return {key: sum(v for k, v in rows if k == key) for key, value in rows if value and ours & set(key[1:])}
    once = {(reporter, *pair): 1 for reporter in REPORTERS}
    wait_for(lambda: ("source", *pair) in by_ends("weft_connections_closed_total"), 20, "the end of the connection")
    for what in ("opened", "closed"):
        expect_equal(by_ends(f"weft_connections_{what}_total"), once, f"connections {what}")
    sent = by_ends("weft_connection_sent_bytes_total")
    expect_equal(set(sent), set(once), "whose bytes are counted")
    expect_equal(len(set(sent.values())), 1, f"bytes at both ends: {sent}")
    expect_equal(by_ends("istio_tcp_sent_bytes_total"), {}, "bytes of HTTP as those of TCP")
