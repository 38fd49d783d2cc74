// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Histograms: bucket search, exponential index by leading zeros and
 * mantissa, rescaling, quantiles. */
#include "control/signals/histogram.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* X(bound, text, OpenMetrics text) */
#define ENVOY_BOUNDS(X)                                                                            \
	X(0.5, "0.5", "0.5")                                                                       \
	X(1, "1", "1.0")                                                                           \
	X(5, "5", "5.0")                                                                           \
	X(10, "10", "10.0")                                                                        \
	X(25, "25", "25.0")                                                                        \
	X(50, "50", "50.0")                                                                        \
	X(100, "100", "100.0")                                                                     \
	X(250, "250", "250.0")                                                                     \
	X(500, "500", "500.0")                                                                     \
	X(1000, "1000", "1000.0")                                                                  \
	X(2500, "2500", "2500.0")                                                                  \
	X(5000, "5000", "5000.0")                                                                  \
	X(10000, "10000", "10000.0")                                                               \
	X(30000, "30000", "30000.0")                                                               \
	X(60000, "60000", "60000.0")                                                               \
	X(300000, "300000", "300000.0")                                                            \
	X(600000, "600000", "600000.0")                                                            \
	X(1800000, "1800000", "1.8e+06")                                                           \
	X(3600000, "3600000", "3.6e+06")

#define NETWORK_BOUNDS(X)                                                                          \
	X(0.00005, "5e-05", "5e-05")                                                               \
	X(0.0001, "0.0001", "0.0001")                                                              \
	X(0.00025, "0.00025", "0.00025")                                                           \
	X(0.0005, "0.0005", "0.0005")                                                              \
	X(0.001, "0.001", "0.001")                                                                 \
	X(0.0025, "0.0025", "0.0025")                                                              \
	X(0.005, "0.005", "0.005")                                                                 \
	X(0.01, "0.01", "0.01")                                                                    \
	X(0.025, "0.025", "0.025")                                                                 \
	X(0.05, "0.05", "0.05")                                                                    \
	X(0.1, "0.1", "0.1")                                                                       \
	X(0.25, "0.25", "0.25")                                                                    \
	X(0.5, "0.5", "0.5")                                                                       \
	X(1, "1", "1.0")                                                                           \
	X(2.5, "2.5", "2.5")                                                                       \
	X(5, "5", "5.0")                                                                           \
	X(10, "10", "10.0")

#define ONE(...)			      +1
#define TEXT(bound, text, openmetrics)	      text,
#define OPENMETRICS(bound, text, openmetrics) openmetrics,
#define MILLISECONDS(bound, ...)	      (uint64_t)(bound * 1e6 + 0.5),
#define BYTES(bound, ...)		      (uint64_t)(bound),
#define SECONDS(bound, ...)		      (uint64_t)(bound * 1e6 + 0.5),
#define BOUNDS(list, unit, scale)                                                                  \
	{                                                                                          \
		.count = list(ONE) + 1,                                                            \
		.decimals = (scale),                                                               \
		.upper = {list(unit) UINT64_MAX},                                                  \
		.text = {list(TEXT) "+Inf"},                                                       \
		.text_openmetrics = {list(OPENMETRICS) "+Inf"},                                    \
	}

const struct bucket_bounds bounds_milliseconds = BOUNDS(ENVOY_BOUNDS, MILLISECONDS, 6);
const struct bucket_bounds bounds_bytes = BOUNDS(ENVOY_BOUNDS, BYTES, 0);
const struct bucket_bounds bounds_seconds = BOUNDS(NETWORK_BOUNDS, SECONDS, 6);

_Static_assert(ENVOY_BOUNDS(ONE) + 1 == BUCKETS_MAX, "Envoy's list fills the buckets");
_Static_assert(NETWORK_BOUNDS(ONE) + 1 <= BUCKETS_MAX, "the network list fits");

unsigned buckets_add(struct buckets *b, const struct bucket_bounds *bounds, uint64_t value)
{
	unsigned i = 0;

	while (value > bounds->upper[i])
		i++;
	b->counts[i]++;
	b->count++;
	b->sum += value;
	return i;
}

