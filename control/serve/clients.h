/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The clients of one listener, and for how long each of them keeps the agent waiting: for the rest
 * of a request, or for its answer to be read, of which a tenth counts. The client with the longest
 * wait is ended for a new one, so that slow clients cannot keep scrapers out; each wait has a
 * limit. */
#pragma once

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

struct clients;

/* Clients that a daemon must accept beyond the limit: ended ones stay until its next run. */
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

/* The callback for MHD_OPTION_NOTIFY_CONNECTION; |arg| is the clients. A new client beyond the
 * limit ends the one that has kept the agent waiting longest, of the address that has most;
 * loopback is one address. Where all others are live streams it stays, up to CLIENTS_LEAVERS of
 * them. */
void clients_notify(void *arg, struct MHD_Connection *connection, void **context,
		    enum MHD_ConnectionNotificationCode code);

/* A complete request of |connection| has arrived and is answered now. */
void clients_answer(struct MHD_Connection *connection);

/* The callback for MHD_OPTION_NOTIFY_COMPLETED: an answer has been sent. */
void clients_completed(void *arg, struct MHD_Connection *connection, void **request,
		       enum MHD_RequestTerminationCode code);

/* Ends the clients whose limit has passed. Call it every second while clients_any. */
void clients_reap(struct clients *c);
bool clients_any(const struct clients *c);

/* Clients ended for a new one or by their limit, since clients_new. */
uint64_t clients_ended(const struct clients *c);
