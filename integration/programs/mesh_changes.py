# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Moves a service's endpoint back and forth by renaming a file over another, and finds by real connects when each
change is in force. In turn with each a bare program does the same: wakes for a renamed file, reads it, answers by it. Prints as
JSON the milliseconds of every change and of every bare one, how many connects failed, and how many reached what was no more in
force. Usage: mesh_changes.py DIRECTORY VIP CHANGES"""

import ctypes
import json
import os
import pathlib
import queue
import socket
import sys
import tempfile
import threading
import time

TEXT = """apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: moving, namespace: shop}}
spec:
  hosts: [moving.example]
  addresses: [{vip}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: 80, name: main, protocol: TCP, targetPort: 7070}}]
  endpoints:
  - address: {address}
"""
ADDRESSES = ("127.0.0.2", "127.0.0.3")
BARE = ("127.0.0.4", 7071)
IN_MOVED_TO = 0x80
STAYS = 5  # connects after each change, all of which must reach the new endpoint


def listen(address, port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(1024)
    return listener


def serve(listener, answer):
    while True:
        peer, _ = listener.accept()
        peer.sendall(answer())
        peer.close()


class Bare:
    """A process that answers with the last digit of the address in the file that was renamed last."""

    def __init__(self, directory):
        self.directory, self.digit = directory, b"0"
        libc, listener = ctypes.CDLL(None), listen(*BARE)
        events = libc.inotify_init()  # all is there before the first rename
        libc.inotify_add_watch(events, bytes(self.directory), IN_MOVED_TO)
        if not os.fork():
            libc.prctl(1, 9)  # not to outlive its parent
            threading.Thread(target=serve, args=(listener, lambda: self.digit), daemon=True).start()
            self.follow(events)

    def follow(self, events):
        while os.read(events, 4096):
            self.digit = (self.directory / "moving.yaml").read_bytes().strip()[-1:]


def reached(address, port):
    with socket.create_connection((address, port), timeout=5) as sock:
        return sock.recv(1).decode()


class Renamer(threading.Thread):
    """Renames in a thread of its own: rename(2) may wait for the disk after the new file is to be seen."""

    def __init__(self):
        super().__init__(daemon=True)
        self.wanted, self.done = queue.SimpleQueue(), queue.SimpleQueue()
        self.start()

    def run(self):
        while True:
            self.done.put(os.rename(*self.wanted.get()))


class Changes:
    def __init__(self, directory, vip, bare):
        self.directory, self.vip, self.bare, self.renamer = directory, vip, bare, Renamer()
        self.errors = self.stale = 0
        for address in ADDRESSES:
            threading.Thread(target=serve, args=(listen(address, 7070), lambda a=address: a[-1].encode()), daemon=True).start()

    def change(self, directory, text, digit, ask):
        """Milliseconds from before the rename to the start of the first connect that is answered by |digit|."""
        new = directory / ".moving.new"
        new.write_text(text)
        began = at = time.monotonic()
        self.renamer.wanted.put((new, directory / "moving.yaml"))
        while self.ask(*ask) != digit:
            at = time.monotonic()
            if at - began > 10:
                raise SystemExit("a change was not in force after 10 s")
        self.renamer.done.get()
        return (at - began) * 1000

    def ask(self, address, port):
        try:
            return reached(address, port)
        except OSError:
            self.errors += 1
            return None

    def both(self, address):
        """(ms of the mesh, ms of the bare program)"""
        text = TEXT.format(vip=self.vip, address=address)
        bare = self.change(self.bare.directory, text, address[-1], BARE)
        took = self.change(self.directory, text, address[-1], (self.vip, 80))
        self.stale += sum(self.ask(self.vip, 80) != address[-1] for _ in range(STAYS))
        return took, bare


def main(folder):
    changes = Changes(pathlib.Path(sys.argv[1]), sys.argv[2], Bare(folder))
    changes.both(ADDRESSES[0])
    changes.errors, found = 0, []  # before the first there is no service
    for n in range(int(sys.argv[3])):
        time.sleep(0.03)
        found.append(changes.both(ADDRESSES[(n + 1) % 2]))
    took, bare = zip(*found)
    print(json.dumps({"took": took, "bare": bare, "errors": changes.errors, "stale": changes.stale}))


with tempfile.TemporaryDirectory() as folder:
    main(pathlib.Path(folder))
