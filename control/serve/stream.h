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

struct stream;

/* What a stream needs; must outlive it. */
struct stream_context {
	struct signals *signals;
	struct recent *recent;
	uint64_t lost;          /* records that readers were too slow for */
	int64_t wall_offset_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC */
};

/* NULL when memory is short. Free with stream_free. Filters are copied; the values they point to must outlive the
 * stream. |last|: how many of the kept records that pass go first; |follow|: do not end after the kept ones. */
struct stream *stream_metrics(struct stream_context *context, bool openmetrics);
struct stream *stream_edges(struct stream_context *context, const struct filter *f);
struct stream *stream_living(struct stream_context *context, const struct filter *f);
struct stream *stream_recent(struct stream_context *context, enum recent_kind kind,
			     const struct filter *f, uint64_t last, bool follow);
void stream_free(struct stream *s);

/* Up to |size| bytes; 0 = a live stream has nothing new; -ENODATA at the end; -ENOMEM. */
long stream_read(struct stream *s, char *out, size_t size);

/* Whether a live stream has something to read. */
bool stream_ready(const struct stream *s);
bool stream_is_live(const struct stream *s);
