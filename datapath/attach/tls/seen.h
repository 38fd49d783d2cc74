/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Mapped files that need not be examined again. Bounded: beyond SEEN_MAX the least recently seen is
 * forgotten. */
#pragma once

#include "datapath/attach/tls/mappings.h"

#include <stdbool.h>
#include <stdint.h>

#define SEEN_MAX 8192

struct seen;

/* NULL when memory is short. */
struct seen *seen_new(uint64_t seed);
void seen_free(struct seen *s);

bool seen_has(struct seen *s, const struct mapping *m);
void seen_add(struct seen *s, const struct mapping *m);

/* All files are examined again: rare, when known facts have changed. */
void seen_forget(struct seen *s);
