/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Blocks of memory that several meshes have in common; the last holder's drop frees. */
#pragma once

#include <stddef.h>

/* Held once, aligned to 16, not zeroed; NULL when memory is short. */
void *shared_new(size_t bytes);

/* Makes |block| (NULL: a new one) another size; only while it has one holder. NULL when memory is
 * short: then |block| is as it was. */
void *shared_resize(void *block, size_t bytes);

/* The same block, held once more. NULL is fine. From any thread. */
void *shared_hold(const void *block);
void shared_drop(const void *block); /* NULL is fine */
