# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A mesh for a test: its directory of configuration, written as operators do it, and what weftd says of it."""

import json
import os
import sys

from lab.processes import wait_for
from lab.sandbox import ROOT
from lab.weftd import Weftd

CONNECTS = ROOT / "integration" / "programs" / "connects.py"
VIP, VIP6 = "198.19.0.10", "fd78:78::10"


class Mesh:
    """|directory| and a weftd that follows it."""

    def __init__(self, box, *options, **files):
        self.box, self.directory = box, box.dir / "mesh"
        self.directory.mkdir()
        self.weftd = Weftd(box, "--config", self.directory, *options)
        for name, text in files.items():
            self.write(name, text)

    def write(self, name, text):
        """As careful tools write: beside it, then renamed over it."""
        new = self.directory / f".{name}.new"
        new.write_text(text)
        os.rename(new, self.directory / f"{name}.yaml")

    def start(self):
        self.weftd.start()
        wait_for(lambda: self.status()["settled"], 10, "the first configuration")

    def lines(self, path):
        done = self.weftd.command(path, "-o", "json")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def status(self):
        return json.loads(self.weftd.command("mesh", "-o", "json").stdout)

    def get(self, path):
        """One object of the API, without the cost of a program."""
        return json.loads(self.weftd.ask(path))

    def apply(self, **files):
        """Writes them and waits until they are in force."""
        before = self.status()["generation"]
        for name, text in files.items():
            self.write(name, text)
        wait_for(lambda: self.status()["generation"] > before, 5, f"generation after {before}")


def service(name, endpoints, port=80, target=8080, address=VIP, extra="", protocol="HTTP"):
    """A ServiceEntry: |endpoints| are (address, labels) or (address, labels, weight)."""
    rows = ""
    for endpoint, labels, *weight in endpoints:
        rows += f"  - address: {endpoint}\n    labels: {json.dumps(labels)}\n"
        rows += f"    weight: {weight[0]}\n" if weight else ""
    return f"""apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, namespace: shop}}
spec:
  hosts: [{name}.example]
  addresses: ["{address}"]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: {port}, name: main, protocol: {protocol}, targetPort: {target}}}]
  endpoints:{' []' if not rows else ''}
{rows}{extra}---
"""


def rule(host, policy="", subsets=()):
    """A DestinationRule: |subsets| are (name, labels), |policy| is the text of trafficPolicy."""
    rows = "".join(f"  - {{name: {name}, labels: {json.dumps(labels)}}}\n" for name, labels in subsets)
    return f"""apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {host.split('.')[0]}, namespace: shop}}
spec:
  host: {host}
{policy}{'  subsets:' + chr(10) + rows if rows else ''}---
"""


def split(host, *shares):
    """A VirtualService: |shares| are (subset, weight)."""
    rows = "".join(f"    - destination: {{host: {host}, subset: {subset}}}\n      weight: {weight}\n" for subset, weight in shares)
    return f"""apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {host.split('.')[0]}, namespace: shop}}
spec:
  hosts: [{host}]
  tcp:
  - route:
{rows}---
"""


def connect(place, address=VIP, port=80, count=1):
    """|count| connections from |place|, one request each: {"answers", "errors", "peers", "slowest"}."""
    done = place.run([sys.executable, CONNECTS, address, port, count])
    return json.loads(done.stdout.splitlines()[-1])
