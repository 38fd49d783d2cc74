# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""`weft policy explain` and `weft simulate` of addresses that are no workload's: who listens there, and whose network
namespace it is, as the kernel takes it when a connection comes."""

import json
import sys

from lab.mesh import VIP, Mesh, service
from lab.processes import wait_for
from lab.sandbox import ip
from lab.verdict import expect, expect_equal, test
from test_identity import dial, dial_all, matched, python_named
from test_policy import DIAL, NO, OK, REFUSED, policy, source, workload

NETWORK4, NETWORK6 = "198.18.77", "fd77:7e:"  # what listens at an address is looked for on the whole machine: no other test's
MORE = {"server": f"{NETWORK4}.101", "shop": f"{NETWORK4}.102", "second": f"{NETWORK4}.103"}
ELSEWHERE = "203.0.113.7"  # of no machine


def listen(place, program, *ports):
    place.start([program, DIAL, "listen", *ports], f"listener-{ports[0]}")
    wait_for(lambda: place.listens(ports[-1]), 10, "the listener")


class Quarter:
    """A server that is known by its programs and its control group alone; one that is known by one of its two addresses,
    as the client is; a stranger."""

    def __init__(self, box):
        self.server, self.second, self.shop, self.stranger = [box.namespace(n) for n in ("server", "second", "shop", "stranger")]
        for number, place in enumerate((self.server, self.second, self.shop, self.stranger), 1):
            place.address, place.address6 = f"{NETWORK4}.{number}", f"{NETWORK6}:{number}"
            for address in filter(None, (f"{place.address}/24", MORE.get(place.role) and f"{MORE[place.role]}/24")):
                ip("addr", "add", address, "dev", "eth0", netns=place.name)
            ip("addr", "add", f"{place.address6}/64", "dev", "eth0", "nodad", netns=place.name)
        listen(self.server, python_named(box, "weft-cart"), 8080)
        listen(self.server, python_named(box, "weft-pay"), 9090)
        listen(self.second, sys.executable, 8080)
        listen(self.stranger, sys.executable, 8080)
        self.shop.start(["sleep", 600], "sleep")  # a namespace without a process is not found
        group = self.server.cgroup.removeprefix(box.cgroup_root)
        self.several = False
        self.mesh = Mesh(box, several="", workloads=matched("cart", "cart", {"executable": "*/weft-cart"}, "cart", app="cart")
                         + matched("pay", "cart", {"executable": "*/weft-pay", "cgroup": group}, "pay", app="pay")
                         + workload("second", "second", self.second.address, "second", app="second")
                         + workload("shop", "shop", self.shop.address, "shopper", app="shop"), policy="")
        self.mesh.start()

    def explain(self, start, end, port):
        done = self.mesh.weftd.command("policy", "explain", start, end, str(port), "-o", "json")
        return json.loads(done.stdout)

    def compare(self, what):
        """Every client to every address of every server, as it is and as it is explained."""
        servers = ((self.server, ("8080", "9090", "7070")), (self.second, ("8080",)), (self.stranger, ("8080",)))
        ways = [(place, host, ports) for place in (self.shop, self.stranger) for server, ports in servers if server is not place
                for host in (server.address, MORE.get(server.role), server.address6) if host]
        outcomes = dial_all([(place, host, [*ports, *(f"udp:{port}" for port in ports if port != "7070")], sys.executable)
                             for place, host, ports in ways])
        for (place, host, _), outcome in zip(ways, outcomes):
            for target, word in outcome.items():
                self.compare_one(f"{what}: {place.role} to {host} {target}", place, host, target, word)

    def compare_one(self, what, place, host, target, word):
        """As a connection from each of the client's addresses; where nothing listens no policy is asked."""
        wanted = "allowed" if word == OK or target == "7070" else "denied" if word in (NO, REFUSED, "silence") else word
        addresses = [place.address6] if ":" in host else [place.address]
        if MORE.get(place.role) and ":" not in host and not self.several:
            addresses.append(MORE[place.role])
        for address in addresses:
            found = self.explain(address, host, target.rpartition(":")[2])
            expect_equal(found["verdict"], wanted, f"{what} from {address}, which is {word}: {found}")
        if place is self.shop and not self.several:  # one of its addresses is known
            found = self.explain("shop/shop", host, target.rpartition(":")[2])
            expect(found["verdict"] in (wanted, "undecided"), f"{what} by its name, which is {word}: {found}")


    def be_several(self):
        """The other addresses are of other workloads: at the third one it may be either."""
        self.several = True
        self.mesh.apply(several=workload("third", "third", MORE["second"], "third", app="third") + workload("web", "web", MORE["shop"], "web", app="web"))


