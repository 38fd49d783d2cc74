/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The table of everything that can be wrong with a configuration. Codes are stable: new ones are
 * added, none changes its meaning. */
#pragma once

/* X(name, code, title, explanation); the first letter of the code is its severity. */
#define PROBLEM_CODES(X)                                                                           \
	X(SYNTAX, "E1001", "not YAML", "The file cannot be read as YAML; nothing of it is used.")  \
	X(TAB, "E1002", "tab in the indentation", "YAML indents with spaces only.")                \
	X(ALIAS, "E1003", "anchor, alias or merge key",                                            \
	  "Aliases make small files huge; write the value out at each place.")                     \
	X(DEPTH, "E1004", "nested too deep", "At most 64 levels.")                                 \
	X(DUPLICATE_KEY, "E1005", "key given twice",                                               \
	  "YAML parsers differ in which value they use, so it is refused.")                        \
	X(TOO_LARGE, "E1006", "too large",                                                         \
	  "At most 4 MiB, a million values and 65,536 documents in a file, 65,536 keys in a map.") \
	X(ENCODING, "E1007", "not clean UTF-8",                                                    \
	  "Files are UTF-8 without control characters, with or without a byte order mark.")        \
	X(TAG, "E1008", "YAML tag", "A field determines the type of its value; tags are refused.") \
	X(UNREADABLE, "E1009", "file cannot be read", "The file exists but could not be read.")    \
	X(EMPTIED, "E1010", "file became empty",                                                   \
	  "A file with objects was truncated in place, as by a full disk or a crashed editor; "    \
	  "its objects stay in force. To remove objects, remove the file or rename another one "   \
	  "over it. If the directory has no file at all when the agent starts, or when another "   \
	  "one has replaced it (a file system that is not mounted, or was unmounted), what is in " \
	  "force stays in the same way, until there is a file, which may contain only a comment.") \
	X(PASSED_OVER, "W1011", "files in subdirectories",                                         \
	  "Only files in the directory itself are read. Subdirectories whose names begin with "    \
	  "a dot, as Kubernetes creates them, are not checked.")                                   \
	X(UNKNOWN_FIELD, "E2001", "unknown field",                                                 \
	  "The field is not part of this kind; usually it is misspelt or at the wrong level.")     \
	X(TYPE, "E2002", "wrong type",                                                             \
	  "The value has not the type of its field. Numbers, true and false (also yes, no, on, "   \
	  "off) are text only in quotes, as in Kubernetes.")                                       \
	X(VALUE, "E2003", "value not allowed",                                                     \
	  "The value is not one of those, or not in the range, that the field accepts.")           \
	X(REQUIRED, "E2004", "required field missing",                                             \
	  "The object has no meaning without this field, or with an empty one.")                   \
	X(ADDRESS, "E2005", "not an address",                                                      \
	  "IPv4 or IPv6 addresses, or prefixes such as "                                           \
	  "10.0.0.0/8.")                                                                           \
	X(NAME, "E2006", "not a name",                                                             \
	  "Names of objects consist of lower case letters, digits, '-' and '.', as in "            \
	  "Kubernetes; hosts, subsets and ports have DNS names, as in Istio.")                     \
	X(NOT_OBJECT, "E2007", "not a resource",                                                   \
	  "Each document has apiVersion, kind and "                                                \
	  "metadata.name.")                                                                        \
	X(UNKNOWN_KIND, "W2008", "unknown kind",                                                   \
	  "weft does not use this kind; the document is ignored.")                                 \
	X(VERSION, "W2009", "unknown version of an API",                                           \
	  "The document is read as the version that weft supports.")                               \
	X(MISSPELT_KIND, "E2011", "misspelt kind",                                                 \
	  "The kind is almost one that weft reads, or has a wrong group (an API server refuses "   \
	  "it as well); ignoring it silently would change what is allowed or where connections "   \
	  "go.")                                                                                   \
	X(LABEL, "E2012", "not a label",                                                           \
	  "Keys and values of labels follow the rules of Kubernetes: [PREFIX/]NAME, and "          \
	  "letters, digits, '-', '_' and '.'; selectors have no wildcards.")                       \
	X(EXCLUSIVE, "E2013", "mutually exclusive fields", "Only one of these fields can be set.") \
	X(HOST_BITS, "W2014", "bits after the prefix",                                             \
	  "The address is not the first one of its network; the whole network is used.")           \
	X(FORMER_NAME, "W2015", "former name of a field",                                          \
	  "The field has another name now; it is read under that name.")                           \
	X(ANNOTATION, "W2016", "annotation without effect",                                        \
	  "weft has no such annotation, or not for this kind, or the code it names cannot be "     \
	  "accepted. A name that is almost a known one is an error (E2001).")                      \
	X(LEFT_TO_OTHERS, "W2017", "kind that weft leaves to others",                              \
	  "It may restrict connections or requests, and weft does not read it. A NetworkPolicy "   \
	  "is enforced by the cluster's network plugin (CNI) in addition to what weft decides; "   \
	  "an EnvoyFilter or a WasmPlugin has no effect without proxies; policies of Linkerd, "    \
	  "Consul and Kuma are enforced by their own proxies. The document is ignored.")           \
	X(NOT_HONOURED, "E3001", "changes routing and is not supported",                           \
	  "weft decides about connections, not about requests in them; ignoring this field "       \
	  "silently would send requests elsewhere than written.")                                  \
	X(SECURITY, "E3002", "security that weft does not provide",                                \
	  "Ignoring this field or object silently would weaken security.")                         \
	X(HARMLESS, "W3003", "has no effect here",                                                 \
	  "weft ignores this field or object; nothing else is affected.")                          \
	X(L7_ALLOW, "E3004", "HTTP attribute in an ALLOW policy",                                  \
	  "Policies decide when a connection is made, before any request. So an ALLOW rule "       \
	  "with an HTTP attribute never matches, and what it should allow would be denied.")       \
	X(L7_DENY, "W3005", "HTTP attribute in a DENY policy",                                     \
	  "The rest of the rule applies to whole connections: it denies more than written.")       \
	X(L7_DENY_LOST, "E3006", "DENY rule with only HTTP attributes",                            \
	  "No condition on connections remains: what it should deny would pass.")                  \
	X(UNSUPPORTED, "E3007", "not supported",                                                   \
	  "weft does not support this, and any other behaviour would be wrong.")                   \
	X(UNGRANTED, "E3008", "reference without a grant",                                         \
	  "With the Gateway API a backend in another namespace is used only if a "                 \
	  "ReferenceGrant there permits references from routes of this kind and namespace. If "    \
	  "accepted, the backend is used all the same.")                                           \
	X(DUPLICATE, "E4001", "duplicate object",                                                  \
	  "Two documents have the same kind, namespace and name.")                                 \
	X(NO_SERVICE, "E4002", "service not found", "No Service or ServiceEntry has this host.")   \
	X(NO_SUBSET, "E4003", "subset not found",                                                  \
	  "No DestinationRule of the host has a subset "                                           \
	  "of that name.")                                                                         \
	X(NO_PORT, "E4004", "port not found", "The service has no such port.")                     \
	X(OVERLAP, "E4005", "conflicting services",                                                \
	  "Two services have the same host, or the same address and port: it is ambiguous "        \
	  "which one a connection is for.")                                                        \
	X(WEIGHTS, "E4006", "wrong sum of weights",                                                \
	  "All weights are 0, or their sum is not 100 where it must be.")                          \
	X(LOST_OBJECT, "W4007", "missing target",                                                  \
	  "The object refers to a service that does not exist, or a condition of it to a port "    \
	  "that the service does not have; it is kept and has no effect.")                         \
	X(EMPTY_SUBSET, "W4008", "selects nothing",                                                \
	  "No endpoint or workload has these labels "                                              \
	  "now: connections would be refused.")                                                    \
	X(UNREACHABLE, "W4009", "never reached", "An earlier entry matches everything.")           \
	X(CONFLICT, "W4010", "two objects for the same target",                                    \
	  "Only the first one, by namespace and name, is used.")                                   \
	X(UNMERGED, "E4011", "conflicting DestinationRules",                                       \
	  "DestinationRules of one host and namespace are merged: each subset, and the traffic "   \
	  "policy, may be in one of them only.")                                                   \
	X(UNDECIDABLE, "E4020", "workloads that cannot be distinguished",                          \
	  "Workloads with different ALLOW policies have the same address, and no port tells "      \
	  "which of them a connection is for: what one of them allows the other denies.")          \
	X(UNSELECTABLE, "W4022", "not selected by labels",                                         \
	  "Endpoints have the labels of their Pods, or of the Workload or WorkloadEntry with "     \
	  "their address. If neither is known, policies without a selector apply to them, as "     \
	  "to everything in the namespace of their service; policies with a selector do not.")     \
	X(BARE_NAME, "W4023", "identified by a file name alone",                                   \
	  "Any user of the node can give a program this name: an ALLOW policy for the workload "   \
	  "also allows that program. A full path, or executableOwner in addition to the name, "    \
	  "limits this to users who may write there.")                                             \
	X(SELECTS_NOBODY, "W4024", "policy without workload",                                      \
	  "No workload of the policy's namespace has the labels of its selector: it has no "       \
	  "effect. There is no warning if no workload of that namespace is known, as policies "    \
	  "may come before workloads.")                                                            \
	X(UNBALANCED, "W4025", "service that is not balanced",                                     \
	  "Connections are balanced when they are made to an address of a service. Without one "   \
	  "(headless, ExternalName, no clusterIP or addresses yet) or with resolution NONE "       \
	  "they keep their address, regardless of routes and rules.")                              \
	X(MATCHES_NOBODY, "W4026", "pattern that matches no client",                               \
	  "No client can have this principal, namespace or service account: a "                    \
	  "DENY denies no client by it, an ALLOW allows none, and in a list of exceptions it "     \
	  "excepts none. Principals are TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT, with the trust "     \
	  "domain of MeshSettings; a star counts once, at the beginning or at the end.")           \
	X(ADDRESS_ONLY, "W4021", "identified by its address alone",                                \
	  "On the node where a workload runs, its policies apply to all of its sockets; other "    \
	  "nodes know only its address.")
