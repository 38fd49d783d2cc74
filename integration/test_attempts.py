# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Who is refused is one attempt of one socket: nobody else who has its addresses and ports, in this or in another network
namespace, feels it. And whatever stands before the TCP header, it is the same attempt."""

import json
import shutil
import sys

from lab.mesh import Mesh
from lab.processes import wait_for
from lab.sandbox import ROOT, ip
from lab.verdict import expect_equal, test
from test_policy import DIAL, OK, REFUSED, allow, deny, policy, source, workload

BAD, GOOD, THIEF = 1001, 1002, 65534
SILENCE = "silence"
DATAGRAMS = ("udp:8080", "udp-connected:8080", "lite:8080")
CHAINS = ROOT / "integration" / "programs" / "chains.py"


def program(name, match):
    return f"""apiVersion: weft.dev/v1alpha1
kind: Workload
metadata: {{name: {name}, namespace: {name}}}
spec: {{match: [{match}]}}
---
"""


class Street:
    """A server, and a house in which users of the same address are allowed and denied. |known|: how the server is known."""

    def __init__(self, box, known="group"):
        self.box = box
        self.server, self.house = box.namespace("server"), box.namespace("house")
        self.python = sys.executable
        if known == "executable":
            self.python = shutil.copy(sys.executable, box.dir / "shop-server")
        self.listen(self.server)
        cart = {"address": workload("cart", "cart", self.server.address, "cart"),
                "address6": workload("cart", "cart", self.server.address6, "cart"),
                "executable": program("cart", "executable: \"*/shop-server\""),
                "group": program("cart", f"cgroup: {self.server.cgroup.removeprefix(box.cgroup_root)}")}[known]
        self.mesh = Mesh(box, workloads=cart + program("good", f"uid: {GOOD}") + program("bad", f"uid: {BAD}")
                         + workload("other", "other", "198.18.0.99", "other"), policy=allow(source(namespaces=["good"])))
        self.mesh.start()

    def listen(self, place):
        place.start([self.python, DIAL, "listen", 8080], "listener", env={"PYTHONHOME": sys.base_prefix})
        wait_for(lambda: place.listens(8080), 10, "the listener")

    def dial(self, uid, *targets, place=None, host=None):
        return (place or self.house).run([sys.executable, DIAL, "--uid", uid, host or self.server.address, *targets]).stdout.split()


@test("policy/refused_port")
def refused_port(box):
    street = Street(box)
    for _ in range(2):
        expect_equal(street.dial(BAD, "8080@45000"), [REFUSED], "who is denied")
        expect_equal(street.dial(GOOD, "8080@45000"), [OK], "who is allowed, from the same port")
    expect_equal(street.dial(BAD, *[f"8080@{45001 + n}" for n in range(4)]), [REFUSED] * 4, "who is denied, from four ports")
    expect_equal(street.dial(GOOD, *[f"8080@{45001 + n}" for n in range(4)]), [OK] * 4, "who is allowed, from the same ports")
    datagrams = [f"{target}@45000" for target in DATAGRAMS]
    for _ in range(2):
        expect_equal(street.dial(BAD, *datagrams), [SILENCE] * 3, "datagrams of who is denied")
        expect_equal(street.dial(GOOD, *datagrams), [OK] * 3, "datagrams of who is allowed, from the same port")


FLOOD = """
import os, socket, sys
os.setuid(int(sys.argv[1]))
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((sys.argv[2], 45000))
while True:
    try:
        sock.sendto(b"x", (sys.argv[3], 8080))
    except OSError:
        pass
