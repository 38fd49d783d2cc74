/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Events of the kernel half in, requests and connections out. Owns the connection table, the
 * secrets that wait for their connection, the identities and the loss account of this half. Pure:
 * time comes with the events and with observe_tick. */
#pragma once

#include "base/error.h"
#include "datapath/observe/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct observe;

struct observe_limits {
	uint32_t connections; /* default 65536; each costs about 1 KiB when clear and idle */
	uint32_t requests_per_connection; /* open exchanges, default 256 */
	uint32_t secrets;		  /* default 4096 */
	uint32_t identities;		  /* default 4096 */
	uint64_t secret_wait_ns;	  /* default 10 s: then tls_give_up and wipe */
	uint64_t connection_idle_ns;	  /* default 1 h without any event: forgotten and counted */
	uint64_t alive_interval_ns;	  /* default 10 s between CONNECTION_ALIVE reports */
	bool tls_off;			  /* default false; true: no secrets will come */
	bool verify;			  /* default false: no accounts are compared */
	uint64_t seed;
};
struct observe_limits observe_limits_default(void);

/* What configuration knows of an end; "" = nothing. */
struct observe_names {
	char workload[64];
	char namespace_name[64];
	char service[128]; /* the host that clients ask for */
	char app[64];	   /* canonical service */
	char version[32];  /* canonical revision */
};

/* What configuration calls the numbers of a verdict record; "" = nobody knows. */
struct observe_verdict_names {
	char policy[128]; /* "namespace/name" */
	char service[128];
	char source[128]; /* workloads: "namespace/name" */
	char target[128];
};

/* Where records go. Callbacks must not call back into observe. */
struct observe_listener {
	void *arg;
	void (*request)(void *arg, const struct request *r);
	void (*open_request)(void *arg, const struct open_request *r);
	void (*connection)(void *arg, const struct connection *c);
	void (*listener)(void *arg, const struct listener *l);
	/* Names the control group |id| of a process: writes its path below the cgroup2 root
	 * ("/system.slice/nginx.service") into |out|; returns 0 or -ENOENT. Called once per unknown
	 * id, the answer is kept. */
	int (*cgroup_path)(void *arg, uint64_t cgroup_id, char *out, size_t size);
	/* How the runtime of the container |id| (64 hex digits), whose control group is
	 * |cgroup_id|, calls it: fills the workload, of a Pod its namespace. 0, or -ENOENT: then it
	 * is called as the program that runs in it. Called once per unknown control group. NULL:
	 * containers are called by the first 12 digits. |ret| comes zeroed. */
	int (*container)(void *arg, uint64_t cgroup_id, const char *id, struct observe_names *ret);
	/* Names an end: its address and port and, where it is on this node, its owner (else NULL).
	 * 0, or -ENOENT: configuration does not know it. Called once per end of a connection. May
	 * be NULL. |ret| comes zeroed. */
	int (*names)(void *arg, const struct weft_owner *owner, const uint8_t addr[16],
		     uint16_t port, struct observe_names *ret);
	/* What socket |cookie| carries in |direction| (WEFT_EGRESS, WEFT_INGRESS) need not be
	 * copied up to byte |until| of the direction, as far as it is payload of TLS records: all
	 * of it is the body of one message. May be NULL, may be ignored. */
	void (*skip)(void *arg, uint64_t cookie, unsigned direction, uint64_t until);
	/* With which library that is not opened process |pid| speaks TLS (enum tls_stack).
	 * TLS_STACK_NONE: not known yet, or more than one could be it, or one that is opened;
	 * TLS_STACK_OTHER: none that is known. Called when TLS begins to wait for a secret, and
	 * again when none came. Must not wait. May be NULL. */
	unsigned (*tls_stack)(void *arg, uint32_t pid);
	void (*verdict)(void *arg, const struct verdict *v);
	/* Names the policy, service and workloads of |v|, whose numbers are those of its
	 * generation. May be NULL. |ret| comes zeroed. */
	void (*verdict_names)(void *arg, const struct weft_verdict *v,
			      struct observe_verdict_names *ret);
};

/* Why something that was delivered by the ring became no record. One per-reason counter each; also
 * the reasons why a direction was given up. X(name, stage, reason, text) */
