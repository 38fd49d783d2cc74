# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""HAProxy as a pair of sidecars."""

from measure.sidecars import Pair

GLOBAL = """
global
	nbthread 2
	maxconn 8192
	log stdout format raw local0
defaults
	log global
	timeout connect 5s
	timeout client 600s
	timeout server 600s
"""
HTTP = """
listen {name}
	mode http
	option httplog
	http-reuse always
	bind {bind}
	server next {server}
"""
TCP = """
listen {name}
	mode tcp
	option tcplog
	bind {bind}
	server next {server}
"""


class HaproxyPair(Pair):
    """HAProxy at each end, 2 threads each, with access log."""

    FIRST_PORT = 9001

    def command(self, end, hops):
        config = self.world.dir / f"haproxy-{end}.cfg"
        self.pem().write_text(self.world.certificate.read_text() + self.world.key.read_text())
        config.write_text(GLOBAL + "".join(self.listener(end, hop) for hop in hops))
        return ["haproxy", "-db", "-f", config]

    def pem(self):
        return self.world.dir / "haproxy.pem"

    def listener(self, end, hop):
        bind, server = f"{hop.address}:{hop.port}", f"{hop.next_address}:{hop.next_port}"
        alpn = "h2" if hop.http2 else "http/1.1"
        if hop.tls_in:
            bind += f" ssl crt \"{self.pem()}\" alpn {alpn}"
        elif hop.http2:
            bind += " proto h2"
        if hop.tls_out:
            server += f" ssl verify none alpn {alpn}"
        elif hop.http2:
            server += " proto h2"
        return (HTTP if hop.http else TCP).format(name=hop.protocol, bind=bind, server=server)
