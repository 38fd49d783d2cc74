# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A mesh as large as clusters get: services with ten endpoints each, policies, a hundred files."""

SERVICES, ENDPOINTS, POLICIES, FILES = 10000, 10, 1000, 100

SERVICE = """apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: s{n}, namespace: ns{ns}}}
spec:
  hosts: [s{n}.ns{ns}.example]
  addresses: [{vip}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP, targetPort: 8080}}]
  endpoints:
{endpoints}---
"""
POLICY = """apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: p{n}, namespace: ns{ns}}}
spec:
  selector: {{matchLabels: {{app: s{n}}}}}
  action: ALLOW
  rules:
  - from:
    - source: {{namespaces: [ns{ns}, ns{other}], notIpBlocks: [10.{n8}.0.0/16]}}
    to:
    - operation: {{ports: ["8080", "8443"]}}
  - from:
    - source: {{principals: ["cluster.local/ns/ns{other}/sa/s*"]}}
---
"""


def service(n, endpoints=ENDPOINTS):
    rows = "".join(f"  - {{address: 10.{n >> 8 & 255}.{n & 255}.{e + 1}, labels: {{app: s{n}, version: v{e % 2}}}, serviceAccount: s{n}}}\n"
                   for e in range(endpoints))
    return SERVICE.format(n=n, ns=n % 100, vip=f"198.19.{n >> 8 & 255}.{n & 255}", endpoints=rows)


def policy(n):
    return POLICY.format(n=n, ns=n % 100, other=(n + 1) % 100, n8=n % 256)


def write(directory, services=SERVICES, policies=POLICIES):
    """Names of the files are f0.yaml, f1.yaml ..."""
    for file in range(FILES):
        text = "".join(service(n) for n in range(file, services, FILES)) + "".join(policy(n) for n in range(file, policies, FILES))
        (directory / f"f{file}.yaml").write_text(text)
