/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Small numbers for things that are named by keys: the same key has the same number as long as it
 * is held, and after that until the number is retired. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBER_NONE UINT32_MAX

struct numbers;

/* Numbers 0 to |capacity| - 1 for keys of |key_bytes|. NULL when memory is short. */
struct numbers *numbers_new(uint32_t capacity, size_t key_bytes, uint64_t seed);
void numbers_free(struct numbers *n); /* NULL is fine */

/* The number of |key|, held once more; NUMBER_NONE when all are taken. */
uint32_t numbers_take(struct numbers *n, const void *key);

/* Held once less. Not held at all it still is the key's, until numbers_retire. */
void numbers_give(struct numbers *n, uint32_t number);

/* How often |number| is held. */
uint32_t numbers_holds(const struct numbers *n, uint32_t number);

/* The number of |key| if it has one, else NUMBER_NONE. */
uint32_t numbers_find(const struct numbers *n, const void *key);

/* The key of a number that is or was held and is not retired, else NULL. */
const void *numbers_key(const struct numbers *n, uint32_t number);

/* Lets |key| have |number|, not held, as decided before. 0; -EEXIST: one of them belongs to
 * another, -ERANGE. */
int numbers_adopt(struct numbers *n, const void *key, uint32_t number);

/* Makes numbers free for new keys that were not held for two calls, if |may| (NULL: always) says
 * so: nothing may refer to them any more. */
void numbers_retire(struct numbers *n, bool (*may)(void *arg, uint32_t number), void *arg);

/* One more than the highest number that was ever used. */
uint32_t numbers_end(const struct numbers *n);
