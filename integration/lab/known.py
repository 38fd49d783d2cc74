# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Every way in which the mesh may know a workload: what says it, which program and control group it takes, and who each of
its addresses is then."""

import json
import pathlib
import shutil
import sys

from lab.istio import Who
from lab.sandbox import ip

PORTS = 8080, 9090
UIDS = {"server": 1010, "client": 1011}
CONTAINERS = {"server": "3f" * 32, "client": "4e" * 32}
LOOPBACKS = {"loopback IPv4": "127.0.0.1", "loopback IPv6": "::1", "loopback mapped": "::ffff:127.0.0.1"}
BY_PROCESS = ("program", "group", "netns", "uid", "container", "unit")
SERVERS = ("address", "prefix", "pod", "slice", "several", "ports", "neighbours", *BY_PROCESS, "unknown")
CLIENTS = ("address", "prefix", "pod", "several", "neighbours", *BY_PROCESS, "unknown")


def document(kind, name, namespace, spec, version="v1", more="", **metadata):
    head = {"name": name, "namespace": namespace, **metadata}
    return f"apiVersion: {version}\nkind: {kind}\nmetadata: {json.dumps(head)}\n{more}spec: {json.dumps(spec)}\n---\n"


def entry(name, who, address):
    spec = {"address": address, "serviceAccount": who.account, "labels": who.labels}
    return document("WorkloadEntry", name, who.namespace, spec, "networking.istio.io/v1")


def matched(name, who, **match):
    return document("Workload", name, who.namespace, {"match": [match], "serviceAccount": who.account, "labels": who.labels},
                    "weft.dev/v1alpha1")


def pod(name, who, addresses):
    status = {"phase": "Running", "podIP": addresses[0], "podIPs": [{"ip": one} for one in addresses]}
    return document("Pod", name, who.namespace, {"serviceAccountName": who.account}, more=f"status: {json.dumps(status)}\n", labels=who.labels)


def slice_of(name, namespace, address):
    """A Service with one endpoint and no Pod to it."""
    spec = {"clusterIP": "198.19.0.20", "ports": [{"port": 80, "targetPort": PORTS[0]}]}
    head = {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": name}}
    return document("Service", name, namespace, spec) + (
        f"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {json.dumps(head)}\naddressType: IPv4\n"
        f"ports: [{{port: {PORTS[0]}}}]\nendpoints: [{{addresses: [{address}]}}]\n---\n")


def service_of(name, namespace, address, port, labels):
    """Its endpoints are the workloads with these labels, at this port."""
    spec = {"hosts": [f"{name}.example"], "addresses": [address], "location": "MESH_INTERNAL", "resolution": "STATIC",
            "ports": [{"number": 80, "name": "main", "protocol": "TCP", "targetPort": port}], "workloadSelector": {"labels": labels}}
    return document("ServiceEntry", name, namespace, spec, "networking.istio.io/v1")


class End:
    """A machine with several addresses. |side| is client or server, |how| it is known one of the above."""

    def __init__(self, box, side, how):
        self.box, self.side, self.how, self.role = box, side, how, f"{how[:6]}-{side[0]}"
        self.place = box.namespace(self.role)
        self.number = int(self.place.address.split(".")[-1])
        self.second, self.second6 = f"198.18.{100 + self.number}.5", f"fd77:77::1:{self.number}"
        self.add_addresses()
        self.program, self.user = self.find_program(), ("--uid", UIDS[side]) if how == "uid" else ()
        self.enter_group()
        self.who = Who("town", "server", {"side": "server", "how": how}) if side == "server" else Who(f"from-{how}", how, {"side": "client"})
        self.other = self.who._replace(namespace=self.who.namespace if side == "server" else f"from-{how}2", account="other",
                                       labels={**self.who.labels, "how": "other"})
        self.text = getattr(self, f"by_{how}")()

    def add_addresses(self):
        ip("addr", "add", f"{self.second}/16", "dev", "eth0", netns=self.place.name)
        ip("addr", "add", f"{self.second6}/64", "dev", "eth0", "nodad", netns=self.place.name)
        segments = [f"net.ipv6.conf.{interface}.seg6_enabled=1" for interface in ("all", "lo", "eth0")]
        self.place.run(["sysctl", "-qw", "net.ipv4.tcp_fastopen=1543", *segments])  # data in the SYN, without a cookie, to all listeners

    def renew(self):
        """Another network namespace with the same name and addresses."""
        ip("link", "del", "eth0", netns=self.place.name)  # its other end would go later
        ip("netns", "del", self.place.name)
        self.place.make()
        self.add_addresses()

    def find_program(self):
        if self.how != "program":
            return sys.executable
        path = self.box.dir / f"reach-{self.side}"
        return str(shutil.copy(pathlib.Path(sys.executable).resolve(), path))

    def enter_group(self):
        if self.how == "container":
            self.place.cgroup = self.box.make_cgroup(f"docker-{CONTAINERS[self.side]}.scope")
        if self.how == "unit":
            self.place.cgroup = self.box.make_cgroup(f"reach-{self.side}.service")

    # ---- what says it

    def by_address(self):
        return entry(self.role, self.who, self.place.address)

    def by_prefix(self):
        return matched(self.role, self.who, ip=[f"198.18.{100 + self.number}.0/29"])

    def by_pod(self):
        return pod(self.role, self.who, [self.place.address, self.place.address6])

    def by_slice(self):
        self.who = Who("town", "", {})  # nothing but its namespace is known
        return slice_of(self.role, "town", self.place.address)

    def by_several(self):
        return entry(self.role, self.who, self.place.address) + entry("other-" + self.role, self.other, self.place.address)

    def by_ports(self):
        return self.by_several() + "".join(service_of(f"s{port}", "town", f"198.19.0.{21 + n}", port, {"how": who.labels["how"]})
                                           for n, (port, who) in enumerate(zip(PORTS, (self.who, self.other))))

    def by_neighbours(self):
        return entry(self.role, self.who, self.place.address) + entry("other-" + self.role, self.other, self.second)

    def by_program(self):
        return matched(self.role, self.who, executable=f"*/reach-{self.side}")

    def by_group(self):
        return matched(self.role, self.who, cgroup=self.place.cgroup.removeprefix(self.box.cgroup_root))

    def by_netns(self):
        return matched(self.role, self.who, netns=self.place.name)

    def by_uid(self):
        return matched(self.role, self.who, uid=UIDS[self.side])

    def by_container(self):
        return matched(self.role, self.who, container=CONTAINERS[self.side])

    def by_unit(self):
        return matched(self.role, self.who, systemdUnit=f"reach-{self.side}.service")

    def by_unknown(self):
        return ""

    # ---- who it is

    def whos(self, form, port=0):
        """The workloads that it may be at an address of this form; |port| 0: as a client."""
        if self.how == "unknown":
            return [None]
        if self.how == "several":
            return [self.who, self.other]
        if self.how == "ports":
            return [self.who if port == PORTS[0] else self.other] if port else [self.who, self.other]
        if self.how == "neighbours":
            return {"IPv4": [self.who], "mapped IPv4": [self.who], "second IPv4": [self.other]}.get(form, [self.who, self.other])
        return [self.who]

    def asked(self, form):
        """How `weft policy explain` is asked for it, by what the mesh knows; one question for each that it may be."""
        if self.how in BY_PROCESS:
            return [f"{self.who.namespace}/{self.role}"]
        if self.how == "prefix":
            return [self.second]
        if self.how == "neighbours":
            return {"IPv4": [self.place.address], "mapped IPv4": [self.place.address], "second IPv4": [self.second]}.get(
                form, [self.place.address, self.second])
        return [self.place.address]

    def forms(self):
        """Its addresses; no more, as the kernel keeps at most 1,024 neighbours of all network namespaces together."""
        return {"IPv4": self.place.address, "second IPv4": self.second, "mapped IPv4": f"::ffff:{self.place.address}",
                "IPv6": self.place.address6, "link-local": f"{self.link_local()}%eth0"}

    def link_local(self):
        """None: it is still being checked."""
        rows = json.loads(self.place.run(["ip", "-j", "-6", "addr", "show", "dev", "eth0"]).stdout)
        return next((one["local"] for one in rows[0]["addr_info"] if one["scope"] == "link" and not one.get("tentative")), None)
