/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pairs requests with responses and delivers each exchange once per local end, when its times are
 * known. Private. */
#pragma once

#include "datapath/observe/conn.h"

/* What is timed of an exchange. */
enum moment { MOMENT_START, MOMENT_REQUEST_END, MOMENT_FIRST_BYTE, MOMENT_END, MOMENT_MAX };

/* An exchange that is open, or complete and waiting for arrival times. */
struct exchange {
	struct list open;      /* in order of the requests; unlinked once complete */
	struct exchange *next; /* same bucket of stream ids, or free */
	struct conn *conn;
	struct request record; /* what is delivered, filled as it becomes known */
	uint64_t times[MOMENT_MAX][REPORTER_MAX];
	struct wait waits[MOMENT_MAX];
	uint8_t pending[REPORTER_MAX]; /* arrivals that this reporter waits for */
	uint8_t gaps[REPORTER_MAX];    /* a time of this reporter is not known */
	bool settled[REPORTER_MAX];    /* delivered, or there is no such end */
	bool request_ended;
	bool response_begun;
	bool response_ended;
	bool complete;
	bool dropped; /* counted as lost: not delivered */
};

#define STREAM_BUCKETS 16

struct http_state {
	struct list open;
	struct exchange *buckets[STREAM_BUCKETS]; /* HTTP/2: open exchanges by stream id */
	struct exchange *current[2];		  /* HTTP/1: whose message passes in a direction */
	struct exchange *switching;		  /* HTTP/1: its answer switches the protocol */
	uint32_t count;
	uint32_t untracked;	   /* requests beyond the limit, answers to come */
	uint32_t forgotten_stream; /* HTTP/2: streams up to this one were counted as lost */
	bool pipelined; /* a response ended when the next request was sent already (HTTP/1) */
	bool to_http2;	/* |switching| goes on as HTTP/2 */
};

/* Bounds the exchanges of all connections together. */
#define EXCHANGES_MAX 65536

/* The callbacks for a decoder of |lane|. */
struct http_listener requests_listener(struct lane *lane);

/* False when memory is short, which is counted. */
bool requests_prepare(struct conn *c);
void requests_free(struct conn *c);

/* HTTP/1: an open request has no answer yet. */
bool requests_unanswered(const struct conn *c);

/* Bytes of direction |side| up to |end| arrived at the receiver: whoever waited for them has its
 * time. */
void requests_arrived(struct conn *c, unsigned side, uint64_t end, uint64_t time_ns);

/* Gives up arrivals of direction |side| asked for before |before_ns|. Returns true when some still
 * wait. */
bool requests_expire(struct conn *c, unsigned side, uint64_t before_ns);

/* The bytes of open exchanges are lost: each is counted, none is reported. */
void requests_drop(struct conn *c);

/* The connection ended by |by|, at |time_ns|: open exchanges are reported as cut. */
void requests_cut(struct conn *c, unsigned by, bool reset, uint64_t time_ns);

/* After the protocol switched from HTTP/1 to HTTP/2 (RFC 7540 3.2): the exchange that asked is
 * stream 1. */
void requests_upgrade(struct conn *c);

/* Frees what is kept for reuse. */
void requests_free_pool(struct observe *o);
