# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Broken and hostile files beside a running agent: each is refused quickly, with its line and a hint, and changes nothing."""

import os
import re
import time

from lab import bad_config, servers
from lab.mesh import Mesh, connect, service
from lab.processes import wait_for
from lab.verdict import expect, expect_equal, test

LONGEST_MS = 100


CART = "198.19.77.10"  # of this file's alone: tests of other trees may run beside it


def cart_of(endpoints):
    return service("cart", endpoints, address=CART)


def put(mesh, name, content):
    """Puts it there as careful tools do; when that was."""
    new = mesh.directory / f".{name}.new"
    new.write_bytes(content)
    began = time.monotonic()
    os.rename(new, mesh.directory / f"{name}.yaml")
    return began


def wait_for_failure(mesh, name, failed):
    """The status once one more change was refused, asked without a pause."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        status = mesh.get("/api/v1/mesh")
        if status["failed"] > failed:
            return status
    raise TimeoutError(f"{name} was not refused within 10 s")


def check_one(mesh, client, name, content, line, code, number):
    failed = mesh.get("/api/v1/mesh")["failed"]
    began = put(mesh, name, content)
    status = wait_for_failure(mesh, name, failed)
    took_ms = (time.monotonic() - began) * 1000
    said = status["failure"]
    expect_equal(status["generation"], number, f"{name}: generation in force")
    place = f"{name}.yaml:{line}:" if line else f"{name}.yaml"
    expect(place in said and code in said, f"{name}: wanted {place} ... {code}, it says: {said}")
    expect("; " in said, f"{name}: no hint: {said}")
    validated = mesh.weftd.command("config", "validate", mesh.directory)
    expect(validated.returncode in (1, 3), f"{name}: validate says {validated.returncode}")
    expect(not line or "hint:" in validated.stdout, f"{name}: no hint: {validated.stdout[:500]}")
    (mesh.directory / f"{name}.yaml").unlink()
    wait_for(lambda: not mesh.get("/api/v1/mesh")["failure"], 5, f"recovery from {name}")
    return took_ms


@test("bad_config/refused_at_once")
def refused(box):
    node = servers.nginx(box.namespace("cart"), 8080)
    client = box.namespace("client")
    mesh = Mesh(box, cart=cart_of([(node.place.address, {"version": "v1"})]))
    mesh.start()
    number = mesh.status()["generation"]
    took, count = {}, 0
    for name, content, line, code in bad_config.cases():
        took[name] = min(check_one(mesh, client, name, content, line, code, number) for _ in range(3))
        count += 1
    expect_equal(connect(client, CART, count=20)["answers"], {"200": 20}, "answers at the end")
    expect_equal(mesh.status()["generation"], number, "generation at the end")
    slowest = sorted(took.items(), key=lambda item: -item[1])
    print(f"{count} files refused; slowest: " + ", ".join(f"{name} {ms:.0f} ms" for name, ms in slowest[:6]))
    expect(slowest[0][1] <= LONGEST_MS, f"{slowest[0][0]} was refused after {slowest[0][1]:.0f} ms")


@test("bad_config/last_good_stays_and_is_told")
def last_good(box):
    node = servers.nginx(box.namespace("cart"), 8080)
    client = box.namespace("client")
    mesh = Mesh(box, cart=cart_of([(node.place.address, {"version": "v1"})]))
    mesh.start()
    dump = mesh.weftd.command("config", "dump").stdout
    for name, content, line, code in bad_config.cases():
        (mesh.directory / f"{name}.yaml").write_bytes(content)
    wait_for(lambda: mesh.status()["failure"], 10, "the failure")
    expect_equal(connect(client, CART, count=20)["answers"], {"200": 20}, "answers while everything is broken")
    expect_equal(mesh.weftd.command("config", "dump").stdout, dump, "what is in force")
    metrics = mesh.weftd.metrics()
    expect_equal((metrics.total("weft_mesh_generation"), metrics.total("weft_mesh_directory_ahead")), (1, 1), "metrics")
    expect(metrics.total("weft_mesh_failed_total") >= 1, "failures are counted")
    expect(abs(metrics.total("weft_mesh_last_failure_timestamp_seconds") - time.time()) < 60, "time of the last failure")
    told = mesh.weftd.command("mesh")
    expect_equal(told.returncode, 3, "exit code of weft mesh")
    expect(re.search(r"^not applied +\S+\.yaml", told.stdout, re.M), told.stdout)
    status = mesh.weftd.command("status")
    expect(status.returncode == 3 and re.search(r"^not applied +\S+\.yaml", status.stdout, re.M), status.stdout)
    mesh.weftd.stop()
    mesh.start()
    expect_equal(connect(client, CART, count=20)["answers"], {"200": 20}, "answers after a restart in front of a broken directory")
    for name, *_ in bad_config.cases():
        (mesh.directory / f"{name}.yaml").unlink()
    wait_for(lambda: not mesh.status()["failure"], 10, "recovery")
    expect_equal(mesh.weftd.metrics().total("weft_mesh_directory_ahead"), 0, "metrics after recovery")