@test("policy/explained_where_it_listens", seconds=120)
def where(box):
    quarter = Quarter(box)
    server, second, shop = quarter.server, quarter.second, quarter.shop
    for what, text in (("no policy", ""), ("deny-all of a program", policy({"selector": {"matchLabels": {"app": "cart"}}})),
                       ("ALLOW of a client", policy({"rules": [source(namespaces=["shop"])]})),
                       ("DENY of a client", policy({"action": "DENY", "rules": [source(principals=["*/sa/shopper"])]}, namespace="istio-system")),
                       ("DENY of addresses", policy({"action": "DENY", "rules": [source(ipBlocks=[shop.address, MORE["shop"]])]}, namespace="istio-system")),
                       ("deny-all of a namespace", policy({}, namespace="second"))):
        if text:
            quarter.mesh.apply(policy=text)
        quarter.compare(what)
    quarter.be_several()
    for what, text in (("several, deny-all of a namespace", policy({}, namespace="third")),
                       ("several, ALLOW of one", policy({"rules": [source(namespaces=["shop"])]}, namespace="istio-system")),
                       ("several, ALLOW of both", policy({"rules": [source(namespaces=["shop", "web"])]}, namespace="istio-system")),
                       ("several, DENY of one", policy({"action": "DENY", "rules": [source(namespaces=["web"])]}, namespace="istio-system"))):
        quarter.mesh.apply(policy=text)
        quarter.compare(what)
    quarter.mesh.apply(policy=policy({"action": "DENY", "selector": {"matchLabels": {"app": "cart"}}, "rules": [{}]}))
    told = quarter.explain(shop.address, server.address, 8080)
    expect_equal((told["target"]["workload"], told["policy"]), ("cart/cart", "cart/p"), f"whose the server is: {told}")
    expect_equal({(row["protocol"], row["program"], row["workload"], row["verdict"]) for row in told["listeners"]},
                 {(protocol, "weft-cart", "cart/cart", "denied") for protocol in ("tcp", "udp", "udplite")}, "who listens there")
    text = quarter.mesh.weftd.command("policy", "explain", shop.address, server.address, "8080").stdout
    expect("denied by cart/p rule 1: a DENY policy matches" in text and "listens there: weft-cart, pid " in text, text)
    for host, word in ((server.address, "nothing listens there"), (ELSEWHERE, "no process of this node has its address")):
        told = quarter.explain(shop.address, host, 7070)
        expect(word in told["why"] and told["verdict"] == "allowed" and "listeners" not in told, f"{host}: {told}")
    told = quarter.explain(second.address, quarter.stranger.address, 8080)
    expect(told["why"].startswith("the program that listens there is no workload") and told["listeners"], f"a program of no workload: {told}")
    offline = quarter.mesh.weftd.command("policy", "explain", shop.address, server.address, "8080", "--config", quarter.mesh.directory, "-o", "json")
    expect_equal(json.loads(offline.stdout)["verdict"], "undecided", "what files say of a program")


@test("policy/explained_by_family")
def by_family(box):
    """No connection has an end of each family: it is not explained or simulated, and a workload's name stands for the address that fits."""
    quarter = Quarter(box)
    shop, server = quarter.shop, quarter.server
    quarter.mesh.apply(policy=policy({"action": "DENY", "rules": [source(ipBlocks=[shop.address])]}, namespace="istio-system"))
    expect_equal([dial(shop, host, ["8080"])["8080"] == OK for host in (server.address, server.address6)], [False, True], "what is refused")
    for start, end in ((shop.address, server.address6), (shop.address6, server.address)):
        for command in (("policy", "explain", start, end, "8080"), ("simulate", start, f"[{end}]:8080" if ":" in end else f"{end}:8080")):
            done = quarter.mesh.weftd.command(*command)
            expect(done.returncode == 2 and "no connection goes from an IPv" in done.stderr, f"{command}: {done}")
    expect_equal([quarter.explain("shop/shop", host, 8080)["verdict"] for host in (server.address, server.address6)], ["denied", "undecided"],
                 "by the name of a workload with one known address")