"""


def rob(street):
    """A namespace that has the addresses of the house and of the server, and one more that makes them ambiguous."""
    thief = street.box.namespace("thief")
    ip("link", "del", "eth0", netns=thief.name)
    for address in (street.house.address, street.server.address, "198.18.0.99"):
        ip("addr", "add", f"{address}/32", "dev", "lo", netns=thief.name)
    ip("route", "change", "local", street.server.address, "dev", "lo", "table", "local", "src", street.house.address, netns=thief.name)
    street.listen(thief)
    return thief


@test("policy/refused_namespace")
def refused_namespace(box):
    street = Street(box, "address")
    thief = rob(street)
    ports = [f"8080@{45000 + n}" for n in range(3)]
    wait_for(lambda: street.dial(THIEF, ports[0], place=thief) == [REFUSED], 15, "an answer by RST in the new namespace")
    expect_equal(street.dial(THIEF, *ports, place=thief), [REFUSED] * len(ports), "who has the addresses and nothing else")
    expect_equal(street.dial(GOOD, *ports), [OK] * len(ports), "who is allowed, from the same address and ports")
    thief.start([sys.executable, "-c", FLOOD, str(THIEF), street.house.address, street.server.address], "flood")
    expect_equal(street.dial(GOOD, *["udp:8080@45000"] * 200), [OK] * 200, "datagrams from the address and port that another namespace sends from, too")


@test("policy/extension_headers")
def extension_headers(box):
    street = Street(box)
    kinds = ("tcp:8080", "tcp+dst:8080", "tcp+hop:8080", "tcp+rth:8080")
    for place in (street.server, street.house):
        for interface in ("all", "eth0"):
            place.run(["sysctl", "-qw", f"net.ipv6.conf.{interface}.seg6_enabled=1"])
    server = street.server.address6
    expect_equal(street.dial(0, *kinds, host=server), [REFUSED] * len(kinds), "who is denied, by any way")
    street.mesh.apply(policy=deny(source(namespaces=["bad"])))
    expect_equal(street.dial(0, *kinds, host=server), [OK] * len(kinds), "who is allowed, by any way")
    answers = chains(street)
    expect_equal([line for line in answers if not line.endswith("answered")], [], "chains of headers that do not reach the server")
    street.mesh.apply(policy=deny({}))
    expect_equal(chains(street), [line.replace("answered", "silence") for line in answers], "chains of headers when all is denied")


def chains(street):
    """Over loopback, which takes packets of 64 KiB."""
    address = street.server.address6
    return street.server.run([sys.executable, CHAINS, address, address, 8080]).stdout.splitlines()


def each_way(street, expected, what):
    """Who is denied and who is allowed, by TCP and by datagrams."""
    for uid, words in zip((BAD, GOOD), expected):
        expect_equal(street.dial(uid, "tcp:8080", *DATAGRAMS), words, f"user {uid}, {what}")


@test("policy/datagrams_like_connections", seconds=180)
def datagrams_like_connections(box):
    """By the server's executable, which no address tells; and without the agent, in namespaces that are made then, too."""
    street = Street(box, "executable")
    each_way(street, ([REFUSED] + [SILENCE] * 3, [OK] * 4), "a server known by its executable")
    found = street.mesh.weftd.command("observe", "--verdict", "denied", "-o", "json").stdout
    expect_equal({f'"protocol":"{p}"' in found.replace(" ", "") for p in ("tcp", "udp", "udplite")}, {True}, f"protocols of denials: {found}")
    street.mesh.weftd.kill()
    each_way(street, ([SILENCE] * 4, [OK] * 4), "without the agent")
    late = street.house = box.namespace("late")
    each_way(street, ([SILENCE] * 4, [OK] * 4), f"from {late.name}, made without the agent")


@test("policy/datagrams_by_address")
def datagrams_by_address(box):
    """A client known by its user, a server by its address."""
    street = Street(box, "address")
    each_way(street, (["EPERM"] * 4, [OK] * 4), "a server known by its address")
    street.mesh.apply(policy=allow(source(namespaces=["good"])) + policy({}, namespace="good") + policy({}, namespace="other"),
                      house=workload("house", "other", street.house.address, "other"))
    each_way(street, (["EPERM"] * 4, [OK] * 4), "which may not be asked itself, only answered")


INBOX = """
import select, socket
tcp = socket.create_server(("::", 9090), family=socket.AF_INET6)
tcp.setsockopt(socket.IPPROTO_TCP, 23, 5)  # TCP_FASTOPEN
socks = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, protocol) for protocol in (0, 136)]
for sock in socks:
    sock.bind(("::", 9090))
while True:
    for sock in select.select([tcp, *socks], [], [])[0]:
        taken = sock.accept()[0] if sock is tcp else sock
        print("got", taken.recv(100).decode(), flush=True)
"""

BOUND = """
import errno, os, socket, sys
who, server, address = sys.argv[1:]
os.setuid(65534)
IPV6_FREEBIND, FASTOPEN = 78, 0x20000000
for kind, sort, protocol, flags in ("udp", socket.SOCK_DGRAM, 0, 0), ("lite", socket.SOCK_DGRAM, 136, 0), ("fastopen", socket.SOCK_STREAM, 0, FASTOPEN):
    sock = socket.socket(socket.AF_INET6, sort, protocol)
    sock.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
    sock.bind((address, 0))
    sock.setblocking(False)
    try:
        sock.sendto(f"{who}-{kind}".encode(), flags, (server, 9090))
        print("sent")
    except OSError as error:
        print(errno.errorcode[error.errno])
"""


