# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Minimal roots of Debian for checks/fresh: made once and kept packed, unpacked for each run, entered in a mount namespace
of this process alone, so that no mount outlives it."""

import ctypes
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS = 0x00020000
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PACKED_DAYS = 7  # then it is made again, with the distribution's updates
HAND_OVER = ("TERM", "http_proxy", "https_proxy", "no_proxy")
REACHES = re.compile(r"^Acquire::(?:https?|Retries|Check-\w|ForceIPv[46]|Languages)")
INTERRUPT_SECONDS = 60


class Unreachable(Exception):
    """The distribution's site gives no answer: nothing can be said about the tree."""


class Broken(Exception):
    """A root could not be made or removed; the text says why."""


def enter_own_namespace():
    if libc.unshare(CLONE_NEWNS):
        raise Broken(f"no mount namespace of its own: {os.strerror(ctypes.get_errno())}")
    mount("--make-rprivate", "/")


def mount(*arguments):
    done = subprocess.run(["mount", *arguments], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise Broken(f"mount {' '.join(map(str, arguments))}: {done.stderr.strip()}")


# ---- where this machine has Debian from

def debian_sources(suite):
    """Lines for sources.list: what this machine's apt knows of its own Debian, for |suite|. Debian 12's backports and
    whatever else weft needs is opened by scripts/deps.sh, in the root as on any machine."""
    found = apt_targets()
    if not found:
        subprocess.run(["apt-get", "-qq", "update"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = apt_targets()
    if not found:
        raise Unreachable("apt has no lists of Debian on this machine (its sources, after apt-get update)")
    own = min((codename for codename, _ in found), key=len)
    return [f"deb [signed-by={KEYRING}] {site} {codename.replace(own, suite)} main" for codename, site in found]


def apt_targets():
    """[(codename, site)] of Debian's own suites, without backports."""
    done = subprocess.run(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(COMPONENT)|$(CODENAME)|$(REPO_URI)", "Created-By: Packages"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    rows = [line.split("|") for line in done.stdout.splitlines()]
    return sorted({(row[2], row[3]) for row in rows if row[:2] == ["Debian", "main"]})


def apt_reaches():
    """How apt reaches sites on this machine (proxies, tolerances), for the apt of a root."""
    done = subprocess.run(["apt-config", "dump"], stdout=subprocess.PIPE, text=True, check=True)
    return [line for line in done.stdout.splitlines() if REACHES.match(line) and not line.endswith('"";')]


def check_reachable(source, work):
    _, _, site, suite, _ = source.split()
    done = subprocess.run(["/usr/lib/apt/apt-helper", "download-file", f"{site.rstrip('/')}/dists/{suite}/InRelease", work / "InRelease"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if done.returncode:
        raise Unreachable(f"apt cannot fetch {suite} from the site where this machine has Debian from")


# ---- one root

class Root:
    """Below |folder|: SUITE/ while it is in use; the packed roots, and the packages that apt fetched, stay."""

    def __init__(self, suite, folder):
        self.suite, self.folder = suite, folder
        self.path = folder / suite
        self.packed = None
        self.debs = folder / "debs" / suite

    def make(self, log):
        """Packs a minimal root with git and make, unless one that was made alike is here."""
        sources, options = debian_sources(self.suite), apt_reaches()
        include = ["git", "make"] + (["ca-certificates"] if any(" https:" in source for source in sources) else [])
        key = hashlib.sha256("\n".join(sources + options + include).encode()).hexdigest()[:12]
        self.packed = self.folder / f"{self.suite}-{key}.tar"
        if self.packed.exists() and time.time() - self.packed.stat().st_mtime < PACKED_DAYS * 86400:
            return "unpacked, made earlier"
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        try:
            check_reachable(next(source for source in sources if source.endswith(f" {self.suite} main")), work)
            self.pack(work, log, sources, options, include)
        finally:
            remove_tree(work)
        return "made"

    def pack(self, work, log, sources, options, include):
        for old in self.folder.glob(f"{self.suite}-*.tar*"):
            old.unlink()
        new = work / self.packed.name
        command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--format=tar", "--include=" + ",".join(include),
                   *(f"--aptopt={option}" for option in options), self.suite, new, *sources]
        with open(log, "wb") as out:
            done = run_in_own_session(command, stdout=out, stderr=out, env=dict(os.environ, TMPDIR=str(work)))
        if done:
            raise Broken(f"mmdebstrap ended with {done}, see {log}:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-8:]))
        new.rename(self.packed)

    def unpack(self):
        self.path.mkdir(parents=True)
        subprocess.run(["tar", "--numeric-owner", "--xattrs", "-xf", self.packed, "-C", self.path], check=True)
        self.debs.mkdir(parents=True, exist_ok=True)
        mount("--bind", self.path, self.path)
        mount("-t", "proc", "proc", self.path / "proc")
        for name in ("sys", "dev"):
            mount("--rbind", f"/{name}", self.path / name)
        for name, mode in (("run", "0755"), ("tmp", "1777")):
            mount("-t", "tmpfs", "-o", f"mode={mode}", "tmpfs", self.path / name)
        mount("--bind", self.debs, self.path / "var/cache/apt/archives")
        for name in ("resolv.conf", "hosts"):
            shutil.copyfile(f"/etc/{name}", self.path / "etc" / name)

    def show(self, source, place):
        """Lets the root read |source| of this machine at |place|."""
        inside = self.path / place.lstrip("/")
        inside.mkdir(parents=True, exist_ok=True)
        mount("--bind", source, inside)
        mount("-o", "remount,bind,ro", inside)

    def inside(self, *command):
        """What runs |command| with the root as the only one there is: the kernel lets nobody make a user namespace who has been
        put behind a chroot (user_namespaces(7))."""
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", 'cd "$0" && pivot_root . mnt && umount -l /mnt && exec "$@"', self.path, *command]

    def run(self, script, line, seconds):
        """Runs a bash |script| inside, as root in its home; |line| is called with each line of output. Its exit status, or
        None when it took longer than |seconds|."""
        env = {name: os.environ[name] for name in HAND_OVER if name in os.environ}
        env.update(HOME="/root", USER="root", SHELL="/bin/bash", PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        command = ["timeout", "--signal=INT", f"--kill-after={INTERRUPT_SECONDS}", str(seconds), *self.inside("/bin/bash", "-c", f"cd\n{script}")]
        status = run_in_own_session(command, line, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        return None if status in (124, 137) else status

    def remove(self):
        """Ends what still runs inside and removes it; what it says is wrong."""
        left = self.processes()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        subprocess.run(["umount", "--recursive", "--lazy", self.path], stderr=subprocess.DEVNULL)
        remove_tree(self.path)
        return [f"process {pid}" for pid in left]

    def processes(self):
        found, root = [], os.stat(self.path)
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.path.samestat(os.stat(entry / "root/."), root):
                    found.append(int(entry.name))
            except OSError:
                pass  # gone meanwhile, or of the kernel
        return found


def run_in_own_session(command, line=None, **options):
    """The exit status. Ctrl-C reaches |command| as one too, and it has a minute to clean up."""
    child = subprocess.Popen([str(word) for word in command], start_new_session=True, text=True, errors="replace", **options)
    try:
        for text in child.stdout or ():
            line(text.rstrip("\n"))
        return child.wait()
    except KeyboardInterrupt:
        end_session(child)
        raise


def end_session(child):
    os.killpg(child.pid, signal.SIGINT)
    try:
        child.communicate(timeout=INTERRUPT_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()


def remove_tree(path):
    if not path.exists():
        return
    with open("/proc/self/mountinfo") as mounts:
        places = [line.split()[4].replace(r"\040", " ") for line in mounts]
    held = [place for place in places if pathlib.Path(place).is_relative_to(path)]
    if held:
        raise Broken(f"{path} is not removed: {held[0]} is still mounted")
    subprocess.run(["rm", "-rf", "--one-file-system", path], check=True)


def lock(folder):
    """One run at a time has the folder; the file that holds the lock."""
    folder.mkdir(parents=True, exist_ok=True)
    holder = open(folder / "lock", "w")
    try:
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Broken(f"another run uses {folder}") from None
    return holder
