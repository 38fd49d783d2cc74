# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""HTTP/1 in forms that servers and clients forgive (programs/lenient.py): each answer that the client received is one record of
both reporters with its status and its bytes, whether the server went on or refused; what was forgiven is named."""

import collections
import importlib.util
import json

from lab import servers
from lab.servers import PROGRAMS, PYTHON, certificate
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd

PROGRAM = PROGRAMS / "lenient.py"
REPORTERS = ("source", "destination")
OPEN = ("chunk_size", "transfer_coding")  # where such a body ends is not known, whatever the server makes of it
CGI = """#!/usr/bin/python3
import os, sys
read = sys.stdin.read(int(os.environ.get("CONTENT_LENGTH") or 0))
sys.stdout.write(f"Content-Type: text/plain\\r\\n\\r\\n{len(read)} bytes")
"""


def table(name):
    spec = importlib.util.spec_from_file_location("lenient", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def nginx(place, port, tls):
    """Stores what is PUT."""
    extra = f'\n\t\tlocation /put/ {{ root "{place.sandbox.dir}"; dav_methods PUT; create_full_put_path on; }}'
    return servers.nginx(place, port, tls=tls, extra=extra), "PUT", "/put/"


def node(place, port, tls):
    return servers.node(place, port, "https" if tls else "http"), "POST", "/ok/"


def http_server(place, port, tls):
    return servers.python(place, port, "threads", tls=tls), "POST", "/ok/"


def cgi(place, port, tls):
    """Its scripts run as the user nobody."""
    folder = place.sandbox.open_folder()
    script = folder / "cgi-bin" / "answer.py"
    script.parent.mkdir(parents=True)
    script.write_text(CGI)
    script.chmod(0o755)
    return servers.Server(place, "cgi", [PYTHON, "-m", "http.server", "--cgi", "--bind", "::", "--directory", folder, port], port, tls), "POST", "/cgi-bin/answer.py/"


def shorten(rows):
    return [{name: row.get(name) for name in ("status", "request_bytes", "response_bytes", "flags", "incomplete", "lenient")} for row in rows]


def judge(told, rows):
    """None, or what is wrong with the |rows| of one answer."""
    if len(rows) != 1:
        return "not one record"
    row = rows[0]
    if (row["status"], row["response_bytes"]) != (told["status"], told["bytes"]):
        return "another answer"
    if "lost" in row["incomplete"] and row["path"].endswith("-cut"):
        return None  # the server closed before all of it was sent, and that is said
    if told["form"] not in row.get("lenient", []) if told["form"] else "lenient" in row:
        return "another form"
    if told["status"] < 300 and told["form"] not in OPEN and (row["flags"] or set(row["incomplete"]) - {"times"}):
        return "something is missing"
    if told["form"] in OPEN and "body" not in row["incomplete"]:
        return "no mark"
    if told.get("stored") not in (None, row["request_bytes"]):
        return f"{told['stored']} bytes were stored"
    return None


def differences(told, rows):
    """Of the records of one reporter. A request that cannot be parsed has no path: its answer is all that is known."""
    found = collections.defaultdict(list)
    for row in rows:
        found[row["method"], row["path"]].append(row)
    taken = 0
    unparsed = collections.Counter((row["status"], row["response_bytes"]) for row in found.pop(("unknown", "unknown"), []))
    for row in told:
        mine = found.pop((row["method"], row["path"]), [])
        if row["status"] is None:  # it did not receive what the server answered
            taken += not mine
            continue
        if not mine and unparsed[row["status"], row["bytes"]] > 0 and row["status"] >= 400:
            unparsed[row["status"], row["bytes"]] -= 1
            continue
        wrong = judge(row, mine)
        if wrong:
            yield f"{row}: {wrong}: {shorten(mine)}"
    for key, mine in found.items():
        if any(row["status"] for row in mine):
            yield f"nobody received {key}: {shorten(mine)}"
    if sum(unparsed.values()) > taken:
        yield f"nobody received {+unparsed}, of {taken} answers that a reset took away"


def compare(weftd, told, rows):
    lines = [f"{reporter}: {line}" for reporter in REPORTERS
             for line in differences(told, [row for row in rows if row["reporter"] == reporter])]
    print(f"{len(told)} answers, {len(lines)} differences", *lines, sep="\n", flush=True)
    expect(not lines, "\n".join([f"{len(lines)} differences", *lines[:20]]))
    expect_equal(weftd.lost(), {}, "lost events")


def compare_requests(box, make, tls):
    place, client = box.namespace("server"), box.namespace("client")
    server, method, prefix = make(place, 8443 if tls else 8080, tls)
    weftd = Weftd(box)
    weftd.start()
    observed = weftd.follow(server.workload)
    done = client.run([PYTHON, PROGRAM, "ask", place.address, server.port, method, prefix, *["--tls"] * tls], seconds=100)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    for row in told:
        stored = box.dir / row["path"][1:]
        if row["method"] == "PUT" and stored.is_file():
            row["stored"] = stored.stat().st_size
    accepted = {row["form"] for row in told if row["status"] and row["status"] < 300}
    print("accepted:", *sorted(accepted - {""}))
    expect(len(told) > len(table("REQUESTS")) and len(accepted) > 1, f"{len(told)} answers, {accepted} accepted prove nothing")
    compare(weftd, told, observed.rows(2 * len(told)))


for name, make, kinds in (("nginx", nginx, (False, True)), ("node", node, (False, True)), ("python", http_server, (False, True)), ("python_cgi", cgi, (False,))):
    for tls in kinds:
        @test(f"lenient/{name}{'_tls' * tls}", needs=("nginx", "node"), seconds=90)
        def requests(box, make=make, tls=tls):
            """Requests that the server forgives or refuses, whole and cut."""
            compare_requests(box, make, tls)


@test("lenient/curl", needs=("curl",), seconds=90)
def answers(box):
    """Answers that curl forgives or not, clear and over TLS."""
    place, client = box.namespace("server"), box.namespace("client")
    clear = servers.Server(place, "clear", [PYTHON, PROGRAM, "serve", 8080], 8080, False)
    tls = servers.Server(place, "tls", [PYTHON, PROGRAM, "serve", 8443, *certificate(box)], 8443, True)
    weftd = Weftd(box)
    weftd.start()
    observed = weftd.follow(place.workload)
    told = []
    for server in (clear, tls):
        for name, (form, _) in table("ANSWERS").items():
            path = f"/{name}/{server.port}"
            done = client.run(["curl", "-qsk", "--http1.1", "-o", "/dev/null", "-m", 5, "-w", "%{exitcode} %{http_code} %{size_download}", server.url(path)], check=False)
            code, status, size = map(int, done.stdout.split())
            if not code:
                told.append({"form": form, "method": "GET", "path": path, "status": status, "bytes": size})
    print("accepted:", *sorted({row["form"] for row in told} - {""}))
    expect(len(told) > len(table("ANSWERS")), f"{len(told)} answers prove nothing")
    known = {row["path"] for row in told}
    compare(weftd, told, [row for row in observed.rows() if row["path"] in known])


for tls in (False, True):
    @test(f"lenient/simple{'_tls' * tls}", needs=("nginx",))
    def simple(box, tls=tls):
        """Answers to requests of HTTP/0.9 have no head: they are records that say so."""
        place, client = box.namespace("server"), box.namespace("client")
        server = servers.nginx(place, 8080, tls=tls)
        weftd = Weftd(box)
        weftd.start()
        observed = weftd.follow(server.workload)
        paths = [f"/{kind}/{number}" for kind in ("ok", "page", "big") for number in range(4)]
        done = client.run([PYTHON, PROGRAMS / "simple.py", *["--tls"] * tls, place.address, server.port, *paths])
        told = dict(zip(paths, map(int, done.stdout.split())))
        expect(min(told.values()) > 0, f"{told} proves nothing")
        rows = observed.rows(2 * len(paths))
        expect({"status"} <= set.intersection(*(set(row["incomplete"]) for row in rows)), f"a status is known: {shorten(rows)}")
        for reporter in REPORTERS:
            mine = [(row["method"], row["path"], row["protocol"], row["status"], row["response_bytes"]) for row in rows if row["reporter"] == reporter]
            expect_equal(sorted(mine), sorted(("GET", path, "http0.9", None, size) for path, size in told.items()), f"records of {reporter}")
