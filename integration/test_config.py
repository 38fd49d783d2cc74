# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""`weft config` beside a running agent: what would change, what is in force, and how it gets there."""

import json
import os
import pathlib
import re
import sys
import time

from lab import mesh_scale, servers
from lab.mesh import Mesh, connect, rule, service
from lab.processes import wait_for
from lab.sandbox import ROOT
from lab.verdict import expect, expect_equal, test

SHOP = ROOT / "mesh-config" / "manifests" / "shop"


CART = "198.19.77.10"  # of this file's alone: tests of other trees may run beside it


def cart_of(endpoints):
    return service("cart", endpoints, address=CART)


def config(mesh, *arguments):
    return mesh.weftd.command("config", *arguments)


def words(done):
    return sorted(done.stdout.splitlines())


def folder(box, name, **files):
    made = box.dir / name
    made.mkdir()
    for file, text in files.items():
        (made / f"{file}.yaml").write_text(text)
    return made


@test("config/diff_against_what_is_in_force")
def diff(box):
    cart = cart_of([("10.0.0.1", {"version": "v1"})]) + rule("cart.example")
    mesh = Mesh(box, cart=cart)
    mesh.start()
    same = config(mesh, "diff", mesh.directory)
    expect_equal((same.returncode, same.stdout, same.stderr), (0, "", ""), "a directory beside itself")
    new = folder(box, "new", cart=cart_of([("10.0.0.2", {"version": "v1"})]) + rule("cart.example", "  trafficPolicy: {loadBalancer: {simple: RANDOM}}\n"),
                 till=service("till", [], address="198.19.0.11"))
    found = config(mesh, "diff", new)
    expect_equal((found.returncode, words(found)), (1, [
        "+ service shop/till", "~ service shop/cart: balance least connections to random",
        "~ service shop/cart: endpoint 10.0.0.1 went", "~ service shop/cart: endpoint 10.0.0.2 came"]), "differences")
    rows = [json.loads(line) for line in config(mesh, "diff", new, "-o", "json").stdout.splitlines()]
    expect_equal([row for row in rows if row["change"] == "added"], [{"change": "added", "object": "service shop/till", "what": ""}], "in JSON")
    offline = config(mesh, "diff", mesh.directory, new)
    expect_equal((offline.returncode, words(offline)), (1, words(found)), "the same of two directories")
    (new / "cart.yaml").write_text("apiVersion: [")
    broken = config(mesh, "diff", new)
    expect_equal((broken.returncode, broken.stdout), (2, ""), "a directory that cannot be read")
    expect("cart.yaml:2:1: error[E1001]" in broken.stderr, broken.stderr)


@test("config/dump_loads_again_with_the_same_hash")
def dump(box):
    mesh = Mesh(box)
    for path in SHOP.iterdir():
        mesh.write(path.stem, path.read_text())
    mesh.start()
    status = mesh.status()
    dumped = config(mesh, "dump")
    expect_equal(dumped.returncode, 0, dumped.stderr)
    expect(f"generation {status['generation']}, in force, configuration {status['hash']}" in dumped.stderr, dumped.stderr)
    other = folder(box, "other", dumped=dumped.stdout)
    expect_equal(config(mesh, "diff", other).returncode, 0, "the dump beside what is in force")
    done = config(mesh, "apply", other)
    expect_equal(done.returncode, 0, done.stderr)
    expect_equal((mesh.status()["hash"], mesh.status()["generation"]), (status["hash"], status["generation"]), "hash and generation of the dump")
    expect_equal(sorted(os.listdir(mesh.directory)), ["dumped.yaml"], "files in the directory")
    expect_equal(config(mesh, "dump").stdout, dumped.stdout, "the dump of the dump")
    yaml = [json.loads(line)["yaml"] for line in config(mesh, "dump", "-o", "json").stdout.splitlines()]
    expect_equal("".join(yaml), dumped.stdout, "objects as JSON lines")


