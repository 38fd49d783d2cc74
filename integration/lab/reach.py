# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A table: every way to reach a server against every way that it and its client are known, with the verdict of the real
kernel, of `weft policy explain` and of lab/istio.py in each cell."""

import collections
import contextlib
import itertools
import json
import math
import sys
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

from lab.istio import allows
from lab.known import BY_PROCESS, CLIENTS, LOOPBACKS, PORTS, SERVERS, End, document
from lab.mesh import Mesh
from lab.processes import wait_for
from lab.sandbox import ROOT, ip

PYTHON = {"PYTHONHOME": sys.base_prefix}  # for copies of it
IN_TURN = 17
SECONDS = 0.8  # a SYN that was dropped is sent again after a second
PROGRAMS = ROOT / "integration" / "programs"
TRANSPORTS = ("tcp", "mptcp", "fastopen", "udp", "udp-connected", "lite", "lite-connected")
BEHIND_HEADERS = ("tcp+dst", "tcp+hop", "fastopen+dst", "udp+dst", "udp+hop", "udp-connected+dst", "lite+dst", "lite-connected+hop", "tcp+rth", "udp+rth")
HAVE_HEADERS = ("IPv6", "link-local", "loopback IPv6")
NAMED = ("netns",)
NOT_MADE = ("a network namespace known by its name and made anew without the agent: the agent finds which one has the name",
            "MPTCP behind extension headers: the kernel takes no IPv6 options on such a socket (ENOPROTOOPT)",
            "extension headers to IPv4 and IPv4-mapped addresses: IPv4 has none",
            "loopback from another network namespace: it is not routed",
            "SCTP and DCCP: this kernel has neither (EPROTONOSUPPORT, ESOCKTNOSUPPORT)")
SYMBOLS = {"ok": "+", "EPERM": "E", "ECONNREFUSED": "R", "silence": "s"}
Cell = collections.namedtuple("Cell", "moment server client form kind port source")
Told = collections.namedtuple("Told", "answers addresses")
Verdicts = collections.namedtuple("Verdicts", "words kernel explained oracle")


def verdict_of(words):
    """Of the words of one or more attempts; words that are no verdict are told as they are."""
    kinds = {{"ok": "allowed", "EPERM": "denied", "ECONNREFUSED": "denied", "silence": "denied"}.get(word, word) for word in words}
    return kinds.pop() if len(kinds) == 1 else " and ".join(sorted(words))


def plain(host):
    """The address that a packet has."""
    return host.removeprefix("::ffff:").removesuffix("%eth0")


def differ(found):
    return found.kernel != found.oracle or found.explained not in (None, found.oracle)


def policy_text(policies):
    return "".join(document("AuthorizationPolicy", f"p{n}", namespace, spec, "security.istio.io/v1")
                   for n, (namespace, spec) in enumerate(policies))


def one_in(share, attempts):
    """Every |share|th, so that each way is tried with some server."""
    ways = len(attempts) // len({cell.server for cell in attempts})
    if math.gcd(ways, share) > 1:
        raise ValueError(f"one in {share} of {ways} ways would always be the same ones")
    return {cell: row for number, (cell, row) in enumerate(attempts.items()) if number % share == 0}


class Inside:
    """A process in the server's network namespace that is not the server."""

    how, user, program = "inside", (), sys.executable

    def __init__(self, server):
        self.server, self.place = server, server.place

    def whos(self, form, port=0):
        """The network namespace, or the control group, says who it is; neither its program nor its user is the server's."""
        return [None] if self.server.how in ("program", "uid") else self.server.whos(form)


