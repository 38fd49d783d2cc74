/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of observe share: a connection, its ends, its two directions, and the whole.
 * Private. Each calls only what comes after it: ingest, connections, stream, transport, l7,
 * l7_stream, requests, answers, exchange, report. */
#pragma once

#include "base/table.h"
#include "base/tls_stacks.h"
#include "datapath/decode/tls.h"
#include "datapath/observe/counters.h"
#include "datapath/observe/direction.h"
#include "datapath/observe/identity.h"
#include "datapath/observe/list.h"
#include "datapath/observe/listener.h"
#include "datapath/observe/secrets.h"

/* One end's socket on this node; |cookie| 0 when the end is elsewhere. */
struct end {
	uint64_t cookie;
	const struct identity *identity;
	struct endpoint address;
	struct weft_counters counters;
	uint64_t reported_sent_bytes; /* totals at the last report of this end, the connection's
					 directions */
	uint64_t reported_received_bytes;
	uint32_t reported_retransmits;
	uint32_t handshake_us;
	uint64_t requests;
	uint64_t heard_ns;     /* when a walk reported it alive last */
	uint64_t left_ns;      /* its program gave it up; 0: not yet, or not known */
	uint64_t left_bytes;   /* that had been sent by then */
	uint64_t peer_left_ns; /* the other end's FIN came; 0: not yet, or not known */
	uint8_t tls_stack;     /* enum tls_stack: why its secrets did not come */
	bool discovered;       /* while it lived */
	bool announced;	       /* CONNECTION_OPENED was reported */
	bool closing_reported;
	bool closed;
};

/* The only exchange of a connection that may be HTTP/0.9; positions as of a stream. */
struct simple {
	uint64_t first; /* byte of the request; 0: there is none */
	uint64_t last;
	uint64_t answer_first;
	uint64_t answer_last;
	uint64_t answer_bytes;
	bool target_cut;
	char target[47];
};

struct http_state;
struct match_entry;
struct awaited;

/* A connection with one or both of its ends on this node. */
struct conn {
	uint64_t id; /* key of the table */
	struct observe *observe;
	struct end ends[2];
	struct stream streams[2];
	struct l7_stream l7[2];
	struct http_state *http; /* open exchanges; NULL before the first head */
	struct tls *tls;
	const struct decoder *decoder; /* of its protocol; NULL: not known yet */
	struct simple simple;
	struct proxied *proxied; /* reads a PROXY header, or NULL */
	const char *protocol;	 /* what it is called once its bytes are only counted, or NULL */
	struct list attention;	 /* something waits for a tick */
	struct list alive;	 /* by time of the last report */
	struct list tls_waiting; /* for a secret */
	uint64_t opened_ns;	 /* 0: before the agent */
	uint64_t discovered_ns;
	uint64_t event_ns;    /* of the last event */
	uint64_t touched_ns;  /* last time that it became the youngest of the table */
	uint64_t reported_ns; /* when it was, or there was nothing new to report */
	uint64_t ended_ns;    /* first end closed, 0 = lives */
	uint64_t tls_since_ns;
	uint32_t flags; /* RESPONSE_FLAG() of the connection */
	bool opaque;	/* its bytes are only counted */
	bool unsynced;	/* its first bytes were not all decoded: decoders start midstream */
	bool midstream; /* what it carried before it was discovered is not known */
	bool numbered;	/* HTTP/1: the messages of both directions are counted from the first on: a
			   response answers the request of its number */
	bool news;	/* something was heard of it since it was reported as alive */
	bool sequenced; /* its first sequence numbers are known: its two ends can find each other */
	bool role_guessed;
	bool lost;	     /* a direction was out of step at least once */
	bool answers_missed; /* HTTP/1: behind the last answer, and the last request that was
				sent while another was open, the server sent what answers none */
	bool break_in_doubt; /* requests could not be parsed behind a loss: it may be why */
	bool encrypted;	     /* TLS, opened or not */
	bool tls_opened;     /* counted as opened */
	bool tls_lost;	     /* opened, and lost again */
	struct match_entry *unmatched; /* waits for its other end, or NULL */
	struct awaited *awaited;       /* its other end comes before anything is read, or NULL */
};

#define RECENT_ENDS 256

struct observe {
	struct observe_limits limits;
	struct observe_listener listener;
	struct observe_counters counters;
	struct identities *identities;
	struct secrets *secrets;
	struct table *conns;			    /* struct conn by id */
	struct table *ends;			    /* struct end_entry by cookie */
	struct end_entry *recent_ends[RECENT_ENDS]; /* of |ends|, by cookie modulo: found without a
						     * hash; none is stale */
	struct table *unmatched; /* struct match_entry by what the other end will say */
	struct table *listeners; /* struct listener_key */
	struct table *gone;	 /* cookies of the latest ends that closed */
	struct list attention;
	struct list alive;
	struct list tls_waiting;
	uint32_t tls_waiting_count;
	struct exchange *free_exchanges;
	struct exchange *all_exchanges; /* free or not */
	uint32_t exchanges;		/* ever made */
	struct window *free_windows;
	uint32_t windows;
	uint64_t next_conn_id;
	uint64_t next_request_id;
	uint64_t now_ns;	   /* the latest time seen */
	uint64_t walked_ns;	   /* of the latest record of a walk over what lives */
	uint64_t open_reported_ns; /* when open requests were reported last */
};

static inline bool conn_is_local(const struct conn *c, unsigned side)
{
	return c->ends[side].cookie;
}

/* The endpoint of |e|: the end where a record of |tuple| was made, or the other one. */
static inline void endpoint_local(struct endpoint *e, const struct weft_tuple *tuple,
				  const struct weft_owner *owner, uint64_t cookie, bool isolated)
{
	memcpy(e->addr, tuple->local_addr, sizeof(e->addr));
	e->port = tuple->local_port;
	e->netns_ino = tuple->netns_ino;
	e->isolated = isolated;
	e->pid = owner->pid;
	e->cookie = cookie;
}

static inline void endpoint_remote(struct endpoint *e, const struct weft_tuple *tuple)
{
	memcpy(e->addr, tuple->remote_addr, sizeof(e->addr));
	e->port = tuple->remote_port;
}

static inline void observe_count(struct conn *c, enum observe_loss loss)
{
	c->observe->counters.lost[loss]++;
}

/* Something of |c| waits for time to pass: the next tick looks at it. */
static inline void conn_want_tick(struct conn *c)
{
	if (!list_linked(&c->attention))
		list_append(&c->observe->attention, &c->attention);
}

/* "tcp", "http1", "http2", "tls" (not opened), "websocket", "unknown". */
const char *conn_protocol(const struct conn *c);

/* NULL for clear text. */
const struct tls_facts *conn_tls_facts(const struct conn *c);

/* What became of its TLS, as the end |side| sees it; NULL for clear text. */
const char *conn_tls_state(const struct conn *c, unsigned side);

/* Bytes of what |side| sends that may be missing from here on without harm. */
uint64_t conn_body_left(const struct conn *c, unsigned side);
