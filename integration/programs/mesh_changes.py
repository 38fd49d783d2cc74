# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Moves a service's endpoint back and forth by renaming a file over another, and finds by real connects when each
change is in force. Prints as JSON the milliseconds of every change. Usage: mesh_changes.py DIRECTORY VIP CHANGES"""

import json
import os
import pathlib
import socket
import sys
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


def serve(address):
    """Says to each client which address it came to."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, 7070))
    listener.listen(1024)
    while True:
        peer, _ = listener.accept()
        peer.sendall(address[-1].encode())
        peer.close()


def reached(vip):
    with socket.create_connection((vip, 80), timeout=5) as sock:
        return sock.recv(1).decode()


def change(directory, vip, address):
    """Milliseconds from the rename to the start of the first connect that the new endpoint got."""
    new = directory / ".moving.new"
    new.write_text(TEXT.format(vip=vip, address=address))
    began = time.monotonic()
    os.rename(new, directory / "moving.yaml")
    while True:
        at = time.monotonic()
        try:
            if reached(vip) == address[-1]:
                return (at - began) * 1000
        except OSError:
            if at - began > 10:
                raise
        if at - began > 10:
            raise SystemExit("a change was not in force after 10 s")


def main():
    directory, vip, changes = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    for address in ADDRESSES:
        threading.Thread(target=serve, args=(address,), daemon=True).start()
    change(directory, vip, ADDRESSES[0])
    took = []
    for n in range(changes):
        time.sleep(0.03)
        took.append(change(directory, vip, ADDRESSES[(n + 1) % 2]))
    print(json.dumps(took))


main()
