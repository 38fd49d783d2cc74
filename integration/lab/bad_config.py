# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Broken and hostile files: those of mesh-config/manifests/bad, and those that are made because of their size."""

import re

from lab.sandbox import ROOT

BAD = ROOT / "mesh-config" / "manifests" / "bad"
MIB = 1 << 20

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{clusterIP: 10.96.7.7, ports: [{{port: 80}}]}}\n"
POLICY = """apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: p, namespace: shop}
spec: {action: CUSTOM, provider: {name: x}, rules: [{}]}
"""
ROUTE = """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: r, namespace: shop}
spec:
  hosts: [cart.example]
  tcp: [{route: [{destination: {host: nobody.example}}]}]
"""
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(20))

# name: (content, line of the first error, its code)
MADE = {
    "five_mib": (("# " + "x" * 77 + "\n") * (5 * MIB // 80), 0, "E1009"),
    "four_mib_of_keys": ("a:\n" + "".join(f"  k{n}: v\n" for n in range(4 * MIB // 13)), 65538, "E1006"),
    "four_mib_of_brackets": ("[" * (4 * MIB - 1), 1, "E1004"),
    "four_mib_of_text": ('a: "' + "x" * (4 * MIB - 8), 1, "E1001"),
    "four_mib_of_documents": ("--- x\n" * (4 * MIB // 6), 1, "E2007"),
    "one_key_sixty_thousand_times": ("a: 1\n" * 60000, 2, "E1005"),
    "deep_lists": ("- " * 100000, 1, "E1004"),
    "deep_maps": ("".join(" " * n + "a:\n" for n in range(300)), 65, "E1004"),
    "billion_laughs": (LAUGHS, 1, "E1003"),
    "alias_of_itself": ("a: &a [*a]\n", 1, "E1003"),
    "merge": ("a: {<<: {b: 1}}\n", 1, "E1003"),
    "tabs": ("apiVersion: v1\nkind: Service\nmetadata:\n\tname: x\n", 4, "E1002"),
    "binary": ("a: \x01\n", 1, "E1007"),
    "utf16": ("apiVersion: v1\n".encode("utf-16"), 1, "E1007"),
    "nul": (b"a: b\0c\n", 1, "E1007"),
    "python_object": ("!!python/object/apply:os.system [id]\n", 1, "E1008"),
    "wrong_types": ("apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec:\n  ports: yes\n", 5, "E2002"),
    "unknown_field": ("apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec:\n  prots: []\n", 5, "E2001"),
    "misspelt_kind": ("apiVersion: security.istio.io/v1\nkind: AuthorisationPolicy\nmetadata: {name: x}\n", 2, "E2011"),
    "twice": (SERVICE.format(name="a") + "---\n" + SERVICE.format(name="a"), 6, "E4001"),
    "overlapping_services": (SERVICE.format(name="a") + "---\n" + SERVICE.format(name="b"), 9, "E4005"),
    "overlap_with_another_file": ("apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: zoo}\nspec: {clusterIP: 198.19.77.10, ports: [{port: 80}]}\n", 4, "E4005"),
    "dangling_route": (ROUTE, 6, "E4002"),
    "external_authorizer": (POLICY, 4, "E3002"),
    "peer_authentication": ("apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: x}\nspec: {mtls: {mode: STRICT}}\n", 4, "E3002"),
}


def cases():
    """(name, content, line, code) of each; of a file in the tree the line and code of the first error in its .txt."""
    for path in sorted(BAD.glob("*.yaml")):
        line, code = re.search(r"^\S+?:(\d+):\d+: error\[(E\d+)\]", path.with_suffix(".txt").read_text(), re.M).groups()
        yield path.stem, path.read_bytes(), int(line), code
    for name, (content, line, code) in MADE.items():
        yield name, content if isinstance(content, bytes) else content.encode(), line, code
