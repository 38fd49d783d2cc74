# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Reads the Prometheus text format."""

import re

LABEL = re.compile(r'(\w+)="((?:\\.|[^"\\])*)"')
SAMPLE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)")


class Metrics:
    def __init__(self, text):
        self.samples = [self.sample(line) for line in text.splitlines() if line and not line.startswith("#")]

    @staticmethod
    def sample(line):
        match = SAMPLE.match(line)
        if not match:
            raise ValueError(f"not a sample: {line!r}")
        return match[1], dict(LABEL.findall(match[2] or "")), float(match[3])

    def rows(self, name, **labels):
        """(labels, value) of each series of |name| whose labels have the given values."""
        return [(have, value) for sample, have, value in self.samples
                if sample == name and all(have.get(k) == v for k, v in labels.items())]

    def total(self, name, **labels):
        return sum(value for _, value in self.rows(name, **labels))

    def by(self, label, name, **labels):
        """{value of |label|: sum} without zeros."""
        sums = {}
        for have, value in self.rows(name, **labels):
            sums[have.get(label)] = sums.get(have.get(label), 0) + value
        return {key: value for key, value in sums.items() if value}