def borrow(box, known, refused):
    """Any program may bind a socket to an address that another namespace has: the address does not identify it."""
    street = Street(box, known)
    friend, stranger = box.namespace("friend"), box.namespace("stranger")
    street.mesh.apply(house=workload("friend", "good", friend.address6, "friend")
                      + workload("house", "bad", street.house.address6, "house"))
    for place, enabled in ((street.server, 0x603), (street.house, 5), (friend, 5), (stranger, 5)):
        place.run(["sysctl", "-qw", f"net.ipv4.tcp_fastopen={enabled}"])
    inbox = street.server.start([sys.executable, "-c", INBOX], "inbox")
    wait_for(lambda: street.server.listens(9090), 10, "the inbox")

    def send(place, who):
        return place.run([sys.executable, "-c", BOUND, who, street.server.address6, friend.address6]).stdout.split()

    def taken():
        return sorted(inbox.log.read_text().splitlines())

    expect_equal(send(street.house, "denied"), refused, "a workload that is denied, from the address of one that is allowed")
    expect_equal(send(stranger, "nobody"), refused, "nobody, from the address of a workload that is allowed")
    expect_equal(send(friend, "allowed"), ["sent"] * 3, "who is allowed, from its own address")
    wait_for(lambda: len(taken()) >= 3, 10, "what is allowed")
    expect_equal(taken(), ["got allowed-fastopen", "got allowed-lite", "got allowed-udp"], "what arrives")


@test("policy/freebind")
def freebind(box):
    borrow(box, "address6", ["EPERM"] * 3)


@test("policy/freebind_arrival")
def freebind_arrival(box):
    """Only at the server's end is it known who that is."""
    borrow(box, "group", ["sent"] * 3)


def vouch(box, known, word):
    """What a user does in network namespaces of his own, and sends to himself, opens nothing to him."""
    street = Street(box, known)
    friend = box.namespace("friend")
    street.mesh.apply(house=workload("friend", "good", friend.address, "friend") + workload("friend6", "good", friend.address6, "friend"))
    for address in ("address", "address6"):
        server, mine, theirs = [getattr(place, address) for place in (street.server, street.house, friend)]
        if known in ("group", address):
            words = street.house.run([sys.executable, ROOT / "integration" / "programs" / "vouch.py", server, mine, theirs]).stdout.split()
            expect_equal(words, [word] * 3, f"{address}: as it is, vouched for, after a forged question")
        expect_equal(street.dial(THIEF, "udp:8080", place=friend, host=server), [OK], f"{address}: who is allowed")


@test("policy/vouched", needs=("unshare",))
def vouched(box):
    vouch(box, "address6", "EPERM")


@test("policy/vouched_arrival", needs=("unshare",))
def vouched_arrival(box):
    """Only at the server's end is it known who that is."""
    vouch(box, "group", SILENCE)


MULTIPATH = """
import socket, sys, time
sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
if len(sys.argv) == 2:
    sock.bind(("", int(sys.argv[1])))
    sock.listen()
    while True:
        peer = sock.accept()[0]
        while word := peer.recv(1):
            peer.send(word)
sock.bind((sys.argv[3], 0))
sock.connect((sys.argv[1], int(sys.argv[2])))
while sock.send(b"x") and sock.recv(1):
    time.sleep(0.05)
"""


def paths(place):
    """From which addresses it has connections."""
    lines = place.run(["ss", "-Htn", "state", "established", "dport", "=", ":8080"]).stdout.splitlines()
    return sorted(line.split()[2].rpartition(":")[0].partition("%")[0] for line in lines)


@test("policy/further_path", needs=("ss",))
def further_path(box):
    """A further path of a connection of Multipath TCP is decided for itself; one that is denied ends no other."""
    server, house = box.namespace("server"), box.namespace("house")
    second = "198.18.0.70"
    ip("addr", "add", f"{second}/24", "dev", "eth0", netns=house.name)
    for place in (server, house):
        place.run(["ip", "mptcp", "limits", "set", "subflow", 2])
    house.run(["ip", "mptcp", "endpoint", "add", second, "dev", "eth0", "subflow"])
    server.start([sys.executable, "-c", MULTIPATH, "8080"], "server")
    wait_for(lambda: server.listens(8080), 10, "the server")
    shop = workload("shop", "shop", house.address, "shop")
    mesh = Mesh(box, cart=workload("cart", "cart", server.address, "cart"), shop=shop, policy=allow(source(namespaces=["shop"])))
    mesh.start()
    client = [sys.executable, "-c", MULTIPATH, server.address, "8080", house.address]
    before = house.start(client, "allowed")
    wait_for(lambda: paths(house) == [house.address, second], 10, "the second path")
    before.stop()
    mesh.apply(shop=shop + workload("web", "web", second, "web"))
    house.start(client, "denied")
    wait_for(lambda: any(row["client"].startswith(second) for row in verdicts(mesh)), 10, "the verdict on the second path")
    expect_equal(paths(house), [house.address], "paths when policy denies the second one's address")


def verdicts(mesh):
    done = mesh.weftd.command("observe", "--verdict", "denied", "-o", "json")
    return [row for row in map(json.loads, done.stdout.splitlines()) if "client" in row]
