# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What Istio makes of a connection on TCP, from what a test itself knows of both ends: a second opinion that shares nothing
with weft. Policies are (namespace, spec), with the spec as operators write it."""

import collections
import ipaddress

ROOT_NAMESPACE = "istio-system"
Who = collections.namedtuple("Who", "namespace account labels")
Who.__doc__ = """A workload. None in its place: no workload of the mesh."""


def fits(value, pattern):
    """|value| is "" where there is none; `*` alone asks for any."""
    if pattern == "*":
        return value != ""
    if pattern.startswith("*"):
        return value.endswith(pattern[1:])
    if pattern.endswith("*"):
        return value.startswith(pattern[:-1])
    return value == pattern


def within(address, block):
    return ipaddress.ip_address(address) in ipaddress.ip_network(block, strict=False)


def principal(who):
    return f"cluster.local/ns/{who.namespace}/sa/{who.account}" if who and who.account else ""


def all_hold(fields, known):
    """Each field, and each `not` of one; |known|: name: (value, how to compare)."""
    for name, patterns in fields.items():
        plain = name[3].lower() + name[4:] if name.startswith("not") else name
        value, compare = known[plain]
        if any(compare(value, pattern) for pattern in patterns) == (plain != name):
            return False
    return True


def rule_matches(rule, source, address, port):
    client = {"namespaces": (source.namespace if source else "", fits), "principals": (principal(source), fits),
              "ipBlocks": (address, within)}
    server = {"ports": (str(port), fits)}
    starts, ends = rule.get("from"), rule.get("to")
    return ((not starts or any(all_hold(one["source"], client) for one in starts))
            and (not ends or any(all_hold(one["operation"], server) for one in ends)))


def selects(namespace, spec, target):
    labels = spec.get("selector", {}).get("matchLabels", {})
    return target is not None and namespace in (ROOT_NAMESPACE, target.namespace) and labels.items() <= target.labels.items()


def one_allows(policies, source, address, target, port):
    mine = [spec for namespace, spec in policies if selects(namespace, spec, target)]

    def any_matches(action):
        return any(rule_matches(rule, source, address, port) for spec in mine if spec.get("action", "ALLOW") == action
                   for rule in spec.get("rules", ()))

    if any_matches("DENY"):
        return False
    return any_matches("ALLOW") or not any(spec.get("action", "ALLOW") == "ALLOW" for spec in mine)


def allows(policies, sources, address, targets, port):
    """An end that may be one of several workloads gets what each of them may have."""
    return all(one_allows(policies, source, address, target, port) for source in sources for target in targets)