@test("config/dump_is_of_what_is_in_force_when_the_directory_is_ahead")
def ahead(box):
    mesh = Mesh(box, cart=cart_of([("10.0.0.1", {"version": "v1"})]))
    mesh.start()
    first = config(mesh, "dump").stdout
    number = mesh.status()["generation"]
    mesh.apply(cart=cart_of([("10.0.0.2", {"version": "v1"})]))
    second = config(mesh, "dump").stdout
    expect("10.0.0.2" in second and "10.0.0.1" not in second, second)
    mesh.write("cart", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {prots: []}\n")
    wait_for(lambda: mesh.status()["failure"], 5, "the failure")
    done = config(mesh, "dump")
    expect_equal((done.returncode, done.stdout), (0, second), "what is in force, though its file is gone")
    expect("its directory is ahead" in done.stderr and "cart.yaml:4:" in done.stderr, done.stderr)
    expect_equal(config(mesh, "dump", "--generation", str(number)).stdout, first, "the generation before")
    unknown = config(mesh, "dump", "--generation", "999")
    expect_equal(unknown.returncode, 1, unknown.stderr)
    expect("not kept" in unknown.stderr, unknown.stderr)
    new = folder(box, "new", cart=cart_of([("10.0.0.3", {"version": "v1"})]))
    compared = config(mesh, "diff", new)
    expect_equal(words(compared), ["~ service shop/cart: endpoint 10.0.0.2 went", "~ service shop/cart: endpoint 10.0.0.3 came"], "compared with")
    expect("its directory is ahead" in compared.stderr, compared.stderr)


@test("config/apply")
def apply(box):
    nodes = [servers.nginx(box.namespace(f"cart{n}"), 8080) for n in range(2)]
    client = box.namespace("client")
    addresses = [node.place.address for node in nodes]
    mesh = Mesh(box, cart=cart_of([(addresses[0], {"version": "v1"})]), old=service("old", [], address="198.19.0.12"))
    (mesh.directory / "README").write_text("stays")
    mesh.start()
    found = connect(client, CART, count=20)
    expect_equal(found["answers"], {"200": 20}, f"answers before: {found}")
    before = mesh.status()
    new = folder(box, "new", cart=cart_of([(addresses[1], {"version": "v1"}), (addresses[0], {"version": "v1"})]))
    dry = config(mesh, "apply", "--dry-run", new)
    expect_equal(dry.returncode, 0, dry.stderr)
    expect("services     0 added, 1 removed, 1 changed" in dry.stdout, dry.stdout)
    expect("1 keep their numbers (counters and connections go on), 1 new, 0 gone" in dry.stdout, dry.stdout)
    rows = json.loads(config(mesh, "apply", "--dry-run", new, "-o", "json").stdout)
    expect_equal((rows["endpoints_kept"], rows["services_changed"]["removed"], rows["changes"]), (1, 1, True), "the same in JSON")
    expect_equal(mesh.status()["generation"], before["generation"], "generation after a dry run")
    done = config(mesh, "apply", new)
    expect_equal(done.returncode, 0, done.stderr)
    print(dry.stdout + done.stdout)
    after = mesh.status()
    expect_equal((after["generation"], after["applied"]), (before["generation"] + 1, before["applied"] + 1), "all files in one generation")
    expect_equal(sorted(os.listdir(mesh.directory)), ["README", "cart.yaml"], "files in the directory")
    logs = [node.lines() for node in nodes]
    expect_equal(connect(client, CART, count=200)["answers"], {"200": 200}, "answers after")
    wait_for(lambda: sum(node.lines() for node in nodes) >= sum(logs) + 200, 10, "the servers' logs")
    shares = [node.lines() - log for node, log in zip(nodes, logs)]
    expect(min(shares) > 50, f"both servers take part: {shares}")
    broken = folder(box, "broken", cart="apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: x}\nspec: {hots: [a]}\n")
    for arguments in (["--dry-run"], []):
        refused = config(mesh, "apply", *arguments, broken)
        expect_equal(refused.returncode, 3, refused.stderr)
        expect("broken/cart.yaml:4:8: error[E2001]" in refused.stdout, refused.stdout)
    expect_equal((mesh.status()["generation"], mesh.status()["failed"]), (after["generation"], 0), "nothing of it reached the agent")
    for path, code in ((new / "cart.yaml", 2), (folder(box, "empty"), 3), (box.dir / "nowhere", 1)):
        expect_equal(config(mesh, "apply", path).returncode, code, f"apply of {path}")
    expect_equal(mesh.status()["generation"], after["generation"], "generation after what would empty the mesh")
    again = config(mesh, "apply", new)
    expect("0 files written, 0 removed, 1 as they were" in again.stdout, again.stdout)


@test("config/several_files_are_one_generation")
def together(box):
    mesh = Mesh(box, **{f"s{n}": service(f"s{n}", [("10.0.0.1", {})], address=f"198.19.1.{n + 1}") for n in range(40)})
    mesh.start()
    applied = mesh.status()["applied"]
    for turn in range(10):
        new = folder(box, f"new{turn}", **{f"s{n}": service(f"s{n}", [(f"10.0.1.{turn}", {})], address=f"198.19.1.{n + 1}") for n in range(40 - turn)})
        done = config(mesh, "apply", new)
        expect_equal(done.returncode, 0, done.stderr)
        expect_equal(mesh.status()["applied"], applied + turn + 1, "generations")


@test("config/large")
def large(box):
    """100,000 endpoints: dumped to a directory, compared, without the agent growing by it."""
    mesh = Mesh(box)
    mesh_scale.Mesh(mesh.directory, per_file=100).write()
    mesh.weftd.start()
    wait_for(lambda: mesh.status()["settled"], 60, "the first configuration")
    time.sleep(6)  # what it takes once: tables of ejection, the first scrape
    before = resident_mib(mesh.weftd.process.pid)
    dumped = box.dir / "dumped"
    done = config(mesh, "dump", "--to", dumped)
    expect_equal(done.returncode, 0, done.stderr)
    expect(all(path.stat().st_size <= 4 << 20 for path in dumped.iterdir()), "a file of the dump is too large")
    compared = config(mesh, "diff", dumped)
    expect_equal((compared.returncode, compared.stderr), (0, ""), "the dump beside what is in force")
    grown = resident_mib(mesh.weftd.process.pid) - before
    dry = json.loads(config(mesh, "apply", "--dry-run", dumped, "-o", "json").stdout)
    expect_equal((dry["endpoints"], dry["endpoints_kept"], dry["changes"]), (100000, 100000, False), "a dry run of the dump")
    print(f"agent {before:.0f} MiB, grown by {grown:.1f} MiB; dry run: {dry}")
    expect(grown <= 8, f"the agent grew by {grown:.1f} MiB")


def resident_mib(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(int(pathlib.Path(f"/proc/{one}/status").read_text().split("VmRSS:")[1].split()[0]) for one in [pid, *children]) / 1024


OBJECTIVE = """apiVersion: weft.dev/v1alpha1
kind: Objective
metadata: {name: cart, namespace: shop}
spec: {service: cart.example, target: 0.999, window: 1h, latency: 2s}
---
"""


@test("config/objectives_are_counted")
def objectives(box):
    node = servers.nginx(box.namespace("cart"), 8080)
    client = box.namespace("client")
    cart = cart_of([(node.place.address, {"version": "v1"})])
    mesh = Mesh(box, cart=cart + OBJECTIVE)
    mesh.start()
    found = connect(client, CART, count=30)
    expect_equal(found["answers"], {"200": 30}, f"answers: {found}")
    good = {"objective": "shop/cart", "destination_service": "cart.example", "outcome": "good"}
    wait_for(lambda: mesh.weftd.metrics().total("weft_objective_requests_total", **good) == 60, 10, "30 good requests of each reporter")
    metrics = mesh.weftd.metrics()
    expect_equal([metrics.total("weft_objective_requests_total", outcome=outcome) for outcome in ("bad", "unknown")], [0, 0], "others")
    expect_equal((metrics.total("weft_objective_target_ratio"), metrics.total("weft_objective_window_seconds")), (0.999, 3600), "the promise")
    mesh.apply(cart=cart + OBJECTIVE.replace("0.999", "0.99"))
    wait_for(lambda: mesh.weftd.metrics().total("weft_objective_target_ratio") == 0.99, 5, "the new promise")
    expect_equal(mesh.weftd.metrics().total("weft_objective_requests_total", **good), 60, "counts go on")
    mesh.apply(cart=cart)
    wait_for(lambda: not mesh.weftd.metrics().rows("weft_objective_target_ratio"), 5, "its end")


@test("config/what_has_no_effect_is_said")
def no_effect(box):
    mesh = Mesh(box, telemetry="""apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {name: t, namespace: istio-system}
spec:
  metrics: [{overrides: [{match: {metric: REQUEST_COUNT}, disabled: true}]}]
  accessLogging: [{disabled: true}]
  tracing: [{disableSpanReporting: true}]
""")
    mesh.start()
    said = "\n".join(mesh.status()["problems"])
    for line, field in ((5, "metrics"), (6, "accessLogging"), (7, "tracing")):
        expect(f'telemetry.yaml:{line}:' in said and f'"{field}" has no effect' in said, said)


@test("config/names_of_processes_by_matchers")
def names(box):
    node = servers.nginx(box.namespace("cart"), 8080)
    client = box.namespace("client")
    program = os.path.basename(os.path.realpath(sys.executable))
    mesh = Mesh(box, cart=cart_of([(node.place.address, {"version": "v1"})]), robot=f"""apiVersion: weft.dev/v1alpha1
kind: Workload
metadata: {{name: robot, namespace: shop, labels: {{app: robots, version: v7}}}}
spec:
  serviceAccount: robot
  match: [{{executable: "*/{program}"}}, {{uid: 65533}}]
""")
    mesh.start()
    wanted = {"source_workload": "robot", "source_workload_namespace": "shop", "source_app": "robots", "source_version": "v7",
              "source_principal": "unknown", "destination_service": "cart.example"}
    found = connect(client, CART, count=10)
    expect_equal(found["answers"], {"200": 10}, f"answers: {found}")
    wait_for(lambda: mesh.weftd.metrics().total("istio_requests_total", reporter="source", **wanted) == 10, 10, "requests of the robot")
    mesh.write("bad", 'apiVersion: weft.dev/v1alpha1\nkind: Workload\nmetadata: {name: x}\nspec: {match: [{executable: "/usr/bin/py*"}]}\n')
    wait_for(lambda: "bad.yaml:4:" in mesh.status()["failure"] and "E3007" in mesh.status()["failure"], 5, "the refusal of a pattern")


@test("config/convert")
def convert(box):
    """A cluster's manifests: nothing is left out in silence; what is without problems is in force as it is."""
    mesh = Mesh(box)
    mesh.start()
    cluster = ROOT / "mesh-config" / "manifests" / "convert" / "cluster.yaml"
    done = config(mesh, "convert", cluster)
    expect_equal(done.returncode, 3, done.stderr)
    comments = [line for line in done.stdout.splitlines() if line.startswith("# left out: ")]
    said = [line for line in done.stderr.splitlines() if re.match(rf"{cluster}:\d+:\d+: warning: ", line)]
    expect_equal(len(comments), len(said), "a comment for each warning on standard error")
    expect("11 objects written, 11 things left out;" in done.stderr and "refused: 3 errors above" in done.stderr, done.stderr)
    expect("refused" not in done.stdout, "what is refused is listed, each alike, and marked nowhere else")
    expect("of no meaning here: ipFamilies 1, hostname 1, topology 1" in done.stderr and "ipFamilies" not in done.stdout, done.stderr)
    refused = re.findall(rf"^{cluster}:(\d+):\d+: error\[(E\d+)\]", done.stderr, re.M)
    expect_equal(refused, [("77", "E3002"), ("93", "E3002"), ("95", "E2011")], "what was refused, by its place in the manifest")
    expect("<stdout>" not in done.stderr, done.stderr)
    secured = folder(box, "secured", tls="""apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a, namespace: n}
spec:
  host: a
  trafficPolicy:
    outlierDetection: {consecutiveErrors: 3}
    portLevelSettings: [{port: {number: 443}, tls: {mode: SIMPLE}}]
""")
    done = config(mesh, "convert", secured)
    expect_equal(done.returncode, 3, done.stderr)
    expect("portLevelSettings:" in done.stdout and "consecutive5xxErrors: 3" in done.stdout, done.stdout)
    expect(re.search(r"/secured/tls.yaml:8:\d+: error\[E3002\]", done.stderr), done.stderr)
    foreign = folder(box, "foreign", policies="".join(f"""apiVersion: {api}
kind: AuthorizationPolicy
metadata: {{name: {name}, namespace: n}}
spec: {{action: DENY, rules: [{{}}]}}
---
""" for name, api in (("a", "example.com/v1"), ("b", "v1"), ("c", "networking.istio.io/v1"))))
    done = config(mesh, "convert", foreign)
    refused = re.findall(r"/foreign/policies.yaml:(\d+):\d+: error\[(E\d+)\]", done.stderr)
    expect_equal((done.returncode, refused), (3, [("7", "E2011"), ("12", "E2011")]), done.stderr)
    made = box.dir / "made"
    fine = folder(box, "fine", cluster="\n".join(text for text in (
        "apiVersion: v1\nkind: List\nitems:", *(f"- {json.dumps(one)}" for one in [
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "namespace": "n", "uid": "1"},
             "spec": {"clusterIP": "198.19.3.1", "ports": [{"port": 80, "targetPort": 8080}]}, "status": {}},
            {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "a", "namespace": "n"},
             "subsets": [{"addresses": [{"ip": "10.0.0.7"}, {"ip": "10.0.0.8"}], "ports": [{"port": 8080}]}]}]))))
    done = config(mesh, "convert", fine, "--to", made)
    expect_equal((done.returncode, done.stdout), (0, ""), done.stderr)
    expect_equal(config(mesh, "apply", made).returncode, 0, "what was made is put in force")
    expect_equal(sorted(row["address"] for row in mesh.lines("endpoints")), ["10.0.0.7:8080", "10.0.0.8:8080"], "endpoints in force")
    again = config(mesh, "convert", fine, "--to", made)
    expect(again.returncode == 1 and "File exists" in again.stderr, again.stderr)


