/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One request and its response on their way to the listener: kept while open, timed at both ends,
 * delivered once per local end when its times are known. Private. */
#pragma once

#include "datapath/observe/conn.h"

/* What is timed of an exchange. */
enum moment { MOMENT_START, MOMENT_REQUEST_END, MOMENT_FIRST_BYTE, MOMENT_END, MOMENT_MAX };

/* An exchange that is open, or complete and waiting for arrival times. */
struct exchange {
	struct exchange *all;  /* the next of observe.all_exchanges */
	struct list open;      /* in order of the requests; unlinked once complete */
	struct exchange *next; /* same bucket of stream ids, or free */
	struct conn *conn;
	uint32_t number;       /* HTTP/1: of the request in its direction */
	struct request record; /* what is delivered, filled as it becomes known */
	uint64_t times[MOMENT_MAX][REPORTER_MAX];
	uint64_t discovered_ns;
	uint64_t reported_until_ns[REPORTER_MAX]; /* as open, up to here; 0: not yet */
	struct wait waits[MOMENT_MAX];
	uint8_t pending[REPORTER_MAX]; /* arrivals that this reporter waits for */
	uint8_t gaps[REPORTER_MAX];    /* a time of this reporter is not known */
	uint8_t unasked; /* moments (1 << enum moment) whose receiver is not known on this node; its
			    wait has the position */
	bool settled[REPORTER_MAX]; /* delivered, or there is no such end */
	bool malformed;		    /* no server should answer it */
	bool headless;		    /* its answer came before the end of its head (HTTP/2) */
	bool type_unknown;	    /* the content type may be a field that was not understood */
	bool in_doubt;		    /* the answer may have begun before its direction was decoded */
	bool request_ended;
	bool response_begun;
	bool response_ended;
	bool complete;
};

#define STREAM_BUCKETS 16

struct http_state {
	struct list open;
	struct exchange *buckets[STREAM_BUCKETS]; /* HTTP/2: open exchanges by stream id */
	struct exchange *current[2];		  /* HTTP/1: whose message passes in a direction */
	struct exchange *switching;		  /* HTTP/1: its answer switches the protocol */
	uint32_t count;
	uint32_t untracked;	   /* requests beyond the limit, answers to come */
	uint32_t forgotten_stream; /* HTTP/2: streams up to this one were given up */
	uint32_t early_stream;	   /* HTTP/2: that was answered before its head was complete */
	uint32_t highest_stream;   /* HTTP/2: of which the request was seen */
	uint32_t missed_after, missed_before; /* HTTP/2: requests of streams between these were not
						 seen; 0: the end is not known */
	bool answered_early; /* the request head that is being read has its answer (HTTP/1) */
	bool pipelined;	     /* a response ended when the next request was sent already (HTTP/1) */
	const struct decoder *switch_to; /* as what |switching| goes on; NULL: opaque */
};

/* Bounds the exchanges of all connections together. */
#define EXCHANGES_MAX 65536

/* A new open exchange; NULL (counted) when there are too many. |stream_id| 0: HTTP/1. */
struct exchange *exchange_open(struct conn *c, uint32_t stream_id);

/* The open one of an HTTP/2 stream, the first open one, the first whose response has not ended
 * (HTTP/1 answers in the order of the requests, RFC 9112 9.3.2); NULL when there is none. */
struct exchange *exchange_find(struct http_state *h, uint32_t stream_id);
struct exchange *exchange_first(const struct http_state *h);
struct exchange *exchange_unanswered(const struct http_state *h);

/* Copies what |head| says into the record of |x|; what it must have and lacks is "unknown". */
void exchange_fill(struct exchange *x, const struct http_head *head);

/* Makes |x| known by its stream id. */
void exchange_index(struct http_state *h, struct exchange *x);

/* |what| happened with the byte at |position| of the direction of |l7|: known to its sender
 * at once, to its receiver when it arrives. */
void exchange_note(struct exchange *x, enum moment what, struct l7_stream *l7, uint64_t position);

/* The end |side| of |c| has become known: what was sent to it before arrives there, too. */
void exchange_attached(struct conn *c, unsigned side);

/* What has passed of a message and is not in its exchange yet. */
struct left_out {
	uint64_t request_bytes; /* of bodies */
	uint64_t response_bytes;
	uint32_t incomplete; /* REQUEST_GAP() */
	uint32_t flags;	     /* RESPONSE_FLAG(), beside DC */
};

/* The client gave |x| up at |time_ns| and |x| is reported for it, with what was left out; it stays
 * open for the server. */
void exchange_abandon(struct exchange *x, const struct left_out *left_out, uint64_t time_ns);

/* Nothing more will happen to |x|: it is delivered to each end as soon as its times are known. |x|
 * may be gone afterwards. */
void exchange_complete(struct exchange *x);

/* Bytes of direction |side| up to |end| arrived at the receiver at |time_ns| (0 = not known when):
 * the moments that wait for them have their time. */
void exchange_arrived(struct conn *c, unsigned side, uint64_t end, uint64_t time_ns);

/* Gives up arrivals of direction |side| asked for before |before_ns| that keep a complete exchange
 * waiting; those of an open one come before its answer. With UINT64_MAX all. Returns true when some
 * still keep one waiting. */
bool exchange_expire(struct conn *c, unsigned side, uint64_t before_ns);

/* Reports each open exchange as open until |now_ns|. If its connection was found by a walk before,
 * but by none of the last minute, its close is lost, and it is not reported. */
void exchange_report_open(struct observe *o, uint64_t now_ns);

/* Frees what is kept for reuse. */
void exchange_free_pool(struct observe *o);
