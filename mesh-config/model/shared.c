// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A count stands before each block. */
#include "mesh-config/model/shared.h"

#include "base/blocks.h"

#include <stdatomic.h>
#include <stdint.h>

struct shared {
	_Alignas(16) _Atomic uint32_t holders;
};

static struct shared *head_of(const void *block)
{
	return (struct shared *)(uintptr_t)block - 1;
}

void *shared_new(size_t bytes)
{
	struct shared *s = block_new(sizeof(*s) + bytes);

	if (!s)
		return NULL;
	s->holders = 1;
	return s + 1;
}

void *shared_resize(void *block, size_t bytes)
{
	struct shared *s;

	if (!block)
		return shared_new(bytes);
	s = block_resize(head_of(block), sizeof(*s) + bytes);
	return s ? s + 1 : NULL;
}

void *shared_hold(const void *block)
{
	if (block)
		atomic_fetch_add_explicit(&head_of(block)->holders, 1, memory_order_relaxed);
	return (void *)(uintptr_t)block;
}

void shared_drop(const void *block)
{
	struct shared *s = block ? head_of(block) : NULL;

	if (s && atomic_fetch_sub_explicit(&s->holders, 1, memory_order_acq_rel) == 1)
		block_free(s);
}
