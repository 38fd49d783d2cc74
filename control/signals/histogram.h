/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two kinds of histogram over whole numbers: exact counts per classic `le` bucket, and an
 * exponential one (OpenTelemetry's index scheme) that gives quantiles within 4.5 % for any range.
 * Pure. */
#pragma once

#include <stdint.h>

/* ---- classic buckets ---- */

#define BUCKETS_MAX 20

/* Upper bounds (inclusive) of classic buckets. Values are whole numbers of a unit that is
 * 10^decimals times smaller than the one in the metric's name (nanoseconds for milliseconds: 6), so
 * that sums are exact. */
struct bucket_bounds {
	unsigned count; /* with +Inf */
	unsigned decimals;
	uint64_t upper[BUCKETS_MAX];
	const char *text[BUCKETS_MAX];		   /* as Envoy writes them: "1" */
	const char *text_openmetrics[BUCKETS_MAX]; /* OpenMetrics 1.0 canonical numbers: "1.0" */
};

/* Envoy's default list (source/common/stats/histogram_impl.cc), which Istio's dashboards expect. */
extern const struct bucket_bounds bounds_milliseconds; /* of nanoseconds */
extern const struct bucket_bounds bounds_bytes;	       /* of bytes */
/* Weft's own list for network times. */
extern const struct bucket_bounds bounds_seconds; /* of microseconds */

struct buckets {
	uint64_t counts[BUCKETS_MAX]; /* per bucket, not cumulative */
	uint64_t count;
	uint64_t sum;
};

/* Adds one value and returns the index of its bucket. */
unsigned buckets_add(struct buckets *b, const struct bucket_bounds *bounds, uint64_t value);

/* ---- exponential histogram ---- */

#define HISTOGRAM_BUCKETS   160
#define HISTOGRAM_SCALE_MAX 3

/* Bucket i of scale s holds base^i < value <= base^(i+1) with base 2^(2^-s). A zeroed
 * one is empty. */
struct histogram {
	uint64_t count;
	uint64_t zeros;
	uint64_t min;
	uint64_t max;
	int32_t first;	  /* index of counts[0] */
	uint32_t coarser; /* scale is HISTOGRAM_SCALE_MAX - coarser */
	uint32_t counts[HISTOGRAM_BUCKETS];
};

/* Adds |n| times |value|. When the range no longer fits, the scale is halved as often as needed. */
void histogram_add(struct histogram *h, uint64_t value, uint32_t n);

/* Adds all of |from| to |into|; the coarser scale of the two remains. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The value below which the share |q| (0..1) of the values lies; 0 when empty. Not further from a
 * value of that rank than half a bucket: 4.5 % at scale 3. */
double histogram_quantile(const struct histogram *h, double q);
