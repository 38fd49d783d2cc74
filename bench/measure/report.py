# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Tables of the results in Markdown: to read on a terminal and to paste."""

from measure.results import CPU
from measure.workloads import WORKLOADS

BUSY = 0.5  # load average of a machine that does something else


def markdown(results, verdicts, variants):
    parts = ["# What weft costs", about(results.about), "## Bars (weft with everything on)", bars(verdicts),
             "## Throughput, as a share of bare", ratios(results, variants, "throughput"),
             "## p50, as a multiple of bare", ratios(results, variants, "p50"),
             "## CPU of all that take part per request (connection, MiB), as a multiple of bare",
             ratios(results, variants, "cpu"), "## Absolute: median (least to most) of the rounds", absolute(results, variants)]
    if results.memory:
        parts += ["## Memory of the agent with 1,000 connections open, MiB", memory(results.memory)]
    if results.programs:
        parts += ["## Run time of BPF programs (a separate run: measuring costs)", programs(results.programs)]
    return "\n\n".join(parts) + "\n"


def about(facts):
    lines = [f"- {name}: {value}" for name, value in facts.items()]
    if facts["load before"] > BUSY:
        lines.append("- **the machine was busy with something else: what follows is noise, the CPU figures least**")
    return "\n".join(lines)


def table(head, rows):
    """All cells as text; the columns are padded so that it reads well unrendered."""
    rows = [[str(c) for c in row] for row in rows]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(row, widths)) + " |" for row in lines)


def bars(verdicts):
    return table(["bar", "workload", "wanted", "measured", ""],
                 [[v.text, v.workload, v.limit, f"{v.value:.3g}", "PASS" if v.passed else "MISS"] for v in verdicts])


def ratios(results, variants, figure):
    others = [v for v in variants if v != "bare"]
    rows = []
    for name, workload in WORKLOADS.items():
        cells = [spread(results.ratios(v, name, figure), results.ratio(v, name, figure), "{:.2f}") for v in others]
        if any(cells):
            rows.append([workload.title, *cells])
    return table(["workload", *others], rows)


def absolute(results, variants):
    head = ["workload", "variant", "per second", "p50 us", "p99 us", *(f"{who} us" for who in CPU), "not right"]
    rows = []
    for name, workload in WORKLOADS.items():
        for variant in (v for v in variants if results.has(v, name)):
            figures = [spread(results.values(variant, name, "throughput"), results.figure(variant, name, "throughput"), "{:,.0f}")]
            figures += [number(results.figure(variant, name, f)) for f in ("p50", "p99", *CPU)]
            rows.append([f"{workload.title} ({workload.unit}s)", variant, *figures, troubles(results, variant, name)])
    return table(head, rows)


def troubles(results, variant, workload):
    """What makes a cell doubtful: failures of the client, events lost, requests that weft did not report twice."""
    found = []
    if failed := sum(results.values(variant, workload, "errors")):
        found.append(f"{failed:.0f} failed")
    for lost in results.values(variant, workload, "lost_by"):
        found += [f"{count:.0f} lost ({reason})" for reason, count in lost.items()]
    reported, units = (results.values(variant, workload, f) for f in ("requests_reported", "units"))
    off = sum(reported) - 2 * sum(units)
    if sum(reported) and not 0 <= off <= 2 * len(reported) * WORKLOADS[workload].in_flight:
        found.append(f"{off:+.0f} reported")
    return ", ".join(found)


def spread(values, middle, form):
    """The median with least and most behind it."""
    if not values:
        return ""
    return form.format(middle) + (f" ({form.format(min(values))} to {form.format(max(values))})" if len(values) > 1 else "")


def number(value):
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def memory(found):
    return table(["open connections", "RSS", "PSS", "anonymous"],
                 [[f"{row['connections']:.0f} ({name})", *(f"{row[k]:.1f}" for k in ("rss_mib", "pss_mib", "anonymous_mib"))]
                  for name, row in found.items()])


def programs(found):
    rows = [[WORKLOADS[name].title, row["program"], f"{row['runs_per_unit']:.2f}", f"{row['ns_per_run']:.0f}",
             f"{row['ns_per_unit']:.0f}"] for name, some in found.items() for row in some if row["ns_per_unit"] >= 1]
    return table(["workload", "program", "runs per unit", "ns per run", "ns per unit"], rows)
