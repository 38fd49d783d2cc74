/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A 128-bit key for label texts of any length: equal when the texts look equal once exported. */
#pragma once

#include <stdint.h>

struct digest {
	uint64_t halves[2];
};

/* |seed| is random, so that collisions cannot be constructed. */
struct digest digest_start(uint64_t seed);

/* Adds one text, its end included. */
void digest_text(struct digest *d, const char *text);
