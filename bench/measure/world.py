# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Where the bench runs: client and server in a network namespace each, joined by a bridge of the root namespace
(weftd counts the packets there) or by a veth pair alone; one nginx that all variants share."""

import os
import pathlib

from lab.sandbox import Namespace, Sandbox, ip
from lab.servers import Server, certificate

BRIDGE = "weft-bench"
PORTS = {"http1": 8001, "h2c": 8002, "tls1": 8003, "tls2": 8004, "connect": 8005, "bulk": 8006}

NGINX = """
daemon off;
user root;
pid "{dir}/nginx.pid";
error_log "{dir}/nginx-error.log";
worker_processes 1;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
	access_log off;
	keepalive_requests 1000000000;
	keepalive_timeout 600s;
	http2_max_concurrent_streams 128;
	default_type text/plain;
	ssl_certificate "{cert}";
	ssl_certificate_key "{key}";
	ssl_protocols TLSv1.2 TLSv1.3;
	{servers}
}}
"""
SERVER = "server {{ listen {port} {options}; {settings} location / {{ return 200 'hello, world'; }} }}"
SERVERS = {"http1": ("", ""), "h2c": ("http2", ""), "tls1": ("ssl", ""), "tls2": ("ssl http2", ""),
           # one request per connection, and nothing to resume a session with
           "connect": ("ssl", "keepalive_timeout 0; ssl_session_cache off; ssl_session_tickets off;")}


class World(Sandbox):
    """|bridged|: through a bridge of the root namespace, else a veth pair between the two and nothing else."""

    def __init__(self, build, bridged):
        super().__init__("bench", build)
        self.bridged = bridged
        if bridged:
            self.journal.write(f"netdev {BRIDGE}\n")
            ip("link", "add", BRIDGE, "type", "bridge")
            ip("link", "set", BRIDGE, "up")
        self.server, self.client = self.place("server"), self.place("client")
        self.proxies = self.make_cgroup(f"{self.slug}-proxies")
        self.agent = self.make_cgroup(f"{self.slug}-agent")
        self.certificate, self.key = certificate(self, "rsa")
        self.start_servers()

    def place(self, role):
        self.namespaces[role] = Place(self, role, len(self.namespaces) + 1)
        return self.namespaces[role]

    def start_servers(self):
        config = self.dir / "nginx.conf"
        servers = "\n\t".join(SERVER.format(port=PORTS[name], options=options, settings=settings)
                              for name, (options, settings) in SERVERS.items())
        config.write_text(NGINX.format(dir=self.dir, cert=self.certificate, key=self.key, servers=servers))
        Server(self.server, "nginx", ["nginx", "-c", config, "-e", self.dir / "nginx-error.log"], PORTS["connect"], False)
        Server(self.server, "iperf3", ["iperf3", "-s", "-p", PORTS["bulk"]], PORTS["bulk"], False)

    def pin_server(self, cpus):
        """Its processes run on these CPUs alone."""
        for pid in pathlib.Path(self.server.cgroup, "cgroup.procs").read_text().split():
            os.sched_setaffinity(int(pid), cpus)

    def cpu_us(self):
        """CPU time used so far, in microseconds, by everything in each control group."""
        groups = {"server": self.server.cgroup, "client": self.client.cgroup, "proxies": self.proxies, "agent": self.agent}
        return {name: cgroup_cpu_us(path) for name, path in groups.items()}


class Place(Namespace):
    def wire(self):
        if self.sandbox.bridged:
            far = f"{BRIDGE}{self.number}"
            self.sandbox.journal.write(f"netdev {far}\n")
            ip("link", "add", "eth0", "netns", self.name, "type", "veth", "peer", "name", far)
            ip("link", "set", far, "master", BRIDGE, "up")
            self.configure_eth0()
        elif self.sandbox.namespaces:
            other, = self.sandbox.namespaces.values()
            ip("link", "add", "eth0", "netns", self.name, "type", "veth", "peer", "name", "eth0", "netns", other.name)
            other.configure_eth0()
            self.configure_eth0()


def cgroup_cpu_us(path):
    for line in pathlib.Path(path, "cpu.stat").read_text().splitlines():
        if line.startswith("usage_usec "):
            return int(line.split()[1])
    raise RuntimeError(f"{path}/cpu.stat has no usage_usec")
