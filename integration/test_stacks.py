# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""TLS that is not opened: each library is named with the programs that have it inside, and each connection says which it was."""

import json
import pathlib
import shutil
import subprocess

from lab.clients import PROGRAMS, java
from lab.processes import wait_for
from lab.servers import Server, certificate, nginx
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd

STATIC = ["-l:libssl.a", "-l:libcrypto.a", "-lz", "-lzstd", "-ldl", "-lpthread"]


def prometheus(place, port):
    """A server in Go."""
    folder = place.sandbox.dir
    cert, key = certificate(place.sandbox)
    (folder / "prometheus.yml").write_text("global: {}\n")
    (folder / "web.yml").write_text(f"tls_server_config:\n  cert_file: {cert.resolve()}\n  key_file: {key.resolve()}\n")
    return Server(place, "prometheus", ["prometheus", f"--config.file={folder}/prometheus.yml", f"--web.config.file={folder}/web.yml",
                                        f"--web.listen-address=0.0.0.0:{port}", f"--storage.tsdb.path={folder}/prometheus"], port, True)


def static_openssl(place, port):
    """A server with OpenSSL inside, which exports none of it."""
    program = place.sandbox.dir / "static_tls"
    cert, key = certificate(place.sandbox)
    subprocess.run(["gcc", "-O1", "-o", program, PROGRAMS / "static_tls.c", *STATIC], check=True)
    return Server(place, "static", [program, port, cert, key], port, True)


def boring(place, server):
    return place.run(["/usr/bin/python3", PROGRAMS / "boring_client.py", server.place.address, server.port]).stdout


def has_rustls():
    """Debian 13's tealdeer has OpenSSL."""
    return b"/rustls-" in pathlib.Path(shutil.which("tldr")).read_bytes()


def rustls(place, server):
    """A client that does not like the certificate, once it has read it."""
    home = place.sandbox.dir / "tldr"
    home.mkdir(exist_ok=True)
    done = place.run(["env", f"HOME={home}", f"HTTPS_PROXY=https://localhost:{server.port}", "tldr", "--update"], check=False)
    expect("certificate" in done.stderr, f"what tldr says: {done.stderr}")


UNREAD = """
import socket, ssl, sys, time
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
with context.wrap_socket(socket.create_connection(sys.argv[1:])) as s:
    time.sleep(0.5)  # it is looked at while it lives
"""


def unread(place, server):
    """A client whose OpenSSL lies in an overlay that a user mounted, as in rootless containers."""
    layer = place.sandbox.dir / "layer"
    if not layer.exists():
        layer.mkdir()
        for name in ("libssl.so.3", "libcrypto.so.3"):
            shutil.copy(next(pathlib.Path("/usr/lib").glob(f"*/{name}")), layer)
    script = f"mount -t overlay overlay -o lowerdir={layer.resolve()}:/usr/bin /mnt && LD_LIBRARY_PATH=/mnt exec /usr/bin/python3 -c \"$0\" $1 $2"
    place.run(["unshare", "-Urm", "sh", "-c", script, UNREAD, server.place.address, server.port])


TEXTS = {"go": "Go: no probe for its crypto/tls yet (go1.",
         "java": "Java: no probe for the TLS of its own classes",
         "openssl_static": "OpenSSL: linked into a file that does not export EVP_KDF_derive",
         "boringssl": "BoringSSL: no probe for this library yet",
         "rustls": "rustls: no probe for this library yet (0."}


def libraries_are_named(weftd, programs, talks):
    """Each is one line of `weft check`, with the program that has it inside and why it is not opened."""
    def rows():
        return [row for row in json.loads(weftd.command("check", "-o", "json").stdout)["libraries"] if "stack" in row]

    def missing():
        return programs.items() - {(row["stack"], row.get("program")) for row in rows()}

    def are_met():
        """A program may be gone before it is looked at."""
        for stack, _ in missing():
            talks.get(stack, lambda: None)()
        return not missing()

    wait_for(are_met, 60, f"rows of {programs}")
    lines = weftd.command("check").stdout.splitlines()
    for stack in programs:
        found = [line for line in lines if TEXTS[stack] in line]
        expect(len(found) == 1 and "not opened" in found[0] and ", in " in found[0], f"lines about {stack}: {found}")
    expect(str(weftd.program.resolve()) not in {row["path"] for row in rows()}, "weft does not find its own marks")


