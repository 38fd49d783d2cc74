# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Kernels that Debian packages, booted in a virtual machine whose root is a folder of this one (read-only, changes in
memory)."""

import ctypes
import fcntl
import os
import re
import shlex
import shutil
import signal
import subprocess
from itertools import takewhile

from roots import Unreachable, debian_sources

PACKAGE = re.compile(r"^linux-image-((\d+\.\d+)\.[^ ]*(?<!-rt)-(?:amd64|arm64|generic)) ", re.M)
libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
MODULES = ("virtio_pci", "9p", "9pnet_virtio", "overlay")
SECONDS = 1200  # emulated, on a busy machine
KVM_GET_API_VERSION, KVM_CREATE_VM = 0xAE00, 0xAE01
KVM = ("KVM", ["-accel", "kvm", "-cpu", "host"])
EMULATED = ("emulated", ["-accel", "tcg,thread=multi", "-cpu", "max"])
BOOTED = "the kernel has booted"
KVM_SECONDS = 60  # to get so far; it takes two
COMMAND_LINE = "console=ttyS0 panic=-1 quiet loglevel=1 rdinit=/init"

INIT = """#!/bin/busybox sh
B=/bin/busybox
echo "{booted}"
$B mount -t proc p /proc; $B mount -t sysfs s /sys; $B mount -t devtmpfs d /dev
for m in $($B cat /order); do $B insmod /lib/$m; done
$B mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 root /lower
$B mount -t tmpfs -o size=60% t /up; $B mkdir /up/u /up/w
$B mount -t overlay -o lowerdir={root},upperdir=/up/u,workdir=/up/w o /new
for m in proc sys dev run; do $B mkdir -p /new/$m; done
$B mount -t proc p /new/proc; $B mount -t sysfs s /new/sys; $B mount -t devtmpfs d /new/dev
$B mkdir -p /new/dev/shm; $B mount -t tmpfs t /new/dev/shm; $B mount -t tmpfs t /new/run
$B mount -t tracefs t /new/sys/kernel/tracing; $B mount -t cgroup2 c /new/sys/fs/cgroup; $B mount -t bpf b /new/sys/fs/bpf
$B rm -rf /new/lib/modules; $B mkdir -p /new/lib/modules/{release}; $B mount -o bind {modules} /new/lib/modules/{release}
$B ip link set lo up
{start}
"""


class Kernel:
    """Of |package|, fetched with these options of apt below |folder|."""

    def __init__(self, package, apt, folder):
        self.folder = folder / package
        self.image = fetch(package, apt, self.folder)
        self.modules = next((self.folder / "lib" / "modules").iterdir())
        self.release = self.modules.name

    def initramfs(self, root, start):
        """|start|: what the shell does when the root is at /new, with busybox as $B."""
        tree = self.folder.parent / "initramfs"
        shutil.rmtree(tree, ignore_errors=True)
        for name in ("bin", "proc", "sys", "dev", "lower", "up", "new", "lib"):
            (tree / name).mkdir(parents=True)
        shutil.copy("/bin/busybox", tree / "bin")
        listed = subprocess.run(["modprobe", "-d", self.folder, "-S", self.release, "-D", "-a", *MODULES], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True).stdout
        order = list(dict.fromkeys(re.findall(r"^insmod (.*\.ko)", listed, re.M)))
        for module in order:
            shutil.copy(module, tree / "lib")
        (tree / "order").write_text("\n".join(os.path.basename(m) for m in order))
        (tree / "init").write_text(INIT.format(root=quoted(f"/lower{root}".rstrip("/")), modules=quoted(f"/lower{self.modules}"),
                                               release=self.release, booted=BOOTED, start=start))
        (tree / "init").chmod(0o755)
        image = self.folder.parent / "initramfs.gz"
        subprocess.run(f"find . | cpio -o -H newc --quiet | gzip -1 > {quoted(image)}", shell=True, cwd=tree, check=True)
        return image

    def machine(self, initramfs, accelerator, command_line=""):
        return ["qemu-system-x86_64", *accelerator, "-smp", "2", "-m", "4G", "-nodefaults",
                "-no-reboot", "-display", "none", "-serial", "stdio", "-kernel", self.image, "-initrd", initramfs,
                "-append", f"{COMMAND_LINE} {command_line}",
                "-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap"]

    def boots(self, initramfs, how):
        """A virtual machine inside a virtual machine may be made and yet not run."""
        with subprocess.Popen(["timeout", str(KVM_SECONDS), *self.machine(initramfs, how[1])], stdin=subprocess.DEVNULL, preexec_fn=end_with_us,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as running:
            alive = any(BOOTED in line for line in takewhile(lambda line: "KVM internal error" not in line, running.stdout))
            running.terminate()
        return alive

    def holds(self, initramfs, how, log, command_line=""):
        """Boots, prints the lines "ok", "not ok" and "note" as they are in the |log|, and whether all were good."""
        log.parent.mkdir(parents=True, exist_ok=True)
        print(f"  {self.release}: booting ({how[0]}) ...", flush=True)
        with open(log, "wb") as out:
            subprocess.run(["timeout", str(SECONDS), *self.machine(initramfs, how[1], command_line)], stdin=subprocess.DEVNULL, stdout=out,
                           stderr=out, preexec_fn=end_with_us)
        said = log.read_text(errors="replace")
        for line in said.splitlines():
            if line.startswith(("ok ", "not ok ", "note ")):
                print("    " + line, flush=True)
        good = "exit status 0" in said and "not ok " not in said
        if not good:
            print(f"    see {log}")
        return good


def end_with_us():
    """For the child between fork and exec: timeout(1) hands the signal on to the virtual machine."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def hold_all(wanted, build, name, root, start, command_line=""):
    """{series: whether it holds} of each series that is |wanted|, or of all; empty: there is none. |start| as in
    Kernel.initramfs."""
    how = KVM if kvm_works() else EMULATED
    results = {}
    for series, (package, apt) in newest(wanted, build).items():
        kernel = Kernel(package, apt, build / "kernels")
        initramfs = kernel.initramfs(root, start)
        if how == KVM and not kernel.boots(initramfs, KVM):
            print("  /dev/kvm is here, but the kernel does not boot with it: emulated from now on", flush=True)
            how = EMULATED
        results[series] = kernel.holds(initramfs, how, build / "log" / name / f"{series}.log", command_line)
    return results


