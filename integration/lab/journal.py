# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a sandbox made, a line each, written before it is made. Journals are in one folder of the machine, not of the
source tree: the next run, from any tree, removes what a killed run left. The first line names the process that
answers for it; while it lives no other run touches what the journal names."""

import os
import pathlib
import re
import shutil
import subprocess
import time

FOLDER = pathlib.Path("/run/weft-tests")


def slug_of(name):
    return name.replace("/", "-").replace("_", "-")


def path_of(name):
    """Of the journal of the sandbox of this name."""
    return FOLDER / f"{slug_of(name)}.journal"


def begin(name, owner):
    """A new journal, open for writing; |owner| is a process. RuntimeError when another one has a sandbox of this name."""
    sweep_abandoned()
    FOLDER.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = path_of(name)
    unnamed = path.with_suffix(f".{os.getpid()}")  # no other run may see it before it names its owner
    journal = open(unnamed, "w", buffering=1)
    journal.write(f"owner {owner} {start_time(owner)}\n")
    try:
        os.link(unnamed, path)
    except FileExistsError:
        raise RuntimeError(f"{name} runs already, for process {owner_of(path)[0]}") from None
    finally:
        os.unlink(unnamed)
    return journal


def end(name):
    """Takes away whatever is still there, and the journal."""
    path = path_of(name)
    if path.exists():
        sweep(path)
        path.unlink()


def sweep_abandoned():
    """Removes what runs left that were killed together with the process that cleans up after them."""
    for path in sorted(FOLDER.glob("*.journal")):
        try:
            pid, born = owner_of(path)
            if start_time(pid) != born:
                sweep(path)
                path.unlink()
        except FileNotFoundError:
            pass  # another run was faster


def owner_of(path):
    """(pid, start time)."""
    _, pid, born = path.read_text().split("\n", 1)[0].split()
    return int(pid), int(born)


def start_time(pid):
    """Of a process, in clock ticks since boot: tells a reused pid. 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return int(stat.read().rsplit(")", 1)[1].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def sweep(journal):
    """Takes away whatever of a journal is still there."""
    lines = [line.split() for line in journal.read_text().splitlines()]
    for kind, *rest in lines:
        if kind == "pid" and start_time(int(rest[0])) == int(rest[1]) != 0:
            try:
                os.killpg(int(rest[0]), 9)
            except ProcessLookupError:
                pass
    for kind, *rest in reversed(lines):
        if kind == "pin" and os.path.isdir(rest[0]):
            detach(rest[1], rest[0])
            shutil.rmtree(rest[0], ignore_errors=True)
        elif kind == "netns" and os.path.exists(f"/run/netns/{rest[0]}"):
            subprocess.run(["ip", "netns", "del", rest[0]])
        elif kind == "netdev" and os.path.exists(f"/sys/class/net/{rest[0]}"):
            subprocess.run(["ip", "link", "del", rest[0]])
        elif kind == "cgroup":
            remove_cgroup(rest[0])
        elif kind == "folder":
            shutil.rmtree(rest[0], ignore_errors=True)


def detach(weft, pin):
    """By the program that belongs to the pins; where its tree is gone, taking the pins away has to do."""
    try:
        subprocess.run([weft, "detach", "--pin", pin], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError:
        pass


def remove_cgroup(path):
    """Ends the processes that are still in the group; a group may need a moment until its last process is really gone."""
    try:
        with open(os.path.join(path, "cgroup.kill"), "w") as kill:
            kill.write("1")
    except OSError:
        pass  # gone already, or a kernel before 5.14
    for _ in range(100):
        try:
            os.rmdir(path)
            return
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.02)


def leftovers(name):
    """What a sandbox named and still exists, for people; the kernel may take a moment to let go."""
    if not path_of(name).exists():
        return []
    for _ in range(20):
        found = still_there(path_of(name))
        if not found:
            break
        time.sleep(0.1)
    return found


def still_there(journal):
    found, held = [], {kind: bpf_numbers(kind) for kind in ("prog", "map", "link")}
    for kind, *rest in (line.split() for line in journal.read_text().splitlines()):
        if kind == "netns" and os.path.exists(f"/run/netns/{rest[0]}"):
            found.append(f"namespace {rest[0]}")
        elif kind == "netdev" and os.path.exists(f"/sys/class/net/{rest[0]}"):
            found.append(f"interface {rest[0]}")
        elif kind in ("cgroup", "pin") and os.path.exists(rest[0]):
            found.append(f"{kind} {rest[0]}")
        elif kind == "pid" and start_time(int(rest[0])) == int(rest[1]) != 0:
            found.append(f"process {rest[0]}")
        elif rest[0] in held.get(kind, ()):
            found.append(f"BPF {kind} {rest[0]}")
    return found


def bpf_numbers(kind):
    """Of all objects of this kind (prog, map or link) that the kernel has."""
    done = subprocess.run([os.environ.get("BPFTOOL") or "bpftool", kind, "show"], stdout=subprocess.PIPE, text=True)
    return set(re.findall(r"^(\d+):", done.stdout, re.M))
