/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The connection table: found by the socket cookie of either end; two local ends become one
 * connection. Private. */
#pragma once

#include "datapath/observe/conn.h"

/* Entry of observe.ends, .unmatched and .listeners. */
struct end_entry {
	uint64_t cookie;
	struct conn *conn;
};

struct match_key {
	uint8_t local_addr[16];
	uint8_t remote_addr[16];
	uint16_t local_port;
	uint16_t remote_port;
	uint32_t egress_seq;
	uint32_t ingress_seq;
};

struct match_entry {
	struct match_key key; /* as the end that is awaited will say it */
	struct conn *conn;
};

struct listener_key {
	uint32_t netns_ino;
	uint32_t port;
};

#define LISTENERS_MAX 4096
#define GONE_MAX      8192 /* more than close while a walk over the living is on its way */

/* The connection that has an end with this cookie, or NULL. */
struct conn *conn_find(struct observe *o, uint64_t cookie);

/* The end with this cookie closed not long ago: what a walk found before that is not new. */
bool conn_is_gone(struct observe *o, uint64_t cookie);

/* Which end |cookie| is. */
static inline unsigned conn_side(const struct conn *c, uint64_t cookie)
{
	return c->ends[SIDE_SERVER].cookie == cookie;
}

/* An end began or was discovered: a new connection, or the second end of one that is known. NULL
 * when memory is short (counted). */
struct conn *conn_open(struct observe *o, const struct weft_open *open);

/* Whether the record has the connection's first sequence numbers, by which two ends find each
 * other. */
bool conn_is_sequenced(const struct weft_open *open);

/* An end whose owner was not known when it was discovered has one now. */
void conn_learn_owner(struct conn *c, unsigned side, const struct weft_owner *owner);

/* An end's program gives it up, or its peer has. */
void conn_leave(struct conn *c, const struct weft_close *close);

/* An end is gone. */
void conn_close(struct conn *c, const struct weft_close *close);

/* Client and server were guessed the wrong way round. Nothing may have been reported or decoded
 * yet. */
void conn_turn_round(struct conn *c);

/* Whatever is left of |c| is reported or counted; |c| is gone. */
void conn_forget(struct conn *c);

/* Time passes for a connection that wants a tick; |c| may be gone afterwards. */
void conn_tick(struct conn *c, uint64_t now_ns);

/* Marks |c| as used at |time_ns|. */
void conn_touch(struct conn *c, uint64_t time_ns);
