/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The programs of the kernel half: one row each, from which attachment, `weft check`, health and
 * metrics are generated. checks/programs compares the rows with the BPF object. */
#pragma once

#include <stdbool.h>

/* Features that programs implement: X(id, wanted, goes, name, consequence without it). wanted: the
 * option of attach_new that enables it (enum program_wanted). goes: if a kernel refuses a program,
 * the object is loaded without the features of the lowest number, then also without those of the
 * next; 0 is never left out. */
#define PROGRAM_FEATURES(X)                                                                        \
	X(CONTENT, ALWAYS, 0, "content", "payload of sockets is not captured: L4 only")            \
	X(CONNECTIONS, ALWAYS, 0, "connections", "connections are not reported: flows only")       \
	X(NESTED, ALWAYS, 17, "nested changes",                                                    \
	  "a state change that interrupts another run is not seen")                                \
	X(RESETS, ALWAYS, 16, "resets", "the end that reset a connection is not known")            \
	X(LIVING, ALWAYS, 0, "living sockets",                                                     \
	  "long connections and listeners are reported at their begin and end only")               \
	X(OLDER, ALWAYS, 0, "older sockets", "owners of sockets older than weftd are not known")   \
	X(FLOWS, ALWAYS, 12, "flows", "packets and bytes of interfaces are not counted")           \
	X(XDP, ALWAYS, 11, "XDP", "ingress is counted by TC")                                      \
	X(TLS_DERIVED, TLS, 15, "derived secrets", "TLS stays closed")                             \
	X(TLS_LOGGED, TLS, 14, "logged secrets",                                                   \
	  "secrets are taken where they are derived, at several times the cost")                   \
	X(MAPPINGS, TLS, 13, "mappings", "mapped libraries are seen by perf events")               \
	X(CONNECT, MESH, 10, "connect",                                                            \
	  "services are not balanced, and policy acts at servers only")                            \
	X(DATAGRAMS, MESH, 10, "datagrams", "UDP is not balanced")                                 \
	X(PEER_NAMES, MESH, 10, "peer names",                                                      \
	  "clients see the endpoint's address instead of the service's")                           \
	X(COUNTS, MESH, 10, "counts",                                                              \
	  "ends of connections are not counted: least request and limits do not work")             \
	X(POLICY, MESH, 10, "policy at server", "clients on other nodes are not refused")          \
	X(UDP_SERVERS, MESH, 10, "UDP servers", "policy does not match their executable or user")  \
	X(CHANGES, MESH, 2, "changing servers",                                                    \
	  "changes of a server's process are found within about a second, not at once")            \
	X(UDPLITE_CLIENTS, MESH, 10, "UDP-Lite clients",                                           \
	  "policy does not match their executable or user")                                        \
	X(HOLDERS, MESH, 3, "server owners",                                                       \
	  "policy identifies a server by the process that bound its socket, not by the holder")    \
	X(LOOKUP, MESH, 10, "reset at server", "denied connections are dropped without a RST")     \
	X(ENDINGS, MESH, 6, "end connections",                                                     \
	  "connections that a new policy forbids stay established")                                \
	X(SERVERS, MESH, 4, "servers at an address",                                               \
	  "`weft policy explain` does not find the listeners at an address of this node")          \
	X(PLACES, MESH, 5, "places of an address",                                                 \
	  "`weft policy explain` does not find the namespaces with an address of this node")       \
	X(SIMULATION, MESH, 7, "simulation", "`weft simulate` has no answer")                      \
	X(POLICY_PROBE, MESH, 8, "policy probe", "only tests of weft use it")                      \
	X(EXPLANATION, MESH, 9, "explanation", "`weft policy explain` has no answer")              \
	X(REDIRECT, REDIRECT, 1, "acceleration", "all connections use TCP")

enum program_wanted { WANTED_ALWAYS, WANTED_TLS, WANTED_MESH, WANTED_REDIRECT };

/* Where a program runs, and which module attaches it there. */
enum program_hook {
	HOOK_TRACE,	  /* lifecycle.c: a tracepoint */
	HOOK_CGROUP,	  /* lifecycle.c: the root of control groups */
	HOOK_CONNS,	  /* lifecycle.c: an iterator over the sockets of weft_conns, */
	HOOK_OWNERS,	  /* of weft_owners, */
	HOOK_PICKS,	  /* of weft_picks */
	HOOK_FILES,	  /* lifecycle.c: an iterator over the files of all processes */
	HOOK_FILES_ONLY,  /* the same, if the kernel refuses iterators over a map of sockets */
	HOOK_ACCEL_TRACE, /* redirect.c: as above, once a service is accelerated */
	HOOK_ACCEL_CGROUP,
	HOOK_ACCEL_MAP,	    /* redirect.c: the map of sockets, and each socket in it */
	HOOK_LOOKUP,	    /* lookups.c: socket lookup of each network namespace */
	HOOK_TC,	    /* tc.c */
	HOOK_XDP,	    /* xdp.c */
	HOOK_UPROBE_MULTI,  /* uprobe_links.c: if the kernel has uprobe_multi, */
	HOOK_UPROBE_SINGLE, /* and if it does not */
	HOOK_MAPPING,	    /* mapping_trace.c: if the kernel has trampolines */
	HOOK_CALLED,	    /* run on demand by owners.c, where.c, mesh_maps.c */
};

/* X(name, hook, pinned, feature, budget), in the order of attaching: payload first, so that all
 * payload of a connection that tcp_state sees begin is seen. name: as in the BPF object. pinned:
 * lifecycle.c or redirect.c pins the link by this name, so that it outlives the agent. budget:
 * instructions that the verifier of Linux 6.18 processes, as `checks/budget --update` writes them;
 * 0: the kernel does not load it. */
