# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is beside client and server: nothing, or weftd while it is measured (proxies are in sidecars.py)."""

import pathlib
import time

from lab.weftd import Weftd
from measure.world import PORTS

TLS = ("tls1", "tls2", "connect")


class Absent(Exception):
    """A variant that cannot be had on this machine; the text says why."""


class Variant:
    """The base: the client talks to the server, nothing else is there."""

    def __init__(self, world):
        self.world = world

    def endpoint(self, protocol):
        """(URL scheme, address, port)"""
        return "https" if protocol in TLS else "http", self.world.server.address, PORTS[protocol]

    def carries(self, workload):
        return True

    def start(self):
        """Before a measurement."""

    def stop(self):
        """After it."""

    def facts(self):
        """What it says of the measurement itself, once that is over."""
        return {}


class Weft(Variant):
    """weftd with its defaults, everything on, in a control group of its own."""

    options = ()

    def __init__(self, world):
        super().__init__(world)
        self.weftd = Weftd(world, *self.options, recent=None)

    def start(self):
        self.weftd.start()
        for pid in self.pids():
            pathlib.Path(self.world.agent, "cgroup.procs").write_text(str(pid))
        time.sleep(0.2)

    def stop(self):
        self.weftd.stop()
        self.weftd.detach()

    def pids(self):
        """The loader and its worker."""
        loader = self.weftd.process.pid
        return [loader, *map(int, pathlib.Path(f"/proc/{loader}/task/{loader}/children").read_text().split())]

    def facts(self):
        time.sleep(0.3)
        metrics = self.weftd.metrics()
        mine = [value for have, value in metrics.rows("istio_requests_total")
                if have.get("destination_workload", "").startswith(self.world.slug)]
        lost = {f"{have['stage']} {have['reason']}": value for have, value in metrics.rows("weft_events_lost_total") if value}
        return {"requests_reported": sum(mine), "events_lost": sum(lost.values()), "lost_by": lost}


class WeftL4(Weft):
    """Connections and flows only."""

    options = ("--l4",)


class WeftNoFlows(Weft):
    """Everything but the packet counters of interfaces."""

    options = ("--no-flows",)


class WeftPolicy(Weft):
    """Everything, and a policy that lets this client in by its control group: what is asked of each connection and datagram."""

    def __init__(self, world):
        directory = world.dir / "mesh"
        directory.mkdir(exist_ok=True)
        (directory / "policy.yaml").write_text(POLICY.format(*(place.cgroup.removeprefix(world.cgroup_root) for place in (world.server, world.client))))
        self.options = ("--config", directory)
        super().__init__(world)


POLICY = """apiVersion: weft.dev/v1alpha1
kind: Workload
metadata: {{name: server, namespace: bench, labels: {{app: server}}}}
spec: {{match: [{{cgroup: {}}}]}}
---
apiVersion: weft.dev/v1alpha1
kind: Workload
metadata: {{name: client, namespace: clients}}
spec: {{match: [{{cgroup: {}}}]}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: server, namespace: bench}}
spec: {{selector: {{matchLabels: {{app: server}}}}, rules: [{{from: [{{source: {{namespaces: [clients]}}}}]}}]}}
"""


class WeftStatistics(Weft):
    """Everything, and the kernel measures each program: which costs."""

    options = ("--statistics",)
