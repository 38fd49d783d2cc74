/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Passive outlier ejection: what requests and connects show of an endpoint decides whether it gets
 * new connections. Envoy's outlier detection with DestinationRule's names; where the two are silent
 * the rule is said here. Pure: outcomes and times come in, decisions go out by a callback.
 *
 * Of a service with outlier detection an endpoint is ejected when, in a row, so many answers were
 * 5xx (or there was none), so many were gateway errors (502, 503, 504), or so many connects failed;
 * or when its success rate or its mean latency stands out from the other endpoints'. It comes back
 * after the base time times the number of its ejections; that number falls by one for each interval
 * that it stays healthy. Endpoints are counted and compared by port of the service, as Envoy has a
 * cluster for each: no more than max_ejection_percent of them are out at a time, the one that goes
 * out included, but one may always be unless the bound is 0. */
#pragma once

#include "mesh-config/model/traffic.h"

#define EJECT_MAX_EJECTION_MS 300000 /* Envoy: max_ejection_time */
#define EJECT_SERVICES	      65536u

struct eject;

/* Reason of an ejection. X(NAME, "text") */
#define EJECT_REASONS(X)                                                                           \
	X(5XX, "consecutive_5xx")                                                                  \
	X(GATEWAY, "consecutive_gateway_errors")                                                   \
	X(CONNECT, "consecutive_local_failures")                                                   \
	X(SUCCESS_RATE, "success_rate")                                                            \
	X(LATENCY, "latency")

enum eject_reason {
#define X(name, text) EJECT_##name,
	EJECT_REASONS(X)
#undef X
		EJECT_REASON_MAX
};

const char *eject_reason_text(enum eject_reason reason);

/* An endpoint was ejected or came back. |state| is its index in weft_endpoints. */
struct eject_change {
	uint32_t state;
	uint32_t service; /* as given to eject_service_add */
	bool ejected;
	bool close; /* its connections are to be ended */
	enum eject_reason reason;
	uint32_t times;	   /* number of its ejections, including this one */
	uint64_t until_ns; /* when it comes back */
};

typedef void eject_listener(void *arg, const struct eject_change *change);

/* At most |hosts| endpoints are watched; more are counted in eject_counts. NULL when memory is
 * short. */
struct eject *eject_new(uint32_t hosts, uint64_t seed, eject_listener *listener, void *arg);
void eject_free(struct eject *e);

/* ---- a new generation: the history of an endpoint (by |state|) stays */

void eject_begin(struct eject *e);

/* The endpoints added until the next call belong to a port of it; all of its ports are added one
 * after another, with the same |policy|. |service| is the caller's number of it, the same in all
 * generations, below EJECT_SERVICES (others are not watched). */
void eject_service_add(struct eject *e, uint32_t service, const struct mesh_outlier *policy);
void eject_host_add(struct eject *e, const uint8_t addr[16], uint16_t port, uint32_t state);

/* Removed endpoints, and those whose service has no outlier detection any more, come back. */
void eject_commit(struct eject *e);

/* ---- outcomes. An address and port may be endpoints of several services: each gets the
 * outcome. */

/* |status| 0: no response, or it was reset. |duration_ns| 0: not known. */
void eject_request(struct eject *e, const uint8_t addr[16], uint16_t port, uint16_t status,
		   uint64_t duration_ns, uint64_t now_ns);
void eject_connect(struct eject *e, const uint8_t addr[16], uint16_t port, bool succeeded,
		   uint64_t now_ns);

/* Ends intervals, lets endpoints come back. Call it at least ten times a second. */
void eject_tick(struct eject *e, uint64_t now_ns);

struct eject_counts {
	uint64_t ejections[EJECT_REASON_MAX];
	uint64_t held_back; /* not ejected because maxEjectionPercent was reached */
	uint32_t active;    /* ejected now */
	uint32_t hosts;
	uint32_t hosts_left_out; /* endpoints of this generation beyond the limit */
};

const struct eject_counts *eject_counts(const struct eject *e);

/* When an ejected endpoint comes back; 0 = it is not ejected. */
uint64_t eject_until_ns(const struct eject *e, uint32_t state);
