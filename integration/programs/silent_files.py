# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A FUSE file system of one file, in a mount namespace of its own, that answers the child of this program alone. Any other
process that opens or looks up something there waits until this program ends; it prints which did.
Usage: silent_files.py WAY FILE DIRECTORY   serves what FILE has, mounted below DIRECTORY, under the name of FILE. The child
says "mapped" and lives on. WAY:
  mapped    it maps the file as code
  overlay   it maps it through an overlay that it mounts over the file system, in a user namespace: as any user may
  linked    its root is a directory in which the file has no other name than behind a link, and maps a dynamic loader there"""

import ctypes
import mmap
import os
import pathlib
import shutil
import signal
import stat
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
ROOT, FILE = 1, 2  # numbers of nodes
# linux/fuse.h
LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, ACCESS, INTERRUPT, FORGETS = (
    1, 2, 3, 14, 15, 17, 18, 25, 26, 27, 28, 29, 34, 36, 42)
WITHOUT_ANSWER = (FORGET, INTERRUPT, FORGETS)
ASKED_BY_NAME = (LOOKUP, GETATTR, OPEN, STATFS, OPENDIR, READDIR, ACCESS)


def call(name, *arguments):
    if getattr(LIBC, name)(*arguments):
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


def mount(source, target, kind, options):
    call("mount", source.encode(), str(target).encode(), kind.encode(), 0, options.encode())


class Files:
    """What is served, and to whom."""

    def __init__(self, name, data, friend):
        self.name, self.data, self.friend = name.encode(), data, friend
        self.fd = os.open("/dev/fuse", os.O_RDWR)

    def attributes(self, node):
        mode, size = (stat.S_IFDIR | 0o755, 0) if node == ROOT else (stat.S_IFREG | 0o755, len(self.data))
        return struct.pack("<6Q10I", node, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def answer(self, opcode, node, body):
        if opcode == INIT:
            return struct.pack("<4I2H2I2HI28x", 7, 31, 65536, 0, 16, 12, 65536, 1, 0, 0, 0)
        if opcode == LOOKUP:
            return struct.pack("<4Q2I", FILE, 0, 1000, 1000, 0, 0) + self.attributes(FILE) if body.rstrip(b"\0") == self.name else None
        if opcode == GETATTR:
            return struct.pack("<Q2I", 1000, 0, 0) + self.attributes(node)
        if opcode in (OPEN, OPENDIR):
            return struct.pack("<Q2I", 0, 0, 0)
        if opcode == STATFS:
            return struct.pack("<5Q4I24x", 0, 0, 0, 0, 0, 4096, 255, 4096, 0)
        if opcode == READ:
            _, offset, size = struct.unpack_from("<2QI", body)
            return self.data[offset:offset + size]
        return b"" if opcode in (RELEASE, RELEASEDIR, FLUSH, READDIR) else None

    def serve(self):
        while True:
            request = os.read(self.fd, 1 << 20)
            _, opcode, unique, node, _, _, pid, _ = struct.unpack_from("<2I2Q4I", request)
            if opcode in WITHOUT_ANSWER:
                continue
            if opcode in ASKED_BY_NAME and pid != self.friend:
                print(f"asked by {pid}", flush=True)
                continue
            found = self.answer(opcode, node, request[40:])
            error = -2 if opcode == LOOKUP else -38
            os.write(self.fd, struct.pack("<IiQ", 16 + len(found or b""), 0 if found is not None else error, unique) + (found or b""))


def map_code(path):
    with open(path, "rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
    return mapped


def live_overlay(name, folder):
    for part in ("over", "upper", "work"):
        (folder / part).mkdir()
    mount("overlay", folder / "over", "overlay", f"lowerdir={folder}/silent,upperdir={folder}/upper,workdir={folder}/work,userxattr")
    return map_code(folder / "over" / name)


def live_linked(folder):
    usr = folder / "usr"
    usr.mkdir()
    (usr / "lib").symlink_to("../silent")
    shutil.copy("/bin/true", folder / "ld-silent.so")
    os.chroot(folder)
    return map_code("/ld-silent.so")


def child(way, name, folder, go):
    os.read(go, 1)
    kept = live_overlay(name, folder) if way == "overlay" else live_linked(folder) if way == "linked" else map_code(folder / "silent" / name)
    print("mapped", len(kept), flush=True)
    signal.pause()


def leave_namespaces(way):
    uid, gid = os.getuid(), os.getgid()
    call("unshare", CLONE_NEWNS | (CLONE_NEWUSER if way == "overlay" else 0))
    if way == "overlay":
        for file, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            pathlib.Path("/proc/self", file).write_text(text)
    call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)


def main(way, path, folder):
    path, folder = pathlib.Path(path), pathlib.Path(folder)
    data = path.read_bytes()
    leave_namespaces(way)
    mount("tmpfs", folder, "tmpfs", "mode=755")
    (folder / "silent").mkdir()
    go, ready = os.pipe()
    friend = os.fork()
    if not friend:
        return child(way, path.name, folder, go)
    files = Files(path.name, data, friend)
    mount("silent", folder / "silent", "fuse", f"fd={files.fd},rootmode=40000,user_id=0,group_id=0,allow_other")
    os.write(ready, b"x")
    return files.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
