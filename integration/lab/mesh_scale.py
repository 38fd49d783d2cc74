# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A mesh of any size as the YAML that operators have: every other service a ServiceEntry with inline endpoints (workloads
with labels and account), the others Service and EndpointSlice; some with subsets, routes, Maglev and locality failover; and
policies. A file holds one service, or many. What is in a file follows from its number and its version alone. As a program:
python3 integration/lab/mesh_scale.py DIRECTORY (--help)."""

import argparse
import ipaddress
import os
import pathlib

VIPS = ipaddress.ip_address("10.128.0.0")
ENDPOINTS = ipaddress.ip_address("10.64.0.0")
NAMESPACES = 100
LOCALITIES = ("eu/a/1", "eu/a/2", "eu/b/1", "us/a/1")


class Mesh:
    def __init__(self, directory, services=10000, endpoints=10, policies=1000, per_file=1, plain=False):
        self.directory = pathlib.Path(directory)
        self.services, self.endpoints, self.policies, self.per_file = services, endpoints, policies, per_file
        self.plain = plain  # neither subsets nor routes, one way to balance
        self.versions = {}  # number of a service: how often it changed
        self.own = {}  # number of a service: its endpoints as (address, port), instead of invented ones

    def write(self):
        """Writes everything; takes no care of who watches."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for first in range(0, self.services, self.per_file):
            self.path(first).write_text(self.text(first))
        if self.policies:
            (self.directory / "policies.yaml").write_text("---\n".join(policy(i, self.services) for i in range(self.policies)))

    def change(self, number):
        """Gives the last invented endpoint of a service another address: its file is replaced by rename. With endpoints in
        |own| the caller changes these before."""
        self.versions[number] = self.versions.get(number, 0) + 1
        path = self.path(number)
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(self.text(number // self.per_file * self.per_file))
        os.rename(beside, path)

    def path(self, number):
        return self.directory / f"services-{number // self.per_file:05}.yaml"

    def text(self, first):
        last = min(first + self.per_file, self.services)
        return "---\n".join(document for i in range(first, last) for document in self.documents(i))

    def documents(self, i):
        yield from (service_entry if i % 2 == 0 else kubernetes_service)(i, self.members(i))
        if not self.plain:
            yield from extras(i)

    def members(self, i):
        if i in self.own:
            return self.own[i]
        last, changed = self.endpoints - 1, self.versions.get(i, 0)
        if changed:
            last = self.endpoints + (changed - 1) % (128 - self.endpoints)
        return [(endpoint(i, j), 8080) for j in (*range(self.endpoints - 1), last)]


def vip(i):
    return str(VIPS + i)


def endpoint(i, j):
    """The j-th, below 128, of the i-th service, below 32,768."""
    return str(ENDPOINTS + i * 128 + j)


def name(i):
    return f"service-{i:05}"


def namespace(i):
    return f"namespace-{i % NAMESPACES:02}"


def head(version, kind, number, own_name=None):
    return f"apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {own_name or name(number)}\n  namespace: {namespace(number)}\n"


def host(i):
    return f"{name(i)}.{namespace(i)}.svc.cluster.local" if i % 2 else f"{name(i)}.{namespace(i)}.mesh"


def service_entry(i, members):
    entries = "".join(
        f"  - address: {address}\n    ports: {{http: {port}}}\n    locality: {LOCALITIES[j % len(LOCALITIES)]}\n"
        f"    serviceAccount: account-{i % 10}\n    labels: {{app: {name(i)}, version: v{j % 2}}}\n"
        for j, (address, port) in enumerate(members))
    yield (head("networking.istio.io/v1", "ServiceEntry", i) +
           f"spec:\n  hosts: [{host(i)}]\n  addresses: [{vip(i)}]\n  location: MESH_INTERNAL\n  resolution: STATIC\n"
           f"  ports:\n  - {{number: 80, name: http, protocol: HTTP}}\n" + (f"  endpoints:\n{entries}" if entries else ""))


def kubernetes_service(i, members):
    yield (head("v1", "Service", i) + f"spec:\n  clusterIP: {vip(i)}\n  selector: {{app: {name(i)}}}\n"
           "  ports:\n  - {name: http, port: 80, targetPort: 8080, protocol: TCP}\n")
    entries = "".join(f"- addresses: [{address}]\n  conditions: {{ready: true}}\n  zone: a\n" for address, _ in members)
    port = members[0][1] if members else 8080
    yield (f"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: {name(i)}-x\n  namespace: {namespace(i)}\n"
           f"  labels: {{kubernetes.io/service-name: {name(i)}}}\naddressType: IPv4\n"
           f"ports:\n- {{name: http, port: {port}, protocol: TCP}}\n" + (f"endpoints:\n{entries}" if entries else "endpoints: []\n"))


def extras(i):
    if i % 20 == 0:
        yield (head("networking.istio.io/v1", "DestinationRule", i) +
               f"spec:\n  host: {host(i)}\n  trafficPolicy:\n    loadBalancer: {{simple: ROUND_ROBIN}}\n"
               "  subsets:\n  - {name: v0, labels: {version: v0}}\n  - {name: v1, labels: {version: v1}}\n")
        yield (head("networking.istio.io/v1", "VirtualService", i) +
               f"spec:\n  hosts: [{host(i)}]\n  tcp:\n  - route:\n"
               f"    - {{destination: {{host: {host(i)}, subset: v0}}, weight: 90}}\n"
               f"    - {{destination: {{host: {host(i)}, subset: v1}}, weight: 10}}\n")
    elif i % 20 == 1:
        yield (head("networking.istio.io/v1", "DestinationRule", i) +
               f"spec:\n  host: {host(i)}\n  trafficPolicy:\n    loadBalancer: {{simple: RANDOM}}\n"
               "    connectionPool: {tcp: {maxConnections: 1000}}\n")


def policy(i, services):
    target = i * services // 1000 % services // 2 * 2  # a ServiceEntry: its workloads have labels
    return (head("security.istio.io/v1", "AuthorizationPolicy", target, f"policy-{i:04}") +
            f"spec:\n  selector: {{matchLabels: {{app: {name(target)}}}}}\n  action: {'ALLOW' if i % 4 else 'DENY'}\n  rules:\n"
            f"  - from:\n    - source: {{namespaces: [{namespace(i + 1)}, {namespace(i + 2)}]}}\n"
            f"    - source: {{ipBlocks: [192.168.{i % 256}.0/24]}}\n    to:\n    - operation: {{ports: ['{8080 if i % 4 else 9090}']}}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory")
    parser.add_argument("--services", type=int, default=10000)
    parser.add_argument("--endpoints", type=int, default=10, help="of each service")
    parser.add_argument("--policies", type=int, default=1000)
    parser.add_argument("--per-file", type=int, default=1, help="services in a file")
    parser.add_argument("--plain", action="store_true", help="no subsets, no routes")
    options = parser.parse_args()
    Mesh(**vars(options)).write()


if __name__ == "__main__":
    main()
