# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Conversations at random (programs/grammar.py) of many pairs of a client and a server under one weftd: each answer that a
client received is one record, of both reporters, with its status, path and bytes or a mark; nothing else is recorded."""

import collections
import datetime
import hashlib
import json
import os
import subprocess
import time

from lab.processes import wait_for
from lab.sandbox import ROOT, ip
from lab.servers import PROGRAMS, PYTHON
from lab.verdict import expect
from lab.weftd import Weftd

AT_ONCE = 4  # pairs
ROUND = 250  # conversations of a pair at most before records are compared
SHOWN = 20
FIRST_PORT = 9000
REPORTERS = ("source", "destination")
WITHOUT = "without"
ASKED_SEED, ASKED_COUNT, ASKED_PAIRS = (os.environ.get(f"CONVERSATIONS{name}") for name in ("_SEED", "", "_PAIRS"))


def first_seed():
    """New with each commit; where there is none, with each day."""
    if ASKED_SEED:
        return int(ASKED_SEED)
    git = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    said = git.stdout.strip() or datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    return int(hashlib.sha256(said.encode()).hexdigest()[:6], 16) * 1000


class Pair:
    """|make|(place, port) starts the server; |program| is the client's, with the options |talk|."""

    def __init__(self, name, make, program="converse.py", talk=()):
        self.name, self.make, self.program, self.talk = name, make, program, talk
        self.server = self.port = None
        self.counts = collections.Counter()

    def begin(self, place, port):
        self.port = port
        self.server = self.make(place, port)

    def converse(self, client, first, count):
        """Started: its process."""
        if not self.server.process.alive():
            self.begin(self.server.place, self.port)
        tls = ["--tls"] if self.server.tls else []
        return client.start([PYTHON, "-B", PROGRAMS / self.program, *tls, *self.talk, self.server.place.address, self.port, first, count],
                            f"{self.name}-{first}")


# ---- the world

def plain_frames(place):
    """What leaves the interface is what is on the cable: no frame larger than it takes, no checksum left to the card."""
    place.run(["ethtool", "-K", "eth0", "tso", "off", "gso", "off", "gro", "off", "tx", "off"])


def bad_cable(box, client, number):
    """Between the client and the bridge."""
    far = f"{client.role[:8]}{client.number}"
    ip("link", "set", far, "nomaster", netns=box.hub)
    ip("link", "add", "cable", "netns", box.hub, "type", "veth", "peer", "name", "cable-far", "netns", box.hub)
    ip("link", "set", "cable-far", "master", "bridge", "up", netns=box.hub)
    ip("link", "set", "cable", "up", netns=box.hub)
    process = box.start([PYTHON, PROGRAMS / "jumble.py", number, far, "cable"], "jumble", netns=box.hub)
    wait_for(lambda: "ready" in process.output(), 10, "the cable")


def converse(client, shares, seconds):
    """{pair: what its clients tell} of |shares| [(pair, first seed, count)], some at once."""
    told, waiting, running = collections.defaultdict(list), list(shares), []
    end = time.monotonic() + seconds
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            pair, *seeds = waiting.pop(0)
            running.append((pair, pair.converse(client, *seeds)))
        for pair, process in list(running):
            if process.alive():
                continue
            expect(process.popen.returncode == 0, f"{pair.name}: {process.output()[-1500:]}")
            told[pair] += [json.loads(line) for line in process.output().splitlines()]
            running.remove((pair, process))
        expect(time.monotonic() < end, f"conversations did not end within {seconds} s: {[pair.name for pair, _ in running]}")
        time.sleep(0.02)
    return told


def end_connections(client, place, pairs):
    """A record comes when its connection ends: that of a client that left while the server did not read, with the server."""
    def alive():
        lines = [line.split() for each in (client, place) for line in each.run(["ss", "-Htan"]).stdout.splitlines()]
        return [line[3:5] for line in lines if line[0] not in ("LISTEN", "TIME-WAIT")]
    try:
        wait_for(lambda: not alive(), 3, "the end of all connections")
    except TimeoutError:
        held = {address.rpartition(":")[2] for ends in alive() for address in ends}
        for pair in pairs:
            if str(pair.port) in held:
                pair.server.process.stop()


# ---- the comparison

def marks(row):
    """What a record says that it does not know, of what is compared."""
    return set(row["incomplete"]) - {"times", "upload_cut"}


def judge_answer(answer, rows):
    """None, or what is wrong with the records |rows| of what the client received. WITHOUT are words for what is missing or said to be."""
    _, _, status, size, whole, sent, forms = answer
    if len(rows) != 1:
        return f"{len(rows)} records" if rows else f"{WITHOUT} a record"
    row = rows[0]
    if row["status"] != status:
        return f"{WITHOUT} its answer" if row["status"] is None and marks(row) else f"status {row['status']}"
    told = set(row.get("lenient", []))
    if sent is not None and (told - set(forms) if marks(row) else told != set(forms)):
        return f"its forms are {forms}"
    if marks(row):
        return None
    if row["response_bytes"] != size if whole else row["response_bytes"] < size:
        return f"{row['response_bytes']} bytes without a mark"
    if sent not in (None, row["request_bytes"]) and "upload_cut" not in row["incomplete"]:
        return f"{row['request_bytes']} bytes of the request without a mark"
    return None


