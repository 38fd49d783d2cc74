# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How a test says what it is and what it found."""

import shutil

TESTS = {}


class Skip(Exception):
    """The test cannot run here; the text says why."""


class Failure(Exception):
    """A promise was broken; the text says which and how."""


def test(name, seconds=60, needs=(), prepare=None, crowd=False):
    """Registers a function f(box) as the test |name|, given at most |seconds|; |needs| are programs. |prepare(build)| does
    beforehand, beside other tests, what takes long and needs nothing to itself; the test does it if that did not happen.
    |crowd|: nothing may break whatever else the machine does, so that two of them run at a time."""
    def register(function):
        TESTS[name] = Test(name, function, seconds, needs, prepare, crowd)
        return function
    return register


class Test:
    def __init__(self, name, function, seconds, needs, prepare, crowd):
        self.name, self.function, self.seconds, self.needs = name, function, seconds, needs
        self.prepare, self.crowd = prepare, crowd

    def missing(self):
        return [program for program in self.needs if not shutil.which(program)]

    def run(self, box):
        for program in self.missing():
            raise Skip(f"{program} is not installed")
        self.function(box)


def expect(condition, text):
    if not condition:
        raise Failure(text)


def expect_equal(found, wanted, what):
    """Equal numbers, strings, or dictionaries and counters; the difference is told."""
    if found == wanted:
        return
    if isinstance(wanted, dict):
        keys = sorted((k for k in set(found) | set(wanted) if found.get(k, 0) != wanted.get(k, 0)), key=str)
        lines = [f"  {key}: found {found.get(key, 0)}, wanted {wanted.get(key, 0)}" for key in keys[:15]]
        raise Failure(f"{what}: {len(keys)} differences\n" + "\n".join(lines))
    raise Failure(f"{what}: found {found!r}, wanted {wanted!r}")
