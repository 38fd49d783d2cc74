# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Looks into weft: the agent's memory with many connections, the run time of each BPF program."""

import json
import pathlib
import re
import subprocess
import threading
import time

from measure.workloads import WORKLOADS, Wrk

CONNECTIONS = 1000


def agent_memory(weft, protocol, seconds=3):
    """MiB of loader and worker together while |CONNECTIONS| are open and busy."""
    load = Wrk("memory", "", protocol, CONNECTIONS)
    weft.start()
    client = threading.Thread(target=load.run, args=(weft.world.client, weft.endpoint(protocol), seconds))
    client.start()
    time.sleep(seconds * 0.8)
    found = memory_mib(weft.pids())
    found["connections"] = weft.weftd.metrics().total("weft_observed_connections")
    client.join()
    weft.stop()
    return found


def memory_mib(pids):
    """Sums over processes: |rss| counts shared pages in each, |pss| once, |anonymous| is memory of their own."""
    sums = {"rss_mib": 0, "pss_mib": 0, "anonymous_mib": 0}
    fields = {"Rss:": "rss_mib", "Pss:": "pss_mib", "Pss_Anon:": "anonymous_mib"}
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, *rest = line.split()
            if name in fields:
                sums[fields[name]] += int(rest[0]) / 1024
    return sums


def program_times(weft, workload, seconds=2):
    """[{program, runs and nanoseconds per unit, nanoseconds per run}], the dearest first; |weft| has --statistics."""
    weft.start()
    before = program_counters(weft)
    result = WORKLOADS[workload].run(weft.world.client, weft.endpoint(WORKLOADS[workload].protocol), seconds)
    after = program_counters(weft)
    weft.stop()
    rows = []
    for program, (runs, ns) in after.items():
        runs, ns = runs - before.get(program, (0, 0))[0], ns - before.get(program, (0, 0))[1]
        if runs > 0:
            rows.append({"program": program, "runs_per_unit": runs / result.units, "ns_per_run": ns / runs,
                         "ns_per_unit": ns / result.units})
    return sorted(rows, key=lambda row: -row["ns_per_unit"])


def program_counters(weft):
    """{program: (runs, nanoseconds)} as the kernel has them."""
    ids = {number for pid in weft.pids() for number in program_ids(pid)}
    shown = subprocess.run(["bpftool", "--json", "prog", "show"], stdout=subprocess.PIPE, check=True).stdout
    return {p["name"]: (p.get("run_cnt", 0), p.get("run_time_ns", 0)) for p in json.loads(shown) if p["id"] in ids}


def program_ids(pid):
    """Of the programs that a process holds, itself or through their links."""
    for info in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        yield from map(int, re.findall(r"^prog_id:\s+(\d+)$", info.read_text(), re.M))