@test("tls/reasons", needs=("prometheus", "javac", "gcc", "tldr"), seconds=120)
def reasons(box):
    """Go, Java, BoringSSL, rustls and a static OpenSSL, each with another of them: so no end tells the secrets, and which it was is said."""
    weftd = Weftd(box)
    weftd.start()
    inside, client = box.namespace("inside"), box.namespace("client")
    go, static = prometheus(inside, 9090), static_openssl(inside, 9091)
    programs = {"go": "prometheus", "openssl_static": "static_tls", "boringssl": "python3", "java": "java"}
    talks = {"java": lambda: [java(client, server, 20) for server in (go, static)], "boringssl": lambda: [boring(client, server) for server in (go, static)]}
    talks["unread"] = lambda: [unread(client, server) for server in (go, static)]
    if has_rustls():
        programs["rustls"] = "tldr"
        talks["rustls"] = lambda: rustls(inside, go)
    libraries_are_named(weftd, programs, talks)

    follower = box.start([weftd.weft, "connections", "-f", "-o", "json", "--reporter", "both", "--socket", weftd.socket], "follower")
    ends = (f":{go.port}", f":{static.port}")

    def states():
        rows = [json.loads(line) for line in follower.output().splitlines() if line.endswith("}")]
        return {(row["reporter"], row["server"].rsplit(":")[-1], row["tls_state"])
                for row in rows if row["event"] == "closed" and row["server"].endswith(ends) and "tls_state" in row}

    def talks_are_told():
        for talk in talks.values():
            talk()
        return {("source", str(go.port), stack) for stack in talks} <= states()

    wait_for(talks_are_told, 60, f"a reason of each client: {states()}")
    want = {("source", "9090", stack) for stack in talks} | {("destination", "9090", "go")}
    want |= {("source", "9091", stack) for stack in ("java", "boringssl", "unread")} | {("destination", "9091", "openssl_static")}
    wait_for(lambda: want <= states(), 15, f"reasons {want}")
    expect(not {state for *_, state in states()} - {*programs, "unread", "no_secret"}, f"other reasons: {states()}")
    counted = {have["state"] for have, value in weftd.metrics().rows("weft_tls_connections_total") if value}
    expect({*programs, "unread"} <= counted, f"states that are counted: {counted}")
    edges = [json.loads(line) for line in weftd.command("edges", "-o", "json").stdout.splitlines()]
    told = next((edge for edge in edges if {"java", "boringssl", "unread"} <= set(edge.get("tls_states", ()))), None)
    expect(told and told["tls_states"][told["tls_state"]] == max(told["tls_states"].values()), f"why edges are not read: {edges}")
    header, *lines = [line.split() for line in weftd.command("edges").stdout.splitlines()]
    expect(header[-1] == "TLS" and [told["source"], f"{told['tls_state']}+"] in [[line[0], line[-1]] for line in lines], f"edges: {lines}")


@test("tls/off", needs=("curl", "nginx"))
def off(box):
    """What is not looked for is not called missing."""
    weftd = Weftd(box, "--tls", "off")
    weftd.start()
    server, client = nginx(box.namespace("server"), 8443, tls=True), box.namespace("client")
    client.run(["curl", "-sk", server.url("/ok/1")])

    def states():
        return {(have["reporter"], have["state"]): value for have, value in weftd.metrics().rows("weft_tls_connections_total")}

    wait_for(lambda: states() == {("source", "off"): 1, ("destination", "off"): 1}, 10, "the state of both ends")
    edges = [json.loads(line) for line in weftd.command("edges", "-o", "json").stdout.splitlines()]
    expect_equal([edge["tls_states"] for edge in edges if edge.get("tls_state") == "off"], [{"off": 1}], f"edges: {edges}")
