# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A reverse proxy at each end, as sidecars stand. HTTP is decoded at both; in the TLS workloads the hop between the two
is TLS and both ends are clear, as a mesh does it; new connections and bulk bytes pass through as TCP."""

import collections

from lab.processes import wait_for
from measure.variants import Variant
from measure.world import PORTS

Hop = collections.namedtuple("Hop", "protocol address port next_address next_port http http2 tls_in tls_out")
HOP_DISTANCE = 100  # between the ports of the client's and the server's proxy


class Pair(Variant):
    """|command(end, hops)| writes the configuration of an end and returns what to run; |FIRST_PORT| keeps pairs apart.
    The two run from construction to the end of the bench: idle, they cost nothing."""

    FIRST_PORT = 0

    def __init__(self, world):
        super().__init__(world)
        self.run("server", world.server)
        self.run("client", world.client)

    def run(self, end, place):
        hops = [self.hop(end, protocol) for protocol in PORTS]
        name = f"{type(self).__name__}-{end}"
        process = self.world.start(self.command(end, hops), name, netns=place.name, cgroup=self.world.proxies)
        wait_for(lambda: ended(process) or all(place.listens(hop.port) for hop in hops), 20, name)

    def hop(self, end, protocol):
        near = self.FIRST_PORT + list(PORTS).index(protocol)
        kind = {"http": protocol not in ("connect", "bulk"), "http2": protocol in ("h2c", "tls2")}
        crypt = protocol in ("tls1", "tls2")
        if end == "client":
            return Hop(protocol, "127.0.0.1", near, self.world.server.address, near + HOP_DISTANCE, **kind,
                       tls_in=False, tls_out=crypt)
        target = {"tls1": "http1", "tls2": "h2c"}.get(protocol, protocol)
        return Hop(protocol, self.world.server.address, near + HOP_DISTANCE, "127.0.0.1", PORTS[target], **kind,
                   tls_in=crypt, tls_out=False)

    def carries(self, workload):
        return workload.proxied

    def endpoint(self, protocol):
        hop = self.hop("client", protocol)
        return "https" if protocol == "connect" else "http", hop.address, hop.port


def ended(process):
    if not process.alive():
        raise RuntimeError(f"{process.argv[0]} ended: {process.output()[-1000:]}")
    return False