#define OBSERVE_LOSSES(X)                                                                          \
	X(BAD_EVENT, "ingest", "bad_event", "a ring record with impossible sizes")                 \
	X(UNKNOWN_CONNECTION, "connection", "unknown",                                             \
	  "an arrival or close of a connection never met")                                         \
	X(TABLE_FULL, "connection", "table_full",                                                  \
	  "the oldest connection was forgotten to make room")                                      \
	X(CONNECTION_IDLE, "connection", "idle",                                                   \
	  "a connection without any event for too long was forgotten")                             \
	X(MEMORY, "connection", "memory", "no memory for a decoder")                               \
	X(DESYNC, "decode", "resync",                                                              \
	  "bytes outside of a body are missing; the direction is given up until it can be joined " \
	  "again")                                                                                 \
	X(MALFORMED_HTTP1, "decode", "http1", "not valid HTTP/1")                                  \
	X(MALFORMED_HTTP2, "decode", "http2", "not valid HTTP/2")                                  \
	X(LIMIT, "decode", "limit", "a bound of a decoder was exceeded")                           \
	X(TLS_UNREADABLE, "decode", "tls",                                                         \
	  "a TLS connection could not be read (by state in its connection record)")                \
	X(TLS_GAP, "decode", "tls_gap",                                                            \
	  "the head of a TLS record is missing: what follows cannot be read")                      \
	X(TLS_PROOF, "decode", "tls_proof",                                                        \
	  "a TLS record does not open with the keys of those before it")                           \
	X(TLS_MALFORMED, "decode", "tls_malformed", "not valid TLS after a valid start")           \
	X(TLS_SECRET, "decode", "tls_secret",                                                      \
	  "no secret for what follows: none came, or too much waited for it")                      \
	X(HOLE, "reorder", "hole",                                                                 \
	  "a hole in what the network brought was given up: it was not filled in time, or more "   \
	  "came behind it than is kept")                                                           \
	X(UNPAIRED_RESPONSE, "pair", "unpaired_response", "a response without its request")        \
	X(UNPAIRED_REQUEST, "pair", "unpaired_request",                                            \
	  "a request given up: its record says `lost`")                                            \
	X(TOO_MANY_REQUESTS, "pair", "too_many",                                                   \
	  "more open exchanges on one connection than are kept")                                   \
	X(SECRETS_EXPIRED, "secrets", "expired", "a secret that no connection claimed")            \
	X(SECRETS_FULL, "secrets", "full", "the oldest unclaimed secret made room")                \
	X(SECRETS_UNSHARED, "secrets", "unshared",                                                 \
	  "a secret that was not claimed by every connection that showed its ClientHello")         \
	X(IDENTITIES_FULL, "identity", "full", "an end was named overflow")

enum observe_loss {
#define X(name, ...) OBSERVE_LOST_##name,
	OBSERVE_LOSSES(X)
#undef X
		OBSERVE_LOSS_MAX
};

/* What is compared when an end closes. X(name, label, text) */
#define OBSERVE_ACCOUNTS(X)                                                                        \
	X(SENT, "sent", "bytes that left by the hooks and those acknowledged by TCP")              \
	X(RECEIVED, "received", "bytes that came by the hooks and those taken by TCP")             \
	X(DECODED, "decoded", "bytes given to the decoders or left out, and those that left")

enum observe_account {
#define X(name, ...) OBSERVE_ACCOUNT_##name,
	OBSERVE_ACCOUNTS(X)
#undef X
		OBSERVE_ACCOUNT_MAX
};

/* Why an end that closed is not compared. X(name, label, text) */
#define OBSERVE_UNACCOUNTED(X)                                                                     \
	X(MIDSTREAM, "midstream", "met while it lived: its first bytes were not seen")             \
	X(CUT, "cut", "ended by a reset, a timeout or a failure: what was on its way is in doubt") \
	X(REPAIRED, "repaired", "TCP_REPAIR: a process puts bytes into its queues, without packets")

enum observe_unaccounted {
#define X(name, ...) OBSERVE_UNACCOUNTED_##name,
	OBSERVE_UNACCOUNTED(X)
#undef X
		OBSERVE_UNACCOUNTED_MAX
};

struct observe_counters {
	uint64_t delivered[8]; /* ring records taken, by WEFT_EVENT_* */
	uint64_t lost[OBSERVE_LOSS_MAX];
	uint64_t differences[OBSERVE_ACCOUNT_MAX];
	uint64_t lenient[2][HTTP_LENIENT_MAX]; /* messages of clients and of servers */
	uint64_t unaccounted[OBSERVE_UNACCOUNTED_MAX];
	uint64_t requests[REPORTER_MAX];
	uint32_t connections; /* in the table now */
	uint32_t secrets;     /* waiting now */
	uint32_t identities;
	uint64_t tls_connections;
	uint64_t tls_opened; /* of these bound by tag */
	uint64_t bytes_decoded;
};

/* NULL and |err| on short memory. Free with observe_free. */
struct observe *observe_new(const struct observe_limits *limits,
			    const struct observe_listener *listener, struct error *err);
void observe_free(struct observe *o);

/* One ring record (or one structure of the TCP iterator). Never fails: what cannot be used is
 * counted. */
void observe_event(struct observe *o, const void *record, size_t size_bytes);

/* Expires what waits, reports living connections; call about ten times a second. */
void observe_tick(struct observe *o, uint64_t now_ns);

const struct observe_counters *observe_counts(const struct observe *o);
