/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One series as an exporter sees it: label texts and a value. Everything is borrowed until signals
 * is used again. */
#pragma once

#include "control/signals/histogram.h"

#include <stdint.h>

#define SAMPLE_LABELS_MAX 32

struct label {
	const char *name;
	const char *value; /* raw: the exporter escapes */
};

/* A trace with a value in a bucket (W3C ids in lower case hex). */
struct exemplar {
	char trace_id[33];
	char span_id[17];
	uint64_t value; /* in the histogram's unit */
};

struct sample {
	struct label labels[SAMPLE_LABELS_MAX];
	unsigned label_count;
	uint64_t value; /* counters and gauges: value / 10^decimals */
	unsigned decimals;
	const struct buckets *buckets; /* histograms */
	const struct bucket_bounds *bounds;
	uint32_t exemplars; /* bit per bucket that has one */
	struct exemplar exemplar[BUCKETS_MAX];
	char scratch[192]; /* memory for formatted label texts */
	unsigned scratch_used;
};

/* Empties |s|. */
void sample_reset(struct sample *s);

/* Appends a label. An empty |value| is allowed. More than SAMPLE_LABELS_MAX are a programming error
 * and ignored. */
void sample_label(struct sample *s, const char *name, const char *value);

/* Appends a label with formatted text of at most 63 bytes. */
void sample_label_format(struct sample *s, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
