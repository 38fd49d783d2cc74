#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The same as converse_forgiving.py, as Node.js (converse.js) has them; every other conversation with its parser that forgives more."""

import json
import subprocess
import sys
from pathlib import Path

import forgiven


def main(*arguments):
    host, port, first, count = arguments[-4:]
    scheme = "https" if "--tls" in arguments else "http"
    plans = {seed: forgiven.plan(seed) for seed in range(int(first), int(first) + int(count))}
    lines = (json.dumps({"seed": seed, "forgives": bool(seed % 2), "url": f"{scheme}://{host}:{port}", "requests": [
        {"method": request.method, "path": request.path, "headers": dict(request.headers), "bytes": len(request.body)} for request in plan]})
        for seed, plan in plans.items())
    done = subprocess.run(["node", Path(__file__).with_name("converse.js")], input="\n".join(lines), stdout=subprocess.PIPE, text=True, check=True)
    for line in done.stdout.splitlines():
        seed, answers = json.loads(line)
        told = [forgiven.told(request, seed, number, *answer) for number, (request, answer) in enumerate(zip(plans[seed], answers)) if answer]
        print(json.dumps({"seed": seed, "asked": [[request.method, request.path] for request in plans[seed]], "answers": told}), flush=True)


main(*sys.argv[1:])
