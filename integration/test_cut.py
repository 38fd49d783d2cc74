# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What ends before its end: uploads, TLS handshakes, connections that never come to be. Records say so, by what the client knows."""

import collections
import json

from lab.processes import wait_for
from lab.servers import PROGRAMS, PYTHON, nginx
from lab.verdict import expect, expect_equal, test
from lab.weftd import Weftd


def uploads(box, tls):
    server, client = nginx(box.namespace("server"), 8443 if tls else 8080, tls=tls), box.namespace("client")
    weftd = Weftd(box)
    weftd.start()
    observed = weftd.follow(server.workload)
    done = client.run([PYTHON, PROGRAMS / "cut_uploads.py", server.place.address, server.port, *["tls"] * tls], seconds=60)
    told = {row["path"]: row for row in map(json.loads, done.stdout.splitlines())}
    expect_equal({row["status"] for row in told.values()}, {200, 413}, "answers")
    rows = observed.rows(2 * len(told))
    for reporter in ("source", "destination"):
        found = {row["path"]: (row["status"], row["request_bytes"], row["incomplete"], row["flags"]) for row in rows if row["reporter"] == reporter}
        want = {path: (row["status"], row["sent"], [] if row["whole"] else ["upload_cut"], []) for path, row in told.items()}
        expect_equal(found, want, f"requests of the {reporter}")
    expect_equal(weftd.lost(), {}, "lost events")


@test("cut/uploads", needs=("nginx",))
def clear(box):
    """Answered before all of it was sent, or not: what was sent is counted, and a part says that it is one."""
    uploads(box, False)


@test("cut/uploads_tls", needs=("nginx",))
def encrypted(box):
    """The same over TLS."""
    uploads(box, True)


@test("cut/handshakes", needs=("curl", "nginx"))
def handshakes(box):
    """A server that refuses a ClientHello, and a client that refuses a certificate: nothing was there to be read."""
    server, client = nginx(box.namespace("server"), 8443, tls=True, versions="TLSv1.2"), box.namespace("client")
    weftd = Weftd(box)
    weftd.start()
    options = (("-k", "--tlsv1.3"), ("-k", "--ciphers", "ECDHE-RSA-AES128-GCM-SHA256", "--tls-max", "1.2"), ("--tls-max", "1.2"))
    for option in options:
        expect(client.run(["curl", "-s", *option, server.url("/ok/1")], check=False).returncode in (35, 60), f"curl {option} is not refused")

    def states():
        counts = collections.Counter()
        for have, value in weftd.metrics().rows("weft_tls_connections_total"):
            counts[have["reporter"], have["state"]] += value
        return +counts

    wait_for(lambda: sum(states().values()) == 2 * len(options), 10, "the state of each end")
    expect_equal(states(), {("source", "handshake"): len(options), ("destination", "handshake"): len(options)}, "states")
    expect_equal(weftd.records_lost(), {}, "what was not decoded")