def last_try(rows):
    """|rows| without what a server did not answer because it closed the connection, where the client asked again on another one."""
    closed = [row for row in rows if row["status"] == 0 and set(row["flags"]) & {"UC", "UR"}]
    rest = [row for row in rows if row not in closed] or closed[-1:]
    return rest if len({row["client"] for row in rows}) == len(rows) else rows


def judge_unanswered(key, reset, rows):
    """The same of what was not answered; |reset|: the server said so, and then this is what is recorded."""
    if len(rows) > 1:
        return f"{len(rows)} records of what was not answered"
    if reset and any(row["status"] and not marks(row) for row in rows):
        return f"status {rows[0]['status']}, but it was reset"
    return f"{WITHOUT} a record of what was reset" if reset and not rows and key[0] != "?" else None


def is_of(row, talk):
    """Whether |row| may be of the connection of |talk|; a client that has only one tells its address."""
    return talk.get("client") in (None, row["client"])


def judge_malformed(talk, answer, path, found, unparsed):
    """judge_answer() of what is no request, which a server may take for one all the same. |unparsed|: records of answers to nothing known."""
    mine = [row for key in [key for key in found if (key[1] or "").partition("?")[0] == path] for row in found.pop(key)]
    fitting = [row for row in unparsed if is_of(row, talk) and not judge_answer(answer, [row])] if answer and not mine else []
    if fitting:
        unparsed.remove(fitting[0])
        return None, mine
    return judge_answer(answer, mine) if answer else None, mine


def differences(told, rows):
    """Of one reporter's records with what the clients of a pair tell, as (seed, whether something is but missing, line)."""
    found = collections.defaultdict(list)
    methods = {path: method for talk in told for method, path in talk["asked"]}
    for row in rows:
        found[key_of(row, methods)].append(row)
    unparsed = sorted(found.pop(("unknown", "unknown"), []), key=lambda row: len(marks(row)))
    unheard, unseen = [], []
    for talk in told:
        answered = {(method, path): [method, path, *rest] for method, path, *rest in talk["answers"]}
        resets = set(map(tuple, talk.get("reset", ())))
        for key in map(tuple, talk["asked"]):
            answer = answered.get(key)
            if key[0] == "?":
                wrong, mine = judge_malformed(talk, answer, key[1], found, unparsed)
                unheard += [] if answer or mine else [(talk, None)]
            else:
                mine = last_try(found.pop(key, [])) if talk.get("asks_again") else found.pop(key, [])
                wrong = judge_answer(answer, mine) if answer else None
                if not mine:
                    unsure = unheard if talk.get("refused") and not answer else unseen
                    unsure.append((talk, answer[2] if answer else None))
            wrong = wrong if answer else judge_unanswered(key, key in resets, mine)
            if wrong:
                yield talk["seed"], wrong.startswith(WITHOUT), f"{' '.join(key)}: {(answer or ['', '', 'no answer'])[2:]}: {wrong}: {shorten(mine)}"
    for key, mine in found.items():
        yield None, False, f"nobody asked for {key}: {shorten(mine)}"
    yield from judge_unparsed(unparsed, unseen, unheard)


def key_of(row, methods):
    """(method, path); of |methods| {path: method} where the record says that it does not know its own."""
    if row["path"] == "unknown" and (marks(row) or "DPE" in row["flags"]):
        return "unknown", "unknown"
    if row["method"] == "unknown" and marks(row):
        return methods.get(row["path"], "unknown"), row["path"]
    return row["method"], row["path"]


def judge_unparsed(unparsed, unseen, unheard):
    """Of the records |unparsed|: each answers a request in |unseen|, which has no record, of its own connection, or what may be no request, in
    |unheard|, whose answer its client did not wait for; of both [(talk, status of its answer or None)]."""
    marked = [row for row in unparsed if marks(row)]
    bare = [row for row in unparsed if not marks(row)]
    for talk, row in take_answers([request for request in unseen if request[1]], marked):
        yield talk["seed"], True, f"{WITHOUT} its request: {shorten([row])}"
    for rows in (marked, bare):
        unheard = [request for request in unheard if not list(take_answers([request], rows))]
    for talk, row in take_answers([request for request in unseen if not request[1]], marked):
        yield talk["seed"], True, f"{WITHOUT} its request: {shorten([row])}"
    if marked + bare:
        yield None, False, f"nobody received {shorten(marked + bare)}"


def take_answers(requests, rows):
    """(talk, row) of each of |requests| that one of |rows|, which is taken out of them, may answer."""
    for talk, status in requests:
        fitting = [row for row in rows if is_of(row, talk) and status in (None, row["status"])]
        if fitting:
            rows.remove(fitting[0])
            yield talk, fitting[0]


