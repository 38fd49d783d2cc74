/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Fields of an answer, and numbers, as text. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* Fields of an answer, with a default when absent or null. */
const char *field_text(const json_t *object, const char *key);
/* The text made safe for a terminal (text_escape) in |out|, which is returned: for everything from
 * traffic or other programs. */
#define SHOWN_MAX 1200
const char *field_shown(const json_t *object, const char *key, char out[SHOWN_MAX]);
double field_real(const json_t *object, const char *key); /* NAN */
long long field_number(const json_t *object, const char *key);

/* Numbers with units, rounded; |out| is returned. "-" for NAN. */
const char *human_bytes(double bytes, char out[16]);
const char *human_rate(double per_second, char out[16]);
const char *human_ms(double ms, char out[16]);
const char *human_share(double share, char out[16]);
const char *human_count(long long count, const char *one, const char *many, char out[48]);

/* The kinds of objects of a configuration, in this order. */
enum holding { HOLDS_SERVICES, HOLDS_ENDPOINTS, HOLDS_WORKLOADS, HOLDS_POLICIES, HOLDS_FILES };
#define HOLDINGS (HOLDS_FILES + 1)
/* "1 service, 2 endpoints, 0 workloads, 1 policy in 3 files" */
const char *human_holdings(const long long counts[HOLDINGS], char out[200]);

/* Terminal colours; empty texts when |on| is false. */
struct colors {
	const char *bold, *dim, *red, *green, *yellow, *cyan, *off;
};
struct colors colors_of(bool on);
