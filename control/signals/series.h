/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A bounded set of series: what exceeds the bound is added to an overflow series, idle series are
 * removed, and both are counted. Values do not move until they expire; positions are stable between
 * expiries. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct series;

/* Room for overflow series beyond the limit. */
#define SERIES_OVERFLOW_MAX 16

struct series_counts {
	uint64_t limited; /* series_get calls that returned an overflow series */
	uint64_t expired; /* series removed because they were idle */
};

/* At most |limit| series (and SERIES_OVERFLOW_MAX overflow ones) of |value_bytes| each, found by
 * |key_bytes| of key. NULL when memory is short; free with series_free. */
struct series *series_new(uint32_t limit, size_t key_bytes, size_t value_bytes, uint64_t seed);
void series_free(struct series *s);

/* The value with |key|, which is zeroed when new; when the set is full, the value with
 * |overflow_key|, which never expires; NULL when |overflow_key| is NULL or there are too many of
 * those. */
void *series_get(struct series *s, const void *key, const void *overflow_key, uint64_t now_ns);

/* The value with |key| or NULL. Does not count as use. */
void *series_find(const struct series *s, const void *key);

/* Iteration: 0 <= index < series_count(). New series come last; positions change only in
 * series_expire and series_remove (the last series moves to the free place). */
uint32_t series_count(const struct series *s);
uint32_t series_limit(const struct series *s);
void *series_at(const struct series *s, uint32_t index);
const void *series_key(const struct series *s, const void *value);

void series_remove(struct series *s, void *value);

/* Removes series that were not used for |idle_ns|, a bounded number per call. |forget| (may be
 * NULL) is called for each value first. */
void series_expire(struct series *s, uint64_t now_ns, uint64_t idle_ns,
		   void (*forget)(void *arg, const void *key, void *value), void *arg);

const struct series_counts *series_counts(const struct series *s);
