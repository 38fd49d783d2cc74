/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The clients of one listener, and for how long each of them keeps the agent waiting: for the rest
 * of a request, or for its answer to be read, of which a tenth counts. The one that keeps it
 * waiting longest makes room for a new client, so that slow ones cannot keep scrapers out; nothing
 * is waited for without end. */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

struct clients;

/* What a daemon must accept beyond the limit: ended clients are there until its next run. */
#define CLIENTS_LEAVERS 16

struct clients_limits {
	uint32_t clients;    /* at once; half of them may come from one address that is not
				loopback */
	uint64_t request_ns; /* from connect to the end of the first request */
	uint64_t idle_ns;    /* from one answer to the end of the next request */
	uint64_t answer_ns;  /* to read an answer; live streams have no end */
};

/* NULL without memory. Free with clients_free, after the daemon has been stopped. */
struct clients *clients_new(const struct clients_limits *limits);
void clients_free(struct clients *c);

/* What libmicrohttpd calls for MHD_OPTION_NOTIFY_CONNECTION; |arg| is the clients. A new client
 * beyond the limit ends the one that has kept the agent waiting longest, of the address that has
 * most; loopback is one address. Where all others are live streams it stays, up to CLIENTS_LEAVERS
 * of them. */
void clients_notify(void *arg, struct MHD_Connection *connection, void **context,
		    enum MHD_ConnectionNotificationCode code);

/* A whole request of |connection| has come and is answered now. */
void clients_answer(struct MHD_Connection *connection);

/* What libmicrohttpd calls for MHD_OPTION_NOTIFY_COMPLETED: an answer has been sent. */
void clients_completed(void *arg, struct MHD_Connection *connection, void **request,
		       enum MHD_RequestTerminationCode code);

/* Ends the clients whose time is over. Call it every second while clients_any. */
void clients_reap(struct clients *c);
bool clients_any(const struct clients *c);

/* Clients ended for others or for their time, since clients_new. */
uint64_t clients_ended(const struct clients *c);