def kvm_works():
    """A virtual machine can be made, not only is the file there."""
    try:
        with open("/dev/kvm", "r+b", buffering=0) as kvm:
            made = fcntl.ioctl(kvm, KVM_CREATE_VM, 0) if fcntl.ioctl(kvm, KVM_GET_API_VERSION, 0) == 12 else -1
    except OSError:
        return False
    if made >= 0:
        os.close(made)
    return made >= 0


def newest(wanted, build):
    """{series: (package, options of apt)}: what this distribution has, and the newest that Debian has."""
    here, apt = packages([]), apt_of_sid(build / "kernels" / "apt")
    sid = dict(list(packages(apt).items())[-1:]) if apt else {}
    found = {**{series: (package, apt) for series, package in sid.items()}, **{series: (package, []) for series, package in here.items()}}
    return {series: found[series] for series in sorted(found, key=numbers) if not wanted or series in wanted}


def numbers(text):
    return [int(x) for x in re.findall(r"\d+", text)]


def packages(apt):
    """{series: its newest package}, the oldest series first."""
    listed = subprocess.run(["apt-cache", *apt, "search", "--names-only", "^linux-image-[0-9]"], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = {}
    for name, series in PACKAGE.findall(listed):
        found[series] = max(found.get(series, ""), name, key=numbers)
    return {series: "linux-image-" + found[series] for series in sorted(found, key=numbers)}


def apt_of_sid(folder):
    """Options that let apt see Debian's unstable suite and nothing else, in a place of its own; none where it cannot be had."""
    try:
        sources = debian_sources("sid")
    except Unreachable:
        return []
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "sources.list").write_text(next(line for line in sources if line.endswith(" sid main")) + "\n")
    options = [f"-oDir::State::lists={folder}/lists", f"-oDir::Cache={folder}/cache", f"-oDir::Etc::sourcelist={folder}/sources.list",
               "-oDir::Etc::sourceparts=-"]
    done = subprocess.run(["apt-get", "-qq", *options, "update"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        print(f"  note Debian's newest kernel cannot be had: {done.stderr.strip().splitlines()[-1]}", flush=True)
    return [] if done.returncode else options


def fetch(package, apt, folder):
    """The package's files below |folder|, with those that newer ones are split into; the path of the kernel."""
    if not folder.exists():
        print(f"  {package}: fetching ...", flush=True)
        downloads = folder.parent / "downloads"
        downloads.mkdir(parents=True, exist_ok=True)
        depends = subprocess.run(["apt-cache", *apt, "depends", package], stdout=subprocess.PIPE, text=True, check=True).stdout
        wanted = [package, *sorted(set(re.findall(r"Depends: (linux-(?:base|binary|modules)-\d\S+)", depends)))]
        done = subprocess.run(["apt-get", "-qq", *apt, "download", *wanted], cwd=downloads, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"checks/kernels: {package} cannot be fetched: {done.stderr.strip().splitlines()[-1]}")
        new = folder.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        for name in wanted:
            subprocess.run(["dpkg-deb", "-x", next(downloads.glob(f"{name}_*.deb")), new], check=True)
        subprocess.run(["find", new, "-name", "*.ko.xz", "-exec", "xz", "-d", "{}", "+"], check=True)
        modules = next(path for path in (new / "lib" / "modules", new / "usr" / "lib" / "modules") if path.is_dir())
        if modules.is_relative_to(new / "usr"):
            (new / "lib").mkdir(exist_ok=True)
            modules.rename(new / "lib" / "modules")
        subprocess.run(["depmod", "-b", new, next((new / "lib" / "modules").iterdir()).name], check=True)
        new.rename(folder)
    return next(path for pattern in ("boot/vmlinuz-*", "lib/modules/*/vmlinuz") for path in folder.glob(pattern))


def quoted(path):
    return shlex.quote(str(path))