@test("config/an_unknown_option_is_a_mistake_in_usage")
def unknown_option(box):
    """It is no file, name or pattern."""
    weftd = Mesh(box).weftd
    for code, *command in ((2, "config", "validate"), (2, "config", "convert"), (2, "config", "diff"), (2, "config", "diff", "x"), (2, "config", "apply"),
                           (2, "config", "dump"), (2, "config", "schema"), (2, "services"), (2, "endpoints"), (2, "map"), (2, "simulate", "-")):
        done = weftd.command(*command, "--nope")
        expect(done.returncode == code and '"--nope"' in done.stderr and "No such file" not in done.stderr, f"{command}: {done}")


@test("config/files_in_folders_are_told")
def passed_over(box):
    """They are not read, which is said where the rest is checked and by the agent; endings count in any case."""
    mesh = Mesh(box)
    (mesh.directory / "cart.YAML").write_text(cart_of([("10.0.0.1", {"version": "v1"})]))
    (mesh.directory / "eu").mkdir()
    (mesh.directory / "eu" / "deny.yml").write_text("kind: nothing\n")
    mesh.start()
    line = "a file in a folder of it is not read: eu/deny.yml"
    wait_for(lambda: f'event=config_passed_over directory="{mesh.directory}" code=W1011 reason="{line}"' in mesh.weftd.process.output(), 20, "the agent's log")
    expect_equal(len(mesh.lines("services")), 1, "in force of a file that ends in .YAML")
    for code, verb in ((0, "validate"), (0, "convert"), (0, "diff")):
        done = config(mesh, verb, mesh.directory)
        expect_equal(done.returncode, code, f"{verb}: {done}")
        expect(f"{mesh.directory}: warning[W1011]: {line}" in done.stdout + done.stderr, f"{verb}: {done}")
    expect(config(mesh, "validate", mesh.directory).stdout.endswith("0 errors, 1 warning\n"), "how many")


