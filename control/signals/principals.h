/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Identities proven by certificates (SPIFFE IDs), each stored once. */
#pragma once

#include <stdint.h>

struct principals;

/* Names of at most |limit|. NULL when memory is short. */
struct principals *principals_new(uint32_t limit, uint64_t seed);
void principals_free(struct principals *p);

struct principal {
	const char *text; /* "unknown": no certificate has one; "overflow": the table is full */
	uint32_t id;	  /* equal for equal texts; 0: unknown */
};

/* |spiffe_id| may be empty or NULL. Never fails. The text lives as long as |p|. */
struct principal principals_get(struct principals *p, const char *spiffe_id);