#define PROGRAMS(X)                                                                                \
	X(payload_out, CGROUP, true, CONTENT, 101194)                                              \
	X(payload_in, CGROUP, true, CONTENT, 101198)                                               \
	X(tcp_state, TRACE, true, CONNECTIONS, 14767)                                              \
	X(tcp_state_twin, TRACE, true, NESTED, 12199)                                              \
	X(tcp_reset_out, TRACE, true, RESETS, 14)                                                  \
	X(tcp_reset_in, TRACE, true, RESETS, 13)                                                   \
	X(conns_alive, CONNS, false, LIVING, 441)                                                  \
	X(listeners, OWNERS, false, LIVING, 151)                                                   \
	X(sockets_found, FILES, false, OLDER, 2067)                                                \
	X(mesh_state, CGROUP, true, COUNTS, 74)                                                    \
	X(mesh_release, CGROUP, true, COUNTS, 39)                                                  \
	X(mesh_peer4, CGROUP, true, PEER_NAMES, 46)                                                \
	X(mesh_peer6, CGROUP, true, PEER_NAMES, 77)                                                \
	X(mesh_recvmsg4, CGROUP, true, DATAGRAMS, 80)                                              \
	X(mesh_recvmsg6, CGROUP, true, DATAGRAMS, 89)                                              \
	X(mesh_sendmsg4, CGROUP, true, DATAGRAMS, 125694)                                          \
	X(mesh_sendmsg6, CGROUP, true, DATAGRAMS, 128164)                                          \
	X(mesh_connect4, CGROUP, true, CONNECT, 125325)                                            \
	X(mesh_connect6, CGROUP, true, CONNECT, 127478)                                            \
	X(mesh_knock, CGROUP, true, POLICY, 8916)                                                  \
	X(mesh_accept, CGROUP, true, POLICY, 176311)                                               \
	X(mesh_endings, CONNS, false, ENDINGS, 122234)                                             \
	X(mesh_end_datagr, PICKS, false, ENDINGS, 588)                                             \
	X(files_alive, FILES_ONLY, false, LIVING, 643)                                             \
	X(mesh_ends_files, FILES_ONLY, false, ENDINGS, 119267)                                     \
	X(mesh_bound4, CGROUP, true, UDP_SERVERS, 2041)                                            \
	X(mesh_bound6, CGROUP, true, UDP_SERVERS, 2041)                                            \
	X(mesh_created, CGROUP, true, UDPLITE_CLIENTS, 1995)                                       \
	X(mesh_stir_fork, TRACE, false, CHANGES, 53)                                               \
	X(mesh_stir_exec, TRACE, false, CHANGES, 31)                                               \
	X(mesh_stir_move, TRACE, false, CHANGES, 31)                                               \
	X(mesh_holders, CALLED, false, HOLDERS, 28330)                                             \
	X(mesh_lookup, LOOKUP, false, LOOKUP, 88711)                                               \
	X(mesh_servers, CALLED, false, SERVERS, 27689)                                             \
	X(mesh_places, CALLED, false, PLACES, 10705)                                               \
	X(mesh_simulate, CALLED, false, SIMULATION, 63043)                                         \
	X(mesh_policy, CALLED, false, POLICY_PROBE, 30934)                                         \
	X(mesh_explain, CALLED, false, EXPLANATION, 76887)                                         \
	X(weft_tc_ingress, TC, false, FLOWS, 31797)                                                \
	X(weft_tc_egress, TC, false, FLOWS, 31795)                                                 \
	X(weft_xdp, XDP, false, XDP, 31455)                                                        \
	X(tls_keys_multi, UPROBE_MULTI, false, TLS_DERIVED, 2612)                                  \
	X(tls_keys, UPROBE_SINGLE, false, TLS_DERIVED, 2612)                                       \
	X(tls_log_multi, UPROBE_MULTI, false, TLS_LOGGED, 614)                                     \
	X(tls_log, UPROBE_SINGLE, false, TLS_LOGGED, 614)                                          \
	X(code_mapped, MAPPING, false, MAPPINGS, 0)                                                \
	X(redirect_msg, ACCEL_MAP, false, REDIRECT, 82206)                                         \
	X(redirect_skb, ACCEL_MAP, false, REDIRECT, 2)                                             \
	X(redirect_read, ACCEL_TRACE, true, REDIRECT, 281)                                         \
	X(redirect_option, ACCEL_CGROUP, true, REDIRECT, 185)                                      \
	X(redirect_enrol, ACCEL_CGROUP, true, REDIRECT, 1477)

enum program_feature {
#define X(id, ...) PROGRAM_FEATURE_##id,
	PROGRAM_FEATURES(X)
#undef X
		PROGRAM_FEATURE_MAX
};

/* Spelled as in the object, so that one search finds a program, its row and its users. */
enum program {
#define X(name, ...) PROGRAM_##name,
	PROGRAMS(X)
#undef X
		PROGRAM_MAX
};

extern const struct program_feature_row {
	enum program_wanted wanted;
	unsigned goes;
	const char *name, *without;
} program_features[PROGRAM_FEATURE_MAX];

extern const struct program_row {
	const char *name;
	enum program_hook hook;
	bool pinned;
	enum program_feature feature;
} program_table[PROGRAM_MAX];

/* Whether lifecycle.c attaches it. */
static inline bool program_is_common(enum program p)
{
	return program_table[p].hook <= HOOK_FILES_ONLY;
}

static inline bool program_is_mesh(enum program p)
{
	return program_features[program_table[p].feature].wanted == WANTED_MESH;
}