/* 2^(k/8) for k = 1..7 as fractions of 2^63. */
static const uint64_t eighths[] = {
	0x8b95c1e3ea8bd6e6, 0x9837f0518db8a96f, 0xa5fed6a9b15138ea, 0xb504f333f9de6484,
	0xc5672a115506dadd, 0xd744fccad69d6af4, 0xeac0c6e7dd24392e,
};

/* The bucket of |value| > 0 at scale 3. Only powers of two lie exactly on a bound, which is
 * inclusive above. */
static int32_t index_of(uint64_t value)
{
	int exponent = 63 - __builtin_clzll(value);
	uint64_t mantissa = value << (63 - exponent);
	int32_t index = exponent * 8;

	if (mantissa == 1ull << 63)
		return index - 1;
	for (unsigned k = 0; k < 7; k++)
		index += mantissa > eighths[k];
	return index;
}

static bool fits(const struct histogram *h, int32_t index)
{
	return index >= h->first && index - h->first < HISTOGRAM_BUCKETS;
}

/* Moves the counts to buckets |coarser| steps coarser, the first of which is |first|. */
static void rescale(struct histogram *h, uint32_t coarser, int32_t first)
{
	uint32_t old[HISTOGRAM_BUCKETS];

	memcpy(old, h->counts, sizeof(old));
	memset(h->counts, 0, sizeof(h->counts));
	for (int32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (old[i])
			h->counts[((h->first + i) >> coarser) - first] += old[i];
	}
	h->first = first;
	h->coarser += coarser;
}

/* Makes room for |index| (at the present scale), with a coarser scale if needed. */
static void make_room(struct histogram *h, int32_t index)
{
	int32_t low = index, high = index;
	uint32_t coarser = 0;

	for (int32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (!h->counts[i])
			continue;
		low = h->first + i < low ? h->first + i : low;
		high = h->first + i > high ? h->first + i : high;
	}
	while ((high >> coarser) - (low >> coarser) >= HISTOGRAM_BUCKETS)
		coarser++;
	low >>= coarser;
	high >>= coarser;
	rescale(h, coarser, low - (HISTOGRAM_BUCKETS - (high - low + 1)) / 2);
}

/* Adds to bucket |index| of a scale |coarser| steps below the maximum; not finer than the present
 * one. */
static void add_index(struct histogram *h, int32_t index, uint32_t coarser, uint32_t n)
{
	index >>= h->coarser - coarser;
	if (!fits(h, index)) {
		uint32_t before = h->coarser;

		make_room(h, index);
		index >>= h->coarser - before;
	}
	h->counts[index - h->first] += n;
}

static void add_range(struct histogram *h, uint64_t min, uint64_t max, uint64_t n)
{
	if (!h->count || min < h->min)
		h->min = min;
	if (max > h->max)
		h->max = max;
	h->count += n;
}

void histogram_add(struct histogram *h, uint64_t value, uint32_t n)
{
	add_range(h, value, value, n);
	if (value)
		add_index(h, index_of(value), 0, n);
	else
		h->zeros += n;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	if (!from->count)
		return;
	add_range(into, from->min, from->max, from->count);
	into->zeros += from->zeros;
	if (from->coarser > into->coarser)
		rescale(into, from->coarser - into->coarser,
			into->first >> (from->coarser - into->coarser));
	for (int32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (from->counts[i])
			add_index(into, from->first + i, from->coarser, from->counts[i]);
	}
}

static double bound(const struct histogram *h, int32_t index)
{
	return exp2(ldexp(index, (int)h->coarser - HISTOGRAM_SCALE_MAX));
}

static double clamp(const struct histogram *h, double value)
{
	return fmin(fmax(value, (double)h->min), (double)h->max);
}

double histogram_quantile(const struct histogram *h, double q)
{
	double rank = fmax(ceil(q * (double)h->count), 1);
	double below = (double)h->zeros;

	if (!h->count || rank <= below)
		return 0;
	for (int32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (h->counts[i] && below + h->counts[i] >= rank)
			return clamp(h, sqrt(bound(h, h->first + i) * bound(h, h->first + i + 1)));
		below += h->counts[i];
	}
	return (double)h->max;
}
