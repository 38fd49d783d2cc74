# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Real servers with their own access logs. Each answers the paths of truth.ANSWERS."""

import json
import os
import subprocess

from lab.processes import wait_for
from lab.sandbox import ROOT
from lab.truth import ANSWERS, read_log

PROGRAMS = ROOT / "integration" / "programs"
PYTHON = "/usr/bin/python3"


def certificate(box, kind="ec"):
    """(certificate, key) files of a self-signed certificate for lab.example with a SPIFFE identity."""
    cert, key = box.dir / f"{kind}.crt", box.dir / f"{kind}.key"
    if not cert.exists():
        algorithm = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] if kind == "ec" else ["rsa:2048"]
        subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey", *algorithm, "-keyout", key, "-out", cert, "-days", "2",
                        "-subj", "/CN=lab.example", "-addext",
                        "subjectAltName=DNS:lab.example,URI:spiffe://lab.example/ns/test/sa/server"],
                       check=True, stderr=subprocess.DEVNULL)
    return cert, key


class Server:
    """A started server: |url(path)| reaches it, |exchanges(n)| is its own access log once n lines are there."""

    def __init__(self, place, name, argv, port, tls, env=None, ipv6=False, **options):
        self.place, self.port, self.tls, self.ipv6 = place, port, tls, ipv6
        self.access_log = place.sandbox.dir / f"{place.role}-{name}-access.log"
        self.process = place.start(argv, name, env=dict(env or {}, ACCESS_LOG=str(self.access_log)), **options)
        wait_for(lambda: self.ready(), 20, f"{name} on port {port}")

    def ready(self):
        if not self.process.alive():
            raise RuntimeError(f"{self.process.argv[0]} ended: {self.process.output()[-1000:]}")
        return self.place.listens(self.port)

    @property
    def workload(self):
        return self.place.workload

    @property
    def authority(self):
        return f"[{self.place.address6}]:{self.port}" if self.ipv6 else f"{self.place.address}:{self.port}"

    def url(self, path=""):
        return f"{'https' if self.tls else 'http'}://{self.authority}{path}"

    def exchanges(self, at_least=0, seconds=10):
        """The log once it has |at_least| lines: a server writes its line after the last byte has left."""
        if at_least:
            try:
                wait_for(lambda: self.lines() >= at_least, seconds, f"line {at_least} of {self.access_log}")
            except TimeoutError:
                pass
        return read_log(self.access_log)

    def lines(self):
        with open(self.access_log, "rb") as log:
            return log.read().count(b"\n")


NGINX = """
daemon off;
user root;
pid "{dir}/nginx-{port}.pid";
error_log "{dir}/nginx-{port}-error.log";
worker_processes 2;
events {{ worker_connections 1024; }}
http {{
	log_format rows escape=json '{{"status":"$status","method":"$request_method","path":"$request_uri",'
		'"bytes":$body_bytes_sent,"length":"$sent_http_content_length","seconds":$request_time}}';
	access_log "{access_log}" rows;
	client_body_temp_path "{dir}/nginx-body";
	proxy_temp_path "{dir}/nginx-proxy";
	fastcgi_temp_path "{dir}/nginx-fastcgi";
	uwsgi_temp_path "{dir}/nginx-uwsgi";
	scgi_temp_path "{dir}/nginx-scgi";
	keepalive_requests 1000000;
	keepalive_timeout 60s;
	http2_max_concurrent_streams 128;
	types {{ }}
	default_type text/plain;
	{upstreams}
	server {{
		listen {port} {listen};
		listen [::]:{port} {listen};
		{tls}
		{locations}
	}}
}}
"""


