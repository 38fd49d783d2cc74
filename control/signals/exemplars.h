/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The last trace per bucket of a series, in a fixed number of places; a new trace replaces the one
 * in its place. */
#pragma once

#include "control/signals/sample.h"

#include <stdbool.h>
#include <stdint.h>

struct exemplars;

/* |places| is a power of two. NULL when memory is short. */
struct exemplars *exemplars_new(uint32_t places);
void exemplars_free(struct exemplars *e);

/* Notes that |traceparent| (W3C, valid) fell into |bucket| of the series |serial| with |value|. */
void exemplars_set(struct exemplars *e, uint64_t serial, unsigned bucket, const char *traceparent,
		   uint64_t value);

/* The trace of that bucket, NULL if another one has replaced it. */
bool exemplars_get(const struct exemplars *e, uint64_t serial, unsigned bucket,
		   struct exemplar *ret);
