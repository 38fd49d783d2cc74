# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the gates look at: the C files of the project, and where their functions begin and end."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ["base", "bpf", "datapath", "mesh-config", "control"]


def c_files():
    """Paths of all .c and .h files relative to the root, sorted."""
    found = [f for folder in FOLDERS for end in ("c", "h") for f in (ROOT / folder).glob(f"**/*.{end}")]
    return sorted(str(f.relative_to(ROOT)) for f in found)


def read(path):
    return (ROOT / path).read_text()


def functions(text):
    """(first line number, lines) of each function. The format puts a function's braces, and nothing
    else's, alone into column 0."""
    lines = text.split("\n")
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            head = start
            while head > 0 and lines[head - 1].strip() and not lines[head - 1].startswith(("}", "/*", " *", "//", "#")):
                head -= 1
            yield head + 1, lines[head:number + 1]
            start = None


def rows(text, table, others=None):
    """The cells of each X(...) of the X-macro |table|; strings without their quotes. |others|: {name: text} of the tables
    that may stand among its rows."""
    string = r'"(?:\\.|[^"\\])*"'
    nested = rf"\((?:{string}|[^()\"]|\((?:{string}|[^()\"]|\([^()]*\))*\))*\)"
    body = re.search(r"#define " + table + r"\(X(?:, \w+)*\)((?:[^\\\n]|\\\n|\\.)*)", text)[1]
    body = re.sub(r'"\s*\\\n\s*"', "", body)  # one string in several pieces
    for name, entry in re.findall(rf"\b(X|[A-Z][A-Z_]+)({nested})", body.replace("\\\n", " ")):
        if name == "X":
            yield [cell.strip().strip('"') for cell in re.findall(rf"(?:{string}|{nested}|[^,\s(])(?:{nested}|[^,(])*", entry[1:-1])]
        elif others:
            yield from rows(others[name], name, others)


def fields(body):
    """Names of what a structure without comments has between its braces; of a member that is a structure member.field. Bit
    fields have no place of their own and are left out."""
    while body.strip():
        inner = re.match(r"\s*(?:struct|union) \{", body)
        if not inner:
            member, _, body = body.partition(";")
            if " : " in member:
                continue
            yield re.search(r"(\w+)(?:\[[^]]*\])*\s*$", member)[1]
            continue
        end, depth = inner.end(), 1
        while depth:
            depth += {"{": 1, "}": -1}.get(body[end], 0)
            end += 1
        name = re.match(r" ?(\w*)((?:\[[^]]*\])*);", body[end:])
        prefix = name[1] and name[1] + re.sub(r"\[[^]]*\]", "[0]", name[2]) + "."
        yield from (prefix + field for field in fields(body[inner.end():end - 1]))
        body = body[end + name.end():]


def finish(problems):
    """Prints the problems; the exit status for them."""
    problems = list(problems)
    for problem in problems:
        print(problem)
    return 1 if any(": warning: " not in p for p in problems) else 0


def expect(condition, what):
    """For self-tests."""
    if not condition:
        raise SystemExit(f"self-test: {what}")