@test("policy/explained_by_protocol")
def by_protocol(box):
    """Different programs at one port: where policies do not say the same of them nothing else is claimed."""
    quarter = Quarter(box)
    place = quarter.server
    code = "import socket,sys,time\ns=socket.socket(type=getattr(socket,sys.argv[1]))\ns.bind(('',7070))\ns.type==1 and s.listen()\ntime.sleep(600)"
    for program, kind in (("weft-cart", "SOCK_STREAM"), ("weft-pay", "SOCK_DGRAM")):
        place.start([box.dir / program, "-c", code, kind], kind)
    quarter.mesh.apply(policy=policy({"selector": {"matchLabels": {"app": "cart"}}}))
    wait_for(lambda: len(quarter.explain(quarter.shop.address, place.address, 7070).get("listeners", [])) == 2, 10, "two listeners")
    told = quarter.explain(quarter.shop.address, place.address, 7070)
    expect_equal({row["protocol"]: row["verdict"] for row in told["listeners"]}, {"tcp": "denied", "udp": "allowed"}, f"{told}")
    expect_equal(told["verdict"], "undecided", f"{told}")


@test("policy/simulated_with_policy")
def simulated(box):
    """A connect to a service is simulated with what policies say of the endpoint, in the words of `policy explain`."""
    quarter = Quarter(box)
    mesh, shop, stranger = quarter.mesh, quarter.shop, quarter.stranger
    mesh.apply(reviews=service("reviews", [(quarter.server.address, {})]), policy=policy({"action": "DENY", "rules": [source(namespaces=["shop"])]}, namespace="shop"))
    for place, word in ((shop, NO), (stranger, OK)):
        real = dial(place, VIP, ["80"])["80"]
        expect(real == OK if word == OK else real in (NO, REFUSED, "silence"), f"{place.role}: {real}")
        done = mesh.weftd.command("simulate", place.address, f"{VIP}:80", "-o", "json")
        told = json.loads(done.stdout)
        explained = quarter.explain(place.address, quarter.server.address, 8080)
        expect_equal({key: told["policy"][key] for key in ("verdict", "why", "policy", "rule", "target")},
                     {key: explained[key] for key in ("verdict", "why", "policy", "rule", "target")}, f"as explained: {told}")
        expect_equal((told["verdict"], told["endpoint"], done.returncode), ("allowed" if word == OK else "denied", f"{quarter.server.address}:8080", 0 if word == OK else 3),
                     f"{place.role}: {told}")
    text = mesh.weftd.command("simulate", "shop/shop", "reviews.example").stdout
    expect("denied by shop/p rule 1: a DENY policy matches" in text, text)
    by_name = json.loads(mesh.weftd.command("simulate", stranger.address, "reviews.example:main", "-o", "json").stdout)
    expect_equal((by_name["asked"], by_name["verdict"]), (f"{VIP}:80", "allowed"), f"a port by its name: {by_name}")
    wrong = mesh.weftd.command("simulate", stranger.address, "reviews.example:mian")
    expect(wrong.returncode not in (0, 3) and 'no port "mian": it has 80 (main)' in wrong.stderr, f"a name of no port: {wrong}")
    for to in ("reviews.example:81", f"{VIP}:81"):
        away = mesh.weftd.command("simulate", stranger.address, to)
        expect(away.returncode == 0 and "the service shop/reviews has no port 81: it has 80 (main)" in away.stdout, f"a port that the service does not have: {away}")
    expect("hint" not in by_name, f"a port that it has: {by_name}")
    direct = json.loads(mesh.weftd.command("simulate", shop.address, f"{quarter.server.address}:8080", "-o", "json").stdout)
    expect_equal((direct["verdict"], direct["policy"]["policy"]), ("denied", "shop/p"), f"an address that is no service's: {direct}")
