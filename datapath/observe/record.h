/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The records that observe hands on: one per exchange, one per state of a connection. */
#pragma once

#include <linux/types.h>
#include "bpf/abi.h"
#include "datapath/decode/lenient.h"
#include "datapath/observe/record_marks.h"

#include <stdbool.h>
#include <stdint.h>

/* Who an end is. Interned: equal identities have equal pointers for the life of the agent
 * (bounded table; beyond the bound everything is "overflow"). Strings are
 * never empty: "unknown". */
struct identity {
	uint32_t index;	     /* small and dense, for tables keyed by identity */
	char workload[64];   /* container (or Pod), else systemd unit, cgroup, executable */
	char kind[12];	     /* "container", "unit", "cgroup", "process", "address", "unknown" */
	char namespace_[64]; /* mesh namespace, "unknown" without configuration; a Pod's own */
	char service[128];   /* destination_service (host); without configuration the workload */
	char app[64];	     /* canonical service; without configuration the workload */
	char version[32];    /* canonical revision; without configuration "latest" */
};

/* The end that a record was observed at (Istio's reporter). A connection within one node is
 * reported once by each end. */
enum reporter { REPORTER_SOURCE, REPORTER_DESTINATION, REPORTER_MAX };

/* TLS facts of a connection as records carry them; NULL where the connection is clear. */
struct tls_facts;

/* One end's address, for people. */
struct endpoint {
	uint8_t addr[16]; /* IPv4 mapped */
	uint16_t port;	  /* host order */
	uint32_t netns_ino;
	uint16_t proxied_port;
	bool isolated; /* in a network namespace of an unprivileged user, where any address can be
			  that of any end */
	bool proxied; /* the connection began with a PROXY header, which gives this end's address */
	uint8_t proxied_addr[16]; /* as the header gives it */
	uint32_t pid;		  /* 0 = not on this node or not known */
	uint64_t cookie;	  /* socket cookie, 0 = not on this node */
};

/* One exchange as one reporter saw it. Pointers are borrowed for the time of the callback. Times
 * are CLOCK_MONOTONIC in ns, 0 = not known (see |incomplete|). */
struct request {
	uint64_t id; /* the same for both reporters of one exchange */
	enum reporter reporter;
	const struct identity *source;
	const struct identity *destination;
	const struct endpoint *client;
	const struct endpoint *server;

	char protocol[8]; /* "http1.0", "http1.1", "http2" */
	bool grpc;
	char method[16];
	char path[256]; /* query values dropped: "?id=&page=" */
	char authority[128];
	uint32_t stream_id;
	uint16_t status;     /* 0: no response began */
	int grpc_status;     /* GRPC_STATUS_UNKNOWN (-1): no trailer was seen, or not gRPC */
	uint32_t reset_code; /* HTTP/2 error code, valid when |reset| */
	bool reset;
	uint64_t request_bytes; /* body content */
	uint64_t response_bytes;
	uint64_t request_messages; /* gRPC */
	uint64_t response_messages;

	uint64_t start_ns; /* source: first request byte left; destination: it arrived */
	uint64_t request_end_ns;
	uint64_t first_byte_ns; /* source: first byte of the final response arrived; destination: it
				   left */
	uint64_t end_ns;	/* last byte of the response */
	/* when it was open, as far as that was not reported while it was; where its own times are
	 * not known by those of the other end, or by when it was discovered. From later than until:
	 * so much was reported too much */
	uint64_t open_from_ns;
	uint64_t open_until_ns;

	char traceparent[56]; /* valid ones only, else empty */
	char request_id[64];
	char user_agent[64];
	uint32_t flags;	     /* RESPONSE_FLAG() */
	uint32_t incomplete; /* REQUEST_GAP() */
	uint32_t lenient;    /* HTTP_LENIENT_FORM() that occur in the request or its response */
	bool encrypted;
	const struct tls_facts *tls; /* NULL for clear text */
};

/* A request that is open: reported once a second until it ends. */
struct open_request {
	enum reporter reporter;
	const struct identity *source;
	const struct identity *destination;
	uint64_t from_ns; /* since it was reported last, or since it began */
	uint64_t until_ns;
};

enum connection_phase { CONNECTION_OPENED, CONNECTION_ALIVE, CONNECTION_CLOSED };

/* A connection as one reporter saw it, when it opened, now and then while it lives, and when it
 * closed. Counters are totals since it opened; differences are the listener's to take with
 * |previous|. */
struct connection {
	uint64_t id;
	enum reporter reporter;
	enum connection_phase phase;
	const struct identity *source;
	const struct identity *destination;
	const struct endpoint *client;
	const struct endpoint *server;
	const char
		*protocol; /* "tcp", "http1", "http2", "tls" (not opened), "websocket", "unknown" */
	bool encrypted;
	const struct tls_facts *tls;
	const char *tls_state; /* tls_state_name(), NULL for clear text */
	uint64_t opened_ns;    /* 0 = before the agent; of one that failed: when it was tried */
	uint64_t now_ns;
	uint32_t handshake_us;	 /* 0 = not known */
	bool closing;		 /* alive: its program has closed this end */
	bool bytes_known;	 /* else the connection may have carried more than these counts */
	uint64_t sent_bytes;	 /* server to client, for BOTH reporters (Istio's "sent during
				    response") */
	uint64_t received_bytes; /* client to server */
	uint64_t previous_sent_bytes; /* at the last report of this connection */
	uint64_t previous_received_bytes;
	uint32_t previous_retransmits;
	struct weft_counters counters; /* this end's kernel counters; zero while not known */
	uint64_t requests;	       /* exchanges reported so far */
	uint32_t flags;		       /* RESPONSE_FLAG() */
};

/* What the mesh decided about a connection, reported by the end where it was decided. Texts are
 * "none" where there is nothing and "unknown" where the name is not known. */
struct verdict {
	enum reporter reporter; /* source: at connect or sendmsg; destination: at the listener */
	uint8_t verdict;	/* WEFT_VERDICT_*; allowed: a policy only took note; ended, ejected:
				 * the connection lived until then */
	uint8_t protocol;	/* IPPROTO_* */
	uint32_t rule;		/* of |policy|, from 1; 0 = no rule matched */
	uint32_t flags;		/* RESPONSE_FLAG() */
	uint64_t time_ns;
	const struct identity *source;
	const struct identity *destination;
	const struct endpoint *client;
	const struct endpoint *server;
	char policy[128]; /* "namespace/name" */
	char service[128];
	char source_workload[128]; /* "namespace/name", as the mesh knows them */
	char target_workload[128];
};

/* Sent when the socket begins to listen, now and then while it does, and when it ends. ALIVE may
 * arrive after ENDED. */
enum listener_phase { LISTENER_BEGAN, LISTENER_ALIVE, LISTENER_ENDED };

/* A listening socket and how full its queue is. */
struct listener {
	enum listener_phase phase;
	const struct identity *identity;
	struct endpoint address;
	uint32_t backlog;
	uint32_t backlog_max; /* it is full with one connection more */
	uint64_t drops;
};
