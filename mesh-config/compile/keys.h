/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keys of things that have names: hashes that are the same in every agent. */
#pragma once

#include "base/table.h"

#include <string.h>

static inline uint64_t key_add(uint64_t key, const void *data, size_t size_bytes)
{
	return table_hash(data, size_bytes, key);
}

/* With the NUL, so that ("a", "bc") and ("ab", "c") differ. */
static inline uint64_t key_add_text(uint64_t key, const char *text)
{
	return table_hash(text, strlen(text) + 1, key);
}

static inline uint64_t key_add_number(uint64_t key, uint64_t number)
{
	return table_hash(&number, sizeof(number), key);
}
