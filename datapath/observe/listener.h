/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an observer is given: its bounds, where its records go, and who is asked for names. */
#pragma once

#include "datapath/observe/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* What configuration knows of an end; "" = nothing. */
struct observe_names {
	char workload[64];
	char namespace_name[64];
	char service[128]; /* the host that clients ask for */
	char app[64];	   /* canonical service */
	char version[32];  /* canonical revision */
};

/* The names, in the configuration, of the numbers of a verdict record; "" = not known. */
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
	 * id, the answer is kept; after -EAGAIN it is called again for the next record. */
	int (*cgroup_path)(void *arg, uint64_t cgroup_id, char *out, size_t size);
	/* The name that the container runtime has for the container |id| (64 hex digits) in the
	 * control group |cgroup_id|: fills the workload and, for a Pod, its namespace. Returns 0,
	 * or -ENOENT: then the container is named after the program that runs in it; or -EAGAIN.
	 * Called as often as cgroup_path. NULL: a container is named by its first 12 digits. |ret|
	 * comes zeroed. */
	int (*container)(void *arg, uint64_t cgroup_id, const char *id, struct observe_names *ret);
	/* Names an end: its address (NULL: that does not identify it) and port and, where it is on
	 * this node, its owner (else NULL). 0, or -ENOENT: configuration does not know it. Called
	 * once per end of a connection. May be NULL. |ret| comes zeroed. */
	int (*names)(void *arg, const struct weft_owner *owner, const uint8_t addr[16],
		     uint16_t port, struct observe_names *ret);
	/* The payload of socket |cookie| in |direction| (WEFT_EGRESS, WEFT_INGRESS) need not be
	 * copied up to byte |until| of the direction, as far as it is payload of TLS records: all
	 * of it is the body of one message. May be NULL, may be ignored. */
	void (*skip)(void *arg, uint64_t cookie, unsigned direction, uint64_t until);
	/* The TLS library of process |pid| whose secrets cannot be read (enum tls_stack).
	 * TLS_STACK_NONE: not known yet, more than one is possible, or its secrets can be read;
	 * TLS_STACK_OTHER: no known library. Called when TLS begins to wait for a secret, and again
	 * when none came. Must not wait. May be NULL. */
	unsigned (*tls_stack)(void *arg, uint32_t pid);
	void (*verdict)(void *arg, const struct verdict *v);
	/* Names the policy, service and workloads of |v|, whose numbers are those of its
	 * generation. May be NULL. |ret| comes zeroed. */
	void (*verdict_names)(void *arg, const struct weft_verdict *v,
			      struct observe_verdict_names *ret);
};
