/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One direction of a connection, as TCP carries it and as the application's protocol. Private. */
#pragma once

#include "datapath/decode/classify.h"
#include "datapath/observe/times.h"

/* An end of a connection, the direction that it sends, and its reporter have the same number. */
enum side { SIDE_CLIENT, SIDE_SERVER };
#define OTHER(side) (1 - (side))

struct conn;
struct exchange;
struct window;

/* A position whose arrival at the receiver an exchange waits for. */
struct wait {
	struct wait *next;
	struct exchange *exchange;
	uint64_t position;
	uint64_t asked_ns;
	uint8_t what; /* enum moment of exchange.h */
};

/* One direction as TCP carries it. Positions count its bytes from 1, or from the first byte seen
 * where it was discovered midstream. */
struct stream {
	uint32_t base_seq;	 /* sequence number before position 1 */
	bool placed;		 /* base_seq is known */
	bool at_receiver;	 /* its hook saw the bytes that go to the decoders */
	uint64_t next;		 /* everything up to this position went to the decoders */
	struct timeline sent;	 /* at the sender's hook, when it is local */
	struct timeline arrived; /* at the receiver's hook, when it is local */
	struct wait *waits;	 /* in order of position */
	struct wait *last_wait;
	struct window *window; /* records that arrived out of order, or NULL */
};

enum l7_state {
	L7_NEW, /* no decoder yet; one is made for the first bytes */
	L7_RUNNING,
	L7_LOST,     /* out of sync, until a segment begins with a message head or with frames */
	L7_BROKEN,   /* requests that are not parsed any further; answers go on */
	L7_SWITCHED, /* the request asked for another protocol, the answer is not there yet; the
			  decoder stays */
};

/* One direction as the application's protocol. */
struct l7_stream {
	struct conn *conn;
	uint8_t side;
	uint8_t state;	      /* enum l7_state */
	uint8_t start;	      /* enum http_start of the next decoder */
	uint8_t prefix_bytes; /* waiting to be classified */
	bool hole;	      /* bytes are missing since it was broken */
	uint32_t messages;    /* HTTP/1: the number of the last one that has begun */
	uint32_t prefix_message;
	uint32_t prefix_step;
	uint64_t prefix_at; /* where what was classified begins */
	uint64_t prefix_time_ns;
	uint64_t time_ns;    /* of the bytes being fed */
	uint64_t skip_until; /* up to which the kernel half leaves out bytes */
	uint64_t broken_at;  /* position of a request head that was not parsed, and not answered
				yet; 0: none */
	void *decoder;	     /* of conn.decoder, or NULL */
	uint8_t prefix[CLASSIFY_MAX_BYTES];
};
