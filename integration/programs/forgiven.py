# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Answers at random in forms that RFC 9112 does not have and that some clients forgive, and the plan of a client that asks for
them one after the other."""

import grammar

SHARE = 0.12  # of the answers that have a form


def field_forms(dice):
    """(form, line) of fields that mean nothing. The line without a colon comes last: for some it ends the fields."""
    odd = [("control", "X-Odd: a\x01b\x7f"), ("name", "X@(Y): z"), ("space_in_name", "X-Space : b"), ("obs_fold", "X-Fold: b\r\n c"),
           ("bare_cr", "X-Cr: b\rc"), ("no_colon", "Nothing")]
    return [form for form in odd if dice.random() < SHARE]


def head(first, fields, dice):
    """(bytes, forms)"""
    forms = set()
    if "HTTP/1.1" in first and dice.random() < SHARE:
        first = first.replace("HTTP/1.1", "HTTP/1.2")
        forms.add("version")
    if dice.random() < SHARE:
        first = " ".join(first.split()[:2])  # no reason, nothing that has a name
    lines = [first]
    for name, value in fields:
        twice = name == "Content-Length" and dice.random() < SHARE
        lines += [f"{name}: {value}"] * (1 + twice)
        forms |= {"length_twice"} if twice else set()
    for form, line in field_forms(dice):
        lines.append(line)
        forms.add(form)
    ends = dice.random() < 2 * SHARE
    text = b""
    for line in (*lines, ""):
        text += line.encode("latin-1") + grammar.line_end(dice if ends else None, forms, "bare_lf")
    return text, forms


def chunks(body, dice):
    """(bytes, forms) of |body| in chunks."""
    space, ends, extension = (dice.random() < SHARE for _ in range(3))
    text, forms, rest = [], set(), memoryview(body)
    while True:
        part = rest[:max(dice.choice([1, 5, 300, 4000, len(rest)]), len(rest) // 2000)]
        rest = rest[len(part):]
        line = f"{len(part):x}"
        if space:
            line += dice.choice([" ", "\t"])
            forms.add("chunk_space")
        if extension:
            line += ";\x01"
            forms.add("chunk_extension")
        text += [line.encode(), grammar.line_end(dice if ends else None, forms, "chunk_bare_lf"), part,
                 grammar.line_end(dice if ends else None, forms, "chunk_bare_lf" if part else "bare_lf")]
        if not part:
            return b"".join(text), forms


def answer(seed, number, method):
    """(status, bytes before the body, body as it is sent, forms, whether the connection ends with it)"""
    plan, dice = grammar.response(seed, number), grammar.seeded("forgiven", seed, number)
    old = plan.framing == "close" and dice.random() < 0.5
    first = f"HTTP/1.{0 if old else 1} {plan.status} Said"
    fields = plan.headers + grammar.framing_header(plan.framing, plan.body)
    before, forms = head(first, fields, dice)
    body, of_chunks = chunks(plan.body, dice) if plan.framing == "chunked" else (plan.body, set())
    if method == "HEAD" or plan.framing == "none":
        body, of_chunks = b"", set()
    between = b"\r\n" if number and dice.random() < SHARE / 2 else b""
    return plan.status, between + before, body, forms | of_chunks, plan.framing == "close"


def meant(seed, number, method):
    """The body, as a client has it that understands the answer."""
    return b"" if method == "HEAD" else grammar.response(seed, number).body


def plan(seed):
    """Requests of a client that waits for each answer."""
    return [request._replace(framing="length" if request.body else "none", expect=False)
            for request in grammar.conversation(seed, orders=True).requests]


def told(request, seed, number, status, size):
    """What a client that accepted the answer tells of it."""
    forms = answer(seed, number, request.method)[3]
    return [request.method, request.path, status, size, True, len(request.body), sorted(forms)]
