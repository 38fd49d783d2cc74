/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The table of edges as text, which `edges` prints once and `top` repeatedly. */
#pragma once

#include "control/cli/command.h"

#include <jansson.h>
#include <stdbool.h>

#define EDGES_MAX      1024
#define EDGES_LINE_MAX 512

/* Columns by which the table can be sorted. X(NAME, "column") */
#define EDGES_ORDERS(X)                                                                            \
	X(RATE, "rate")                                                                            \
	X(ERRORS, "errors")                                                                        \
	X(P99, "p99")                                                                              \
	X(BYTES, "bytes")                                                                          \
	X(SATURATION, "in flight")

enum edges_order {
#define X(name, text) EDGES_BY_##name,
	EDGES_ORDERS(X)
#undef X
		EDGES_ORDER_MAX
};
const char *edges_order_name(enum edges_order order);

struct edge_view {
	char source[SHOWN_MAX]; /* made safe for a terminal */
	char destination[SHOWN_MAX];
	double rate, error_share, unknown_share, p50_ms, p90_ms, p99_ms;
	double bytes_rate; /* payload in both directions */
	double opened_rate;
	double in_flight;
	double queue_fill;
	long long open;
	char tls[24]; /* the state of most connections that speak TLS, and whether others differ */
};

struct edges {
	unsigned count;
	unsigned dropped; /* edges beyond EDGES_MAX */
	unsigned own;	  /* left out, as they lead to weftd itself */
	bool self;	  /* edges to weftd itself are shown */
	bool filtered;	  /* a filter was given */
	struct edge_view rows[EDGES_MAX];
};

/* Whether |object| of /api/v1/edges leads to weftd itself and is left out, which is counted. */
bool edges_leave_out(struct edges *e, const json_t *object);

/* Adds one object that is not left out. */
void edges_add(struct edges *e, const json_t *object);
void edges_sort(struct edges *e, enum edges_order order, bool reverse);

/* The heading, or row |index|, as text in |out|, which is returned. */
const char *edges_header(const struct edges *e, char out[EDGES_LINE_MAX]);
const char *edges_line(const struct edges *e, unsigned index, bool color, char out[EDGES_LINE_MAX]);

/* A note on what the table does not show, "" when nothing is missing, in |out|, which is returned.
 */
const char *edges_note(const struct edges *e, char out[EDGES_LINE_MAX]);