@test("config/validate_tells_what_cannot_be_read")
def unreadable(box):
    """Beside all other problems, with its code."""
    mesh = Mesh(box, bad="apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspce: {}\n", large="#" * (4 << 20) + "\n")
    os.mkfifo(mesh.directory / "pipe.yaml")
    (mesh.directory / "dangling.yaml").symlink_to("nowhere")

    def validated():
        done = mesh.weftd.command("config", "validate", mesh.directory, "-o", "json")
        return done.returncode, sorted({(pathlib.Path(row["file"]).stem, row["code"]) for row in map(json.loads, done.stdout.splitlines())})

    three = [("dangling", "E1009"), ("large", "E1009"), ("pipe", "E1009")]
    expect_equal(validated(), (3, sorted([*three, ("bad", "E2001"), ("bad", "E2004")])), "all problems")
    (mesh.directory / "bad.yaml").unlink()
    expect_equal(validated(), (3, three), "what cannot be read alone")
    expect(mesh.weftd.command("config", "validate", mesh.directory).stdout.endswith("3 errors, 0 warnings\n"), "how many")
    good = box.dir / "good"
    good.mkdir()
    for code, *command in ((1, "policy", "explain", "-", "10.0.0.1", "80", "--config", mesh.directory), (2, "config", "diff", good, mesh.directory),
                           (3, "config", "apply", "--dry-run", mesh.directory), (3, "config", "apply", mesh.directory), (3, "config", "convert", mesh.directory)):
        done = mesh.weftd.command(*command)
        said = sorted(pathlib.Path(path).stem for path in re.findall(r"^(\S+): error\[E1009\]: cannot be read: ", done.stdout + done.stderr, re.M))
        expect_equal((done.returncode, said), (code, ["dangling", "large", "pipe"]), f"{command}: {done}")
        expect((done.stdout + done.stderr).count("fix, split or remove it") == 3, f"hints: {done}")
