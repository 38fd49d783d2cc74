# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Everything that was measured, round by round, and the medians of it."""

import statistics

CPU = ("server", "client", "proxies", "agent")


class Results:
    def __init__(self, about):
        self.about = about
        self.cells = {}  # (variant, workload) -> {round: cell}
        self.memory = {}  # of weft with everything on
        self.programs = {}  # workload -> [row of the kernel's statistics]

    def add(self, variant, workload, round_, cell):
        self.cells.setdefault((variant, workload), {})[round_] = cell

    def has(self, variant, workload):
        return (variant, workload) in self.cells

    def values(self, variant, workload, figure):
        """Of each round; empty where it was not measured."""
        cells = self.cells.get((variant, workload), {}).values()
        return [cell[figure] for cell in cells if cell.get(figure) is not None]

    def figure(self, variant, workload, figure):
        """The median over rounds, None where there is none."""
        values = self.values(variant, workload, figure)
        return statistics.median(values) if values else None

    def ratios(self, variant, workload, figure):
        """To bare, within each round: what disturbs the machine for a while disturbs both."""
        mine, bare = (self.cells.get((v, workload), {}) for v in (variant, "bare"))
        return [mine[r][figure] / bare[r][figure] for r in mine if r in bare and mine[r].get(figure) and bare[r].get(figure)]

    def ratio(self, variant, workload, figure):
        ratios = self.ratios(variant, workload, figure)
        return statistics.median(ratios) if ratios else None

    def as_json(self, verdicts):
        cells = [{"variant": v, "workload": w, "rounds": list(rounds.values())} for (v, w), rounds in self.cells.items()]
        return {"about": self.about, "cells": cells, "memory": self.memory, "programs": self.programs,
                "bars": [verdict._asdict() for verdict in verdicts]}


def cell(result, cpu_before, cpu_after, facts):
    """One measurement: rate, latencies, CPU microseconds per unit by who used them."""
    used = {name: (cpu_after[name] - cpu_before[name]) / max(1, result.units) for name in CPU}
    return {"throughput": result.per_second, "units": result.units, "p50": result.p50_us, "p99": result.p99_us,
            "errors": result.errors, "cpu": sum(used.values()), **used, **facts}
