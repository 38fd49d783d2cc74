/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Answers that are made piece by piece: scrapes, listings, live records. Knows nothing of HTTP. */
#pragma once

#include "control/export/prometheus.h"
#include "control/serve/filter.h"
#include "control/serve/recent.h"
#include "control/signals/signals.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mesh_files;
struct text;
struct pieces;

/* The sources of pieces; must outlive them. */
struct pieces_context {
	struct signals *signals;
	struct recent *recent;
	uint64_t lost;		/* records that readers were too slow for */
	int64_t wall_offset_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC */
};

/* A request for recent records. */
struct pieces_query {
	const struct filter *filter;
	uint64_t last; /* begin with so many of the stored records that pass the filter */
	bool follow;   /* do not end after the stored ones, */
	bool looked;   /* else report at the end how far back the search went (lines_looked) */
};

/* NULL when memory is short. Free with pieces_free. Filters are copied; the values they point to
 * must outlive the pieces. */
struct pieces *pieces_metrics(struct pieces_context *context, bool openmetrics);
struct pieces *pieces_edges(struct pieces_context *context, const struct filter *f);
struct pieces *pieces_living(struct pieces_context *context, const struct filter *f);
struct pieces *pieces_recent(struct pieces_context *context, enum recent_kind kind,
			     const struct pieces_query *q);
/* Configuration: |head|, a line, then the |files|, which it takes over, in lines of their own. */
struct pieces *pieces_files(struct pieces_context *context, const struct text *head,
			    struct mesh_files *files);
void pieces_free(struct pieces *s);

/* Up to |size| bytes; 0 = live pieces have nothing new; -ENODATA at the end; -ENOMEM. */
long pieces_read(struct pieces *s, char *out, size_t size);

/* Whether live pieces have something to read. */
bool pieces_ready(const struct pieces *s);
bool pieces_is_live(const struct pieces *s);
