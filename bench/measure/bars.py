# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What weft with everything on may cost: the one table, and how a result is held against it."""

import collections

ONE = ("http1-1", "h2c-1", "tls1-1", "tls2-1")
FULL = ("http1-32", "h2c-20x10", "tls1-32", "tls2-20x10")

# |figure| is one of: p50 and throughput (as a share of bare), agent (CPU microseconds per request, both reporters
# together), memory (MiB resident).
Bar = collections.namedtuple("Bar", "figure workloads at_most at_least text")
BARS = (
    Bar("p50", ONE, 1.05, None, "p50 at 1 connection, of bare"),
    Bar("throughput", FULL, None, 0.85, "throughput of the saturated machine, of bare"),
    Bar("throughput", ("bulk",), None, 0.90, "bulk throughput, of bare"),
    Bar("throughput", ("connect",), None, 0.90, "new TLS connections per second, of bare"),
    Bar("agent", FULL + ONE, 5.0, None, "agent CPU in us per request"),
    Bar("memory", ("memory-http1", "memory-tls1"), 40.0, None, "agent RSS in MiB at 1,000 connections"),
)
JUDGED = "weft"

Verdict = collections.namedtuple("Verdict", "text workload value limit passed")


def judge(results):
    """A Verdict for each bar and workload that was measured."""
    return [verdict(bar, workload, value) for bar in BARS for workload in bar.workloads
            if (value := measured(results, bar.figure, workload)) is not None]


def measured(results, figure, workload):
    if figure == "memory":
        return results.memory.get(workload, {}).get("rss_mib")
    if figure == "agent":
        return results.figure(JUDGED, workload, "agent")
    return results.ratio(JUDGED, workload, figure)


def verdict(bar, workload, value):
    passed = value <= bar.at_most if bar.at_most else value >= bar.at_least
    return Verdict(bar.text, workload, value, f"<= {bar.at_most:g}" if bar.at_most else f">= {bar.at_least:.2f}", passed)