class Town:
    """Servers and clients that are known in every way, each in a network namespace of its own."""

    def __init__(self, box, servers=SERVERS, clients=CLIENTS):
        self.box = box
        self.servers = [End(box, "server", how) for how in servers]
        self.clients = [End(box, "client", how) for how in clients]
        self.ends, self.listeners = self.servers + self.clients, {}
        for server in self.servers:
            self.serve(server)
        for client in self.clients:  # of a network namespace without a process nothing is explained
            client.place.start(["sleep", "infinity"], "resident")
        self.wait_until_there()
        self.mesh = Mesh(box, workloads="".join(end.text for end in self.ends), policy="")
        self.by_how = {server.how: server for server in self.servers}
        self.callers = {client.how: client for client in self.clients}
        self.in_force, self.cells, self.batches, self.late = [], {}, itertools.count(), set()

    def serve(self, server):
        """Starts its listener."""
        self.listeners[server] = server.place.start([server.program, PROGRAMS / "dial.py", *server.user, "listen", PORTS[0],
                                                     f"mptcp:{PORTS[1]}"], "listener", env=PYTHON)

    def policies(self, policies):
        """Puts (namespace, spec) in force."""
        if policies != self.in_force:
            self.mesh.apply(policy=policy_text(policies))
        self.in_force = policies

    def write(self, policies):
        self.mesh.write("policy", policy_text(policies))

    def renew(self):
        """Network namespaces and listeners are made anew; |NAMED| are known by what only the agent finds."""
        stay = [end for end in self.ends if end.how in NAMED]
        for end in self.ends:
            if end not in stay:
                self.renew_one(end)
        self.wait_until_there()
        for end in stay:
            ip("neigh", "flush", "all", netns=end.place.name)  # the others have other MAC addresses now

    def renew_one(self, end):
        if end.side == "server":
            self.listeners[end].stop()
        end.renew()
        if end.side == "server":
            self.serve(end)

    def wait_until_there(self):
        for server in self.servers:
            wait_for(lambda: server.place.listens(PORTS[1]), 10, "the listener")
        for end in self.ends:
            wait_for(end.link_local, 10, "a link-local address")
        self.hosts = {end: end.forms() for end in self.ends}

    # ---- ways

    def ways(self, server, client):
        """(form, kind, port, source) of each way from |client| to |server|."""
        forms = {**self.hosts[server], **(LOOPBACKS if client.how == "inside" else {})}
        for port in PORTS:
            for form in forms:
                for kind in TRANSPORTS + (BEHIND_HEADERS if form in HAVE_HEADERS else ()):
                    yield form, kind, port, ""
            if client.how != "inside":
                yield from self.bound_ways(client, port)

    def bound_ways(self, client, port):
        """From another address than the kernel would choose."""
        for form, source in (("IPv4", client.second), ("second IPv4", client.place.address), ("IPv6", client.second6)):
            for kind in ("tcp", "udp", "lite-connected"):
                yield form, kind, port, source

    def client_of(self, cell):
        return Inside(self.by_how[cell.server]) if cell.client == "inside" else self.callers[cell.client]

    def host(self, server, form):
        return {**self.hosts[server], **LOOPBACKS}[form]

    def attempts(self, moment, client, servers):
        """{cell: row of reach.py}"""
        return {Cell(moment, server.how, client.how, form, kind, port, source): [self.host(server, form), kind, port, source]
                for server in servers for form, kind, port, source in self.ways(server, client)}

    # ---- three verdicts

    def command(self, client, attempts, seconds, *stop):
        file = self.box.dir / f"attempts-{next(self.batches)}.json"
        file.write_text(json.dumps({"seconds": seconds, "rows": list(attempts.values())}))
        return [client.program, PROGRAMS / "reach.py", *client.user, file, *stop]

    def kernel(self, client, attempts, seconds=SECONDS):
        """{cell: {word: count}}"""
        command = self.command(client, attempts, seconds)
        done = client.place.run(command, env=PYTHON)
        command[-1].unlink()
        return dict(zip(attempts, json.loads(done.stdout)))

    def patiently(self, client, attempts, found):
        """A busy machine may answer late what is allowed: such attempts are made again, with more time."""
        late = {cell: row for cell, row in attempts.items() if found[cell] == {"silence": 1} and self.oracle(cell) == "allowed"}
        if late:
            self.late.update(late)
            found.update(self.kernel(client, late, 3))
        return found

    def oracle(self, cell):
        server, client = self.by_how[cell.server], self.client_of(cell)
        if cell.form in LOOPBACKS and server.how not in BY_PROCESS:
            return "allowed"  # docs/mesh.md: what stays inside a network namespace is left alone
        source_form, address = self.source(cell, server, client)
        return "allowed" if allows(self.in_force, client.whos(source_form), address, server.whos(cell.form, cell.port), cell.port) else "denied"

    def source(self, cell, server, client):
        """(form, address) that the client comes from: bound, or as routes say."""
        if client.how == "inside":
            return cell.form, self.host(server, cell.form)
        if cell.source:
            forms = {address: form for form, address in self.hosts[client].items()}
            return forms.get(cell.source, "second IPv6"), cell.source
        return cell.form, plain(self.hosts[client][cell.form])

    def explain(self, told, start, end, port):
        query = urllib.parse.urlencode({"from": start, "to": end, "port": port})
        if query not in told.answers:
            told.answers[query] = self.mesh.get(f"/api/v1/policy?{query}")["verdict"]
        return told.answers[query]

    def explained(self, cell, told):
        """By what the mesh knows of both ends, and by the addresses of this very attempt. |told| keeps answers: they are the
        same for all transports."""
        server, client = self.by_how[cell.server], self.client_of(cell)
        form, address = self.source(cell, server, client)
        names = {self.explain(told, start, end, cell.port) for start in client.asked(form) for end in server.asked(cell.form)}
        verdict = "denied" if "denied" in names else names.pop()
        if told.addresses:
            starts = client.asked(form) if client.how in BY_PROCESS else [address]
            addresses = self.explain(told, starts[0], plain(self.host(server, cell.form)), cell.port)
            if addresses != verdict:
                return f"{verdict}, by addresses {addresses}"
        return verdict

    # ---- the table

    def each_client(self, action):
        """[(client, what |action|(client, servers) gives)]"""
        callers = [(client, self.servers) for client in self.clients] + [(Inside(server), [server]) for server in self.servers]
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(lambda caller: (caller[0], action(*caller)), callers))

    def fill(self, moment, explain=True, addresses=False, share=1):
        """Every client with every server, each way once; or of their ways one in |share|, in turn. |addresses|: explained by
        those, too."""
        def attempt(client, servers):
            attempts = one_in(share, self.attempts(moment, client, servers))
            return self.patiently(client, attempts, self.kernel(client, attempts))

        told = Told({}, addresses) if explain else None
        for client, found in self.each_client(attempt):
            self.note(client, found, told)

    @contextlib.contextmanager
    def rolling(self, moment):
        """Ways of each client to each server, one in |IN_TURN|, over and over."""
        number = next(self.batches)
        stop = self.box.dir / f"stop-{number}"
        rows = [(client, one_in(IN_TURN, self.attempts(moment, client, self.servers))) for client in self.clients]
        running = [(client, attempts, client.place.start(self.command(client, attempts, 3, stop), f"rolling-{number}", env=PYTHON))
                   for client, attempts in rows]

        def turns(count):
            """Until each client has gone through all of its ways |count| times more."""
            before = [process.output().count("turn") for *_, process in running]
            wait_for(lambda: all(process.output().count("turn") >= had + count for (*_, process), had in zip(running, before)), 30, "turns")

        turns(2)
        yield turns
        stop.touch()
        for client, attempts, process in running:
            if process.popen.wait(30):
                raise RuntimeError(process.output()[-2000:])
            self.note(client, dict(zip(attempts, json.loads(process.output().splitlines()[-1]))), None)

    def note(self, client, words, told):
        for cell, counts in words.items():
            explained = None
            if told and client.how != "inside":
                explained = self.explained(cell, told)
            self.cells[cell] = Verdicts(counts, verdict_of(counts), explained, self.oracle(cell))

    def differences(self):
        return {cell: found for cell, found in self.cells.items() if differ(found)}

    def text(self):
        return "\n".join([*self.grids(), *(f"not made: {reason}" for reason in NOT_MADE), "", *self.lines()]) + "\n"

    def lines(self):
        for cell, found in self.differences().items():
            yield (f"DIFFERENCE {cell.moment}: {cell.client} to {cell.server}, {cell.form} {cell.kind}:{cell.port} {cell.source}: "
                   f"kernel {found.kernel} ({found.words}), explained {found.explained}, oracle {found.oracle}")

    def grids(self):
        grids = collections.defaultdict(lambda: collections.defaultdict(dict))
        for cell, found in self.cells.items():
            way = f"{cell.form} {cell.kind}:{cell.port}{', bound' if cell.source else ''}"
            grids[cell.moment, cell.server][way][cell.client] = cell, found
        yield f"{len(self.cells)} cells, {len(self.differences())} differences. + answered, E not permitted, R refused, s silence; in front: ! a difference, ~ late"
        for (moment, server), ways in grids.items():
            clients = list(dict.fromkeys(client for row in ways.values() for client in row))
            yield f"\n{moment}: server known by {server}"
            yield f"{'':44}" + " ".join(f"{client[:7]:7}" for client in clients)
            for way, row in ways.items():
                yield f"{way:44}" + " ".join(f"{self.symbol(*row[client]) if client in row else '':7}" for client in clients)

    def symbol(self, cell, found):
        return "!" * differ(found) + "~" * (cell in self.late) + "".join(SYMBOLS.get(word, "?") for word in sorted(found.words))
