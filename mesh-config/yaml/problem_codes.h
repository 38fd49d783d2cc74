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
	  "YAML parsers differ in which one they take, so none is.")                               \
	X(TOO_LARGE, "E1006", "too large",                                                         \
	  "At most 4 MiB, a million values and 65,536 documents in a file, 65,536 keys in a map.") \
	X(ENCODING, "E1007", "not clean UTF-8",                                                    \
	  "Files are UTF-8 without control characters, with or without a byte order mark.")        \
	X(TAG, "E1008", "YAML tag",                                                                \
	  "Values have the type that their field says; tags are refused.")                         \
	X(UNREADABLE, "E1009", "file cannot be read", "The file is there but could not be read.")  \
	X(EMPTIED, "E1010", "file became empty",                                                   \
	  "A file that had objects was emptied where it is, as a full disk or a crashed editor "   \
	  "does; what it had stays in force. Removing the file, or renaming another one into its " \
	  "place, takes objects away. A directory without any file when the agent starts (a file " \
	  "system that is not mounted) likewise keeps what an earlier agent put in force, until "  \
	  "there is a file.")                                                                      \
	X(PASSED_OVER, "W1011", "files in folders",                                                \
	  "Files are read in the directory itself, not in folders of it. Folders whose names "     \
	  "begin with a dot, as Kubernetes makes them, are not looked at.")                        \
	X(UNKNOWN_FIELD, "E2001", "unknown field",                                                 \
	  "The field is not part of this kind; most often it is misspelt or one level off.")       \
	X(TYPE, "E2002", "wrong type",                                                             \
	  "The value has another type than its field. Numbers, true and false (also yes, no, on, " \
	  "off) are no texts unless they stand in quotes, as Kubernetes has it.")                  \
	X(VALUE, "E2003", "value not allowed",                                                     \
	  "The value is none of those, or not in the range, "                                      \
	  "that the field takes.")                                                                 \
	X(REQUIRED, "E2004", "required field missing",                                             \
	  "The object means nothing without it, or with it empty.")                                \
	X(ADDRESS, "E2005", "not an address",                                                      \
	  "IPv4 or IPv6 addresses, or prefixes such as "                                           \
	  "10.0.0.0/8.")                                                                           \
	X(NAME, "E2006", "not a name",                                                             \
	  "Names of objects are lower case letters, digits, '-' and '.', as in Kubernetes; "       \
	  "hosts, "                                                                                \
	  "subsets and ports have names of DNS, as in Istio.")                                     \
	X(NOT_OBJECT, "E2007", "not a resource",                                                   \
	  "Each document has apiVersion, kind and "                                                \
	  "metadata.name.")                                                                        \
	X(UNKNOWN_KIND, "W2008", "unknown kind",                                                   \
	  "weft has no use for this kind; the document is "                                        \
	  "left out.")                                                                             \
	X(VERSION, "W2009", "unknown version of an API",                                           \
	  "The document is read as the version "                                                   \
	  "that weft knows.")                                                                      \
	X(MISSPELT_KIND, "E2011", "misspelt kind",                                                 \
	  "The kind is almost one that weft knows, or is said to be of a group that it does not "  \
	  "belong to (an API server refuses it as well); leaving it out silently would change "    \
	  "what is allowed or where connections go.")                                              \
	X(LABEL, "E2012", "not a label",                                                           \
	  "Keys and values of labels are those of Kubernetes: [PREFIX/]NAME, and letters, "        \
	  "digits, '-', '_' and '.'; selectors have no wildcards.")                                \
	X(EXCLUSIVE, "E2013", "fields that exclude each other", "Only one of them can be meant.")  \
	X(HOST_BITS, "W2014", "bits behind the prefix",                                            \
	  "The address is not the first one of its network; the whole network is meant.")          \
	X(FORMER_NAME, "W2015", "former name of a field",                                          \
	  "The field has another name today; it is read as that one.")                             \
	X(ANNOTATION, "W2016", "annotation without effect",                                        \
	  "weft knows no such annotation of its own, or none for this kind, or what it accepts "   \
	  "cannot be accepted. A name that is almost a known one is an error (E2001).")            \
	X(LEFT_TO_OTHERS, "W2017", "kind that weft leaves to others",                              \
	  "It may restrict connections or requests, and weft does not read it. A NetworkPolicy "   \
	  "is "                                                                                    \
	  "enforced by the cluster's network plugin (CNI) and holds beside what weft decides; an " \
	  "EnvoyFilter or a WasmPlugin is nobody's without proxies; policies of Linkerd, Consul "  \
	  "and Kuma are those of their own proxies. The document is left out.")                    \
	X(NOT_HONOURED, "E3001", "changes routing and is not supported",                           \
	  "weft steers connections and does not take part in them; leaving this field out "        \
	  "silently would send requests elsewhere than written.")                                  \
	X(SECURITY, "E3002", "security that weft does not provide",                                \
	  "Leaving this field or object out silently would weaken security.")                      \
	X(HARMLESS, "W3003", "has no effect here", "weft does without; nothing breaks by that.")   \
	X(L7_ALLOW, "E3004", "HTTP attribute in an ALLOW policy",                                  \
	  "Policies are decided when a connection opens, before any request. An ALLOW rule with "  \
	  "an HTTP attribute never matches then, so what it was to allow would be denied.")        \
	X(L7_DENY, "W3005", "HTTP attribute in a DENY policy",                                     \
	  "The rest of the rule holds for whole connections: it denies more than written.")        \
	X(L7_DENY_LOST, "E3006", "DENY rule with nothing but HTTP attributes",                     \
	  "Nothing remains of it on connections: what it was to deny would pass.")                 \
	X(UNSUPPORTED, "E3007", "not supported",                                                   \
	  "weft cannot do this, and doing something else "                                         \
	  "would be wrong.")                                                                       \
	X(UNGRANTED, "E3008", "reference without a grant",                                         \
	  "The Gateway API sends nothing to a backend of another namespace until a "               \
	  "ReferenceGrant there lets routes of this kind and namespace refer to it. Accepted, "    \
	  "the backend is taken all the same.")                                                    \
	X(DUPLICATE, "E4001", "object given twice",                                                \
	  "Two documents have the same kind, namespace "                                           \
	  "and name.")                                                                             \
	X(NO_SERVICE, "E4002", "service not found", "No Service or ServiceEntry has this host.")   \
	X(NO_SUBSET, "E4003", "subset not found",                                                  \
	  "No DestinationRule of the host has a subset "                                           \
	  "of that name.")                                                                         \
	X(NO_PORT, "E4004", "port not found", "The service has no such port.")                     \
	X(OVERLAP, "E4005", "two services in one place",                                           \
	  "Two services have the same host, or the same address and port: which one a "            \
	  "connection means cannot be told.")                                                      \
	X(WEIGHTS, "E4006", "weights do not add up",                                               \
	  "All weights are 0, or do not make 100 "                                                 \
	  "where they must.")                                                                      \
	X(LOST_OBJECT, "W4007", "belongs to nothing",                                              \
	  "The object refers to a service that is not there, or a condition of it to a port that " \
	  "the service does not have; it is kept and has no effect.")                              \
	X(EMPTY_SUBSET, "W4008", "selects nothing",                                                \
	  "No endpoint or workload has these labels "                                              \
	  "now: connections would be refused.")                                                    \
	X(UNREACHABLE, "W4009", "never reached", "What stands before it matches everything.")      \
	X(CONFLICT, "W4010", "two objects for one thing",                                          \
	  "Only the first one, by namespace and "                                                  \
	  "name, is used.")                                                                        \
	X(UNMERGED, "E4011", "two rules say the same thing differently",                           \
	  "DestinationRules of one host and namespace are merged: each subset, and the traffic "   \
	  "policy, may be in one of them only.")                                                   \
	X(UNDECIDABLE, "E4020", "workloads that cannot be told apart",                             \
	  "Workloads with different ALLOW policies have one address, and no port says which of "   \
	  "them a connection is for: what one of them allows the other denies.")                   \
	X(UNSELECTABLE, "W4022", "not selected by labels",                                         \
	  "Endpoints have the labels of their Pods, or of the Workload or WorkloadEntry with "     \
	  "their address. Where neither is known, policies without selector hold for them, as "    \
	  "for everything in the namespace of their service; policies with one do not.")           \
	X(BARE_NAME, "W4023", "known by a name alone",                                             \
	  "Each user of the node can give a program this name: an ALLOW policy that lets the "     \
	  "workload in lets that program in. A whole path, or executableOwner beside the name, "   \
	  "is what only those can have who may write there.")                                      \
	X(SELECTS_NOBODY, "W4024", "policy without workload",                                      \
	  "No workload of the policy's namespace has the labels of its selector: it has no "       \
	  "effect. Nothing is said where no workload of that namespace is known: policies may "    \
	  "come before workloads.")                                                                \
	X(UNBALANCED, "W4025", "service that is not balanced",                                     \
	  "Connections are sent to endpoints when they are made to an address of a service. "      \
	  "Without one (headless, ExternalName, no clusterIP or addresses yet) or with "           \
	  "resolution "                                                                            \
	  "NONE they go where they go, whatever routes and rules say.")                            \
	X(MATCHES_NOBODY, "W4026", "pattern that matches no client",                               \
	  "No client can have this principal, namespace or service account: a "                    \
	  "DENY denies no client by it, an ALLOW allows none, and in a list of exceptions it "     \
	  "excepts none. Principals are TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT, with the trust "     \
	  "domain of MeshSettings; a star counts once, at the beginning or at the end.")           \
	X(ADDRESS_ONLY, "W4021", "known by its address alone",                                     \
	  "On the node that a workload runs on, policies for it hold for all of its sockets; "     \
	  "other nodes know no more than its address.")
