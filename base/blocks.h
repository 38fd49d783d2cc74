/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An allocator that caches large freed blocks: the first access to fresh memory (page faults) costs
 * several times as much as writing to it. For rounds of work that repeat and need blocks of about
 * the same sizes each time. Callable from any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Like malloc, realloc and free; aligned to 16. */
void *block_new(size_t bytes);
void *block_resize(void *block, size_t bytes);
void block_free(void *block);

/* A round begins: the large blocks taken until the next call are its need. The next round is
 * expected to need as many blocks of a size as the larger of the last two. */
void blocks_begin(void);

/* The next round is different work: forgets what rounds needed. */
void blocks_forget(void);

/* Frees one cached block that is not needed any more. From the first call on, freed blocks are
 * cached, as many as the next round is expected to need. True: there is more to free. */
bool blocks_trim(void);
