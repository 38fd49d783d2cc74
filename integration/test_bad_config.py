# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Broken and hostile files beside a running agent: each is refused at once, with its line and a hint, and changes nothing."""

import os
import re
import time

from lab import bad_config, mesh_scale, servers
from lab.mesh import Mesh, connect, service
from lab.processes import wait_for
from lab.verdict import expect, expect_equal, test

HARMLESS = 2500  # services of ten endpoints: more than 3 MiB
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


def harmless_ms(mesh):
    """How long a file of the size that files may have takes to come into force when there is nothing wrong with it."""
    applied = mesh.get("/api/v1/mesh")["applied"]
    began = put(mesh, "harmless", mesh_scale.Mesh(mesh.directory, services=HARMLESS, per_file=HARMLESS).text(0).encode())
    wait_for(lambda: mesh.get("/api/v1/mesh")["applied"] > applied, 60, "the harmless file")
    took_ms = (time.monotonic() - began) * 1000
    applied = mesh.get("/api/v1/mesh")["applied"]
    (mesh.directory / "harmless.yaml").unlink()
    wait_for(lambda: mesh.get("/api/v1/mesh")["applied"] > applied, 60, "its end")
    return took_ms


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
    """No hostile file costs more than a harmless one may; bench/reaction measures that this is less than 100 ms."""
    node = servers.nginx(box.namespace("cart"), 8080)
    client = box.namespace("client")
    mesh = Mesh(box, cart=cart_of([(node.place.address, {"version": "v1"})]))
    mesh.start()
    harmless = min(harmless_ms(mesh) for _ in range(3))
    number = mesh.status()["generation"]
    took, count = {}, 0
    for name, content, line, code in bad_config.cases():
        took[name] = min(check_one(mesh, client, name, content, line, code, number) for _ in range(3))
        count += 1
    expect_equal(connect(client, CART, count=20)["answers"], {"200": 20}, "answers at the end")
    expect_equal(mesh.status()["generation"], number, "generation at the end")
    slowest = sorted(took.items(), key=lambda item: -item[1])
    print(f"{count} files refused, a harmless one in force after {harmless:.0f} ms; slowest: "
          + ", ".join(f"{name} {ms:.0f} ms" for name, ms in slowest[:6]))
    expect(slowest[0][1] <= harmless, f"{slowest[0][0]} was refused after {slowest[0][1]:.0f} ms, a harmless file takes {harmless:.0f} ms")


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


def lines_of(mesh, event):
    return [line for line in mesh.weftd.process.output().splitlines() if f"event={event} " in line]


def wait_for_line(mesh, event, count, what):
    wait_for(lambda: len(lines_of(mesh, event)) >= count, 5, what)
    return lines_of(mesh, event)[-1]


@test("bad_config/refusals_and_removals_are_logged")
def logged(box):
    """What is refused is in the log once for each change, with file, line and code; what a generation takes away is there by name."""
    mesh = Mesh(box, cart=cart_of([("10.0.0.1", {"version": "v1"})]), till=service("till", [], address="198.19.77.11"))
    mesh.start()
    number = mesh.status()["generation"]
    put(mesh, "bad", b"apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {ports: [{port: 1}], clusterIP: 10.0.0.300}\n")
    line = wait_for_line(mesh, "config_refused", 1, "the refusal in the log")
    wanted = f'in_force={number} file="{mesh.directory}/bad.yaml" line=4 column=39 code=E2005 object="Service default/bad" reason='
    expect(wanted in line, line)
    put(mesh, "bad", b"apiVersion: [\n")
    line = wait_for_line(mesh, "config_refused", 2, "the next refusal")
    expect("bad.yaml" in line and "code=E1001" in line, line)
    time.sleep(0.5)
    expect_equal(len(lines_of(mesh, "config_refused")), 2, "lines of two changes")
    expect_equal(lines_of(mesh, "config_applied"), [], "said before it is mended")
    (mesh.directory / "bad.yaml").unlink()
    wait_for_line(mesh, "config_applied", 1, "that it is mended")
    expect_equal(lines_of(mesh, "config_removed"), [], "removed so far")
    (mesh.directory / "till.yaml").unlink()
    line = wait_for_line(mesh, "config_removed", 1, "the removal in the log")
    expect(re.search(r'generation=\d+ count=1 objects="ServiceEntry shop/till"', line), line)


