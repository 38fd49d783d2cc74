/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Blocks of memory, of which large ones that were freed serve again: memory that is touched for the
 * first time costs several times as much as what is then written to it. For work that comes again
 * and again and takes blocks of about the same sizes each time. From any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* As malloc, realloc and free are; aligned to 16. */
void *block_new(size_t bytes);
void *block_resize(void *block, size_t bytes);
void block_free(void *block);

/* A piece of work begins: the large blocks that are taken from here on, until the next one begins,
 * are what it needs. The next one is expected to need as many of a size as one of the last two. */
void blocks_begin(void);

/* The next one will be another: nothing is known of what it needs. */
void blocks_forget(void);

/* Gives a block back that is not needed any more. From the first call on blocks that are freed are
 * kept, as many as the next piece of work needs. True: there is more to give back. */
bool blocks_trim(void);