def shorten(rows):
    return [{name: row.get(name) for name in ("status", "request_bytes", "response_bytes", "flags", "incomplete", "lenient", "client", "id")} for row in rows[:3]]


class Difference:
    """|missing|: a record or an answer is not there, which a lost event of the connection can do; all else is wrong."""

    def __init__(self, pair, seed, missing, line):
        self.conversation, self.missing = (pair.name, seed), missing
        self.line = f"{pair.name}, seed {seed}, {line}"


def compare(pair, told, rows):
    mine = [row for row in rows if row["server"].endswith(f":{pair.port}")]
    found = [Difference(pair, seed, missing, f"{reporter}: {line}") for reporter in REPORTERS
             for seed, missing, line in differences(told, [row for row in mine if row["reporter"] == reporter])]
    pair.counts += collections.Counter(conversations=len(told), answers=sum(len(talk["answers"]) for talk in told), marked=sum(bool(marks(row)) for row in mine), differences=len(found))
    return found


# ---- a test

def chosen(pairs):
    """Those that the environment names, all if it names none."""
    wanted = ASKED_PAIRS.split(",") if ASKED_PAIRS else None
    return [pair for pair in pairs if not wanted or pair.name in wanted]


def rounds(pairs, first, count):
    """|count| conversations, the same number of each pair, seeds from |first| on, as shares of rounds."""
    left = -(-count // len(pairs))
    while left:
        share = min(left, ROUND)
        yield [(pair, first + number * share, share) for number, pair in enumerate(pairs)]
        left, first = left - share, first + share * len(pairs)


def run_rounds(weftd, client, place, all_shares):
    """What differs."""
    observed = weftd.follow(place.workload)
    found, done, began = [], 0, time.monotonic()
    for shares in all_shares:
        told = converse(client, shares, 300 + sum(count for _, _, count in shares))
        end_connections(client, place, told)
        rows = observed.new_rows()
        for pair, talks in told.items():
            differs = compare(pair, talks, rows)
            shapes = {talk["seed"]: talk.get("shapes") for talk in talks}
            print(*(f"{difference.line} {shapes.get(difference.conversation[1]) or ''}" for difference in differs), sep="\n", end="\n" * bool(differs))
            found += differs
            done += len(talks)
        print(f"{done} conversations in {time.monotonic() - began:.0f} s, {len(found)} differences, last seed {shares[-1][1]}", flush=True)
    return found


def judge(weftd, found, again):
    """A lost event may take what is still to come of one connection, and never makes anything wrong."""
    lost = sum(weftd.lost().values())
    print(f"{len(found)} differences, {lost} events lost, {weftd.records_lost()}", flush=True)
    if found:
        print(weftd.lost(), *(line for line in weftd.get("/metrics").splitlines() if line.startswith("weft_capture")), sep="\n")
    if len({difference.conversation for difference in found if difference.missing}) <= lost:
        found = [difference for difference in found if not difference.missing]
    expect(not found, "\n".join([f"{len(found)} differences, {lost} events lost; again: {again}", *[difference.line for difference in found][:SHOWN]]))


def have(box, pairs, all_shares, again, options=(), cable=None):
    """The conversations of |all_shares| of |pairs|; |options|: of weftd; |cable|: the seed of a bad one."""
    print(f"again: {again}", flush=True)
    place, client = box.namespace("server"), box.namespace("client")
    for number, pair in enumerate(pairs):
        pair.begin(place, FIRST_PORT + number)
    if cable is not None:
        bad_cable(box, client, cable)
    plain_frames(client)
    plain_frames(place)
    weftd = Weftd(box, *options)
    weftd.start()
    found = run_rounds(weftd, client, place, all_shares)
    for pair in pairs:
        print(f"{pair.name}: {dict(pair.counts)}")
    judge(weftd, found, again)


def talk(box, pairs, count, options=(), cable=False):
    """|count| conversations of all |pairs| together, those of this commit."""
    first, count, pairs = first_seed(), int(ASKED_COUNT or count), chosen(pairs)
    again = f"CONVERSATIONS_SEED={first} CONVERSATIONS={count} integration/run --only {box.name} (one pair: CONVERSATIONS_PAIRS=NAME, its seed, 1)"
    have(box, pairs, rounds(pairs, first, count), again, options, first if cable else None)
    for pair in pairs:
        expect(pair.counts["answers"] >= pair.counts["conversations"], f"{pair.counts} of {pair.name} prove nothing")


def talk_again(box, pairs, kept):
    """|kept|: {name of a pair: {seed: what it once showed}}."""
    by_name = {pair.name: pair for pair in pairs if pair.name in kept}
    shares = [(by_name[name], seed, 1) for name, seeds in kept.items() for seed in seeds]
    have(box, list(by_name.values()), [shares], f"integration/run --only {box.name}")