@test("bad_config/empty_and_torn_files")
def torn(box):
    """A file that is emptied where it is keeps what it had; one that is being written is not taken by halves."""
    node = servers.nginx(box.namespace("cart"), 8080)
    client = box.namespace("client")
    mesh = Mesh(box, cart=cart_of([(node.place.address, {"version": "v1"})]), till=service("till", [], address="198.19.77.11"))
    mesh.start()
    before = mesh.status()
    path = mesh.directory / "cart.yaml"
    text = path.read_text()
    path.write_text("")
    wait_for(lambda: "E1010" in mesh.status()["failure"], 5, "the emptied file")
    expect("cart.yaml" in mesh.status()["failure"] and "stay in force" in mesh.status()["failure"], mesh.status()["failure"])
    expect('cart.yaml" line=0 code=E1010' in wait_for_line(mesh, "config_refused", 1, "the log"), mesh.weftd.process.output())
    expect_equal(mesh.weftd.metrics().total("weft_mesh_directory_ahead"), 1, "metric")
    told = mesh.weftd.command("mesh")
    expect(told.returncode == 3 and re.search(r"^not applied +\S+/cart.yaml: error E1010", told.stdout, re.M), told.stdout)
    expect_equal(connect(client, CART, count=10)["answers"], {"200": 10}, "answers with the emptied file")
    expect_equal(mesh.status()["generation"], before["generation"], "generation")
    with open(path, "w") as half:
        half.write(text[:len(text) // 2])
        half.flush()
        os.chmod(path, 0o640)
        time.sleep(0.3)
        expect("E1010" in mesh.status()["failure"], f"half a file was read: {mesh.status()['failure']}")
        half.write(text[len(text) // 2:])
    wait_for(lambda: not mesh.status()["failure"], 5, "the whole file")
    expect_equal(mesh.status()["hash"], before["hash"], "configuration")
    with open(path, "r+") as half:
        half.truncate(len(text) // 2)
        half.flush()
        os.chmod(path, 0o600)
        time.sleep(0.3)
        expect_equal((mesh.status()["failure"], mesh.status()["hash"]), ("", before["hash"]), "while half of it is there")
        half.seek(0)
        half.write(text)
    time.sleep(0.3)
    expect_equal((mesh.status()["failure"], mesh.status()["hash"]), ("", before["hash"]), "the same once more")
    new = mesh.directory / ".new"
    new.write_text("# nothing any more\n")
    os.rename(new, path)
    line = wait_for_line(mesh, "config_removed", 1, "the removal in the log")
    expect('objects="ServiceEntry shop/cart"' in line, line)
    expect_equal([row["name"] for row in mesh.lines("services")], ["till"], "services in force")


@test("bad_config/emptied_without_an_agent")
def emptied_without_an_agent(box):
    """A file that was emptied while no agent ran: the next one goes on with what its predecessor kept, until the file is
    removed."""
    node = servers.nginx(box.namespace("cart"), 8080)
    client = box.namespace("client")
    mesh = Mesh(box, cart=cart_of([(node.place.address, {"version": "v1"})]), till=service("till", [], address="198.19.77.11"))
    mesh.start()
    mesh.weftd.stop()
    path = mesh.directory / "cart.yaml"
    path.write_text("")
    mesh.start()
    expect("E1010" in mesh.status()["failure"], f"the emptied file is not told: {mesh.status()}")
    expect_equal(connect(client, CART, count=10)["answers"], {"200": 10}, "answers with the emptied file")
    path.unlink()
    wait_for(lambda: not mesh.status()["failure"], 5, "the removal")
    expect_equal([row["name"] for row in mesh.lines("services")], ["till"], "services in force")