def nginx(place, port, http2=False, tls=False, versions="TLSv1.2 TLSv1.3", key="ec", extra="", locations=None, upstreams="", ipv6=False,
          proxied=False, deferred=False):
    """nginx with clear HTTP/1.1 or h2c, or both over TLS (ALPN); |locations| instead of those of the tests; |proxied|: behind a PROXY header;
    |deferred|: it is given no connection before that has a request (TCP_DEFER_ACCEPT)."""
    folder = place.sandbox.dir
    settings = ""
    if tls:
        cert, private = certificate(place.sandbox, key)
        settings = f'ssl_certificate "{cert}"; ssl_certificate_key "{private}"; ssl_protocols {versions};'
    config = folder / f"nginx-{port}.conf"
    access_log = folder / f"{place.role}-nginx-{port}-access.log"
    listen = " ".join(word for word, on in (("ssl", tls), ("http2", http2), ("proxy_protocol", proxied), ("deferred", deferred)) if on)
    config.write_text(NGINX.format(dir=folder, port=port, access_log=access_log, listen=listen, tls=settings, upstreams=upstreams,
                                   locations=locations or "\n\t\t".join(nginx_locations(folder)) + extra))
    return Server(place, f"nginx-{port}", ["nginx", "-c", config, "-e", folder / f"nginx-{port}-error.log"], port, tls, ipv6=ipv6)


def nginx_locations(folder):
    for kind, (status, size) in ANSWERS.items():
        if kind == "moved":
            yield f"location /{kind}/ {{ return 301 /ok/0; }}"
        elif size < 1000:
            yield f"location /{kind}/ {{ return {status} {repr('x' * size) if size and status != 204 else ''}; }}"
        else:
            (folder / kind).write_bytes(os.urandom(size))
            yield f'location /{kind}/ {{ root "{folder}"; try_files /{kind} =404; }}'
    yield f'location /slow/ {{ root "{folder}"; try_files /big =404; limit_rate 25k; }}'


def nghttpx(place, port, backend):
    """A proxy in clear text that speaks HTTP/1.1, h2c and the Upgrade between them, in front of |backend|."""
    access_log = place.sandbox.dir / f"{place.role}-nghttpx-access.log"
    row = '{"status":"$status","method":"$method","path":"$path","bytes":$body_bytes_sent,"seconds":$request_time}'
    return Server(place, "nghttpx", ["nghttpx", "--conf=/dev/null", f"--frontend=*,{port};no-tls", f"--accesslog-format={row}",
                                     f"--backend={backend.place.address},{backend.port}", f"--accesslog-file={access_log}",
                                     "--errorlog-file=/dev/stderr", "--no-ocsp", "--workers=1"], port, False)


def node(place, port, protocol, delay_ms=0):
    """Node.js |protocol|: http, https, http2 (TLS) or h2c."""
    env = {"PORT": str(port), "PROTOCOL": protocol, "ANSWERS": json.dumps(ANSWERS), "DELAY_MS": str(delay_ms)}
    if protocol in ("https", "http2"):
        env["CERT"], env["KEY"] = map(str, certificate(place.sandbox))
    return Server(place, f"node-{protocol}", ["node", PROGRAMS / "server.js"], port, protocol in ("https", "http2"), env)


def python(place, port, kind, tls=False, delay_ms=0, ahead=()):
    """Python's http.server ("threads") or asyncio streams ("asyncio"), with or without ssl."""
    env = {"PORT": str(port), "KIND": kind, "ANSWERS": json.dumps(ANSWERS), "DELAY_MS": str(delay_ms)}
    if tls:
        env["CERT"], env["KEY"] = map(str, certificate(place.sandbox))
    return Server(place, f"python-{kind}", [*ahead, PYTHON, PROGRAMS / "server.py"], port, tls, env)


def grpc(place, port):
    """gRPC, clear text, Debian's grpcio: /lab.Echo/Ok, /lab.Echo/Missing, /lab.Echo/Stream."""
    return Server(place, "grpc", [PYTHON, PROGRAMS / "grpc_server.py"], port, False, {"PORT": str(port)})


def holds(place, port):
    """It takes connections and requests, and answers none."""
    return Server(place, "holds", [PYTHON, PROGRAMS / "asks.py", "holds", place.address, port], port, False)
