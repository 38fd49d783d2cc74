/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which mapped files need no second look. Bounded: beyond SEEN_MAX the one not met for longest is
 * forgotten. */
#pragma once

#include "datapath/attach/mappings.h"

#include <stdbool.h>
#include <stdint.h>

#define SEEN_MAX 8192

struct seen;

/* NULL without memory. */
struct seen *seen_new(uint64_t seed);
void seen_free(struct seen *s);

bool seen_has(struct seen *s, const struct mapping *m);
void seen_add(struct seen *s, const struct mapping *m);

/* Everything is looked at anew: rare, after something that was known has changed. */
void seen_forget(struct seen *s);
