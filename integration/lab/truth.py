# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the other programs say themselves: exchanges of access logs, and the mixed work that clients are given."""

import collections
import json

Exchange = collections.namedtuple("Exchange", "method path status bytes seconds", defaults=(0.0,))

# What a path answers, on every server of ours: kind -> (status, body bytes).
ANSWERS = {"ok": (200, 12), "page": (200, 5000), "big": (200, 100000), "missing": (404, 9), "broken": (500, 6),
           "busy": (503, 0), "moved": (301, 0), "empty": (204, 0)}
# Most answers are fine, some are not, few are large.
MIX = ["ok"] * 9 + ["page"] * 3 + ["missing"] * 2 + ["broken", "busy", "moved", "empty"] + ["ok"] * 5 + ["big"]


def paths(kinds=MIX, variants=10):
    """Distinct paths in the proportions of |kinds|."""
    return [f"/{kind}/{place}-{variant}" for variant in range(variants) for place, kind in enumerate(kinds)]


def read_log(path):
    """Exchanges of an access log of JSON lines (the servers here write it, nginx by its log_format)."""
    with open(path) as log:
        return [exchange_of(json.loads(line)) for line in log if line.endswith("\n")]


def exchange_of(row):
    """nginx counts HTTP/2 frame headers and chunk sizes into its body bytes: the announced length is the body."""
    size, status = row["bytes"], int(row["status"])  # nginx writes 000 where there was none, which is no number in JSON
    if row.get("length"):
        size = int(row["length"])
    if row["method"] == "HEAD" or status in (204, 304):
        size = 0
    return Exchange(row["method"], row["path"], status, size, row.get("seconds", 0.0))


def tally(exchanges):
    return collections.Counter((e.method, e.path, e.status) for e in exchanges)


def by_status(exchanges):
    return dict(collections.Counter(e.status for e in exchanges))


def body_bytes(exchanges):
    return sum(e.bytes for e in exchanges)
