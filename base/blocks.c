// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Large blocks are rounded up to one of eight sizes per power of two, so that a freed block can
 * serve a slightly larger request. Each block is preceded by a header. */
#include "base/blocks.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define STEPS	   8u
#define LARGE_BITS 16 /* from 64 KiB on */
#define SIZES	   (STEPS * 16u)

struct block {
	_Alignas(16) struct block *next; /* while it is cached */
	uint32_t size;			 /* large blocks: 1 to SIZES; 0: a small block */
};

/* Cached blocks and counts of one size. */
struct stock {
	struct block *ready;
	uint32_t count;
	uint32_t taken;	 /* in the current round */
	uint32_t before; /* in the round before */
};

static struct {
	pthread_mutex_t mutex;
	bool on;
	struct stock sizes[SIZES + 1];
} all = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* ---- sizes */

static size_t size_bytes(uint32_t size)
{
	uint32_t step = size - 1;

	return (size_t)(STEPS + step % STEPS) << (LARGE_BITS - 3 + step / STEPS);
}

static uint32_t size_for(size_t bytes)
{
	uint32_t size = 1;

	if (bytes < (size_t)1 << LARGE_BITS)
		return 0;
	while (size <= SIZES && size_bytes(size) < bytes)
		size++;
	return size <= SIZES ? size : 0;
}

/* With the header. */
static size_t room_for(uint32_t size, size_t bytes)
{
	return size ? size_bytes(size) : sizeof(struct block) + bytes;
}

/* ---- cached blocks */

static struct block *ready_take(uint32_t size)
{
	struct stock *stock = &all.sizes[size];
	struct block *b;

	pthread_mutex_lock(&all.mutex);
	stock->taken++;
	b = stock->ready;
	if (b) {
		stock->ready = b->next;
		stock->count--;
	}
	pthread_mutex_unlock(&all.mutex);
	return b;
}

static uint32_t needed_of(const struct stock *stock)
{
	return stock->taken > stock->before ? stock->taken : stock->before;
}

/* Whether it was cached. */
static bool ready_put(struct block *b)
{
	struct stock *stock = &all.sizes[b->size];
	bool needed;

	pthread_mutex_lock(&all.mutex);
	needed = all.on && stock->count < needed_of(stock);
	if (needed) {
		b->next = stock->ready;
		stock->ready = b;
		stock->count++;
	}
	pthread_mutex_unlock(&all.mutex);
	return needed;
}

static void release(struct block *b)
{
	if (!b->size || !ready_put(b))
		free(b);
}

static void taken_move(uint32_t from, uint32_t to)
{
	pthread_mutex_lock(&all.mutex);
	if (all.sizes[from].taken)
		all.sizes[from].taken--;
	all.sizes[to].taken++;
	pthread_mutex_unlock(&all.mutex);
}

/* ---- blocks */

void *block_new(size_t bytes)
{
	uint32_t size = size_for(sizeof(struct block) + bytes);
	struct block *b = size ? ready_take(size) : NULL;

	if (!b)
		b = malloc(room_for(size, bytes));
	if (!b)
		return NULL;
	b->size = size;
	return b + 1;
}

void *block_resize(void *block, size_t bytes)
{
	uint32_t size = size_for(sizeof(struct block) + bytes), before;
	struct block *b;

	if (!block)
		return block_new(bytes);
	before = ((struct block *)block - 1)->size;
	if (size && size == before)
		return block;
	b = realloc((struct block *)block - 1, room_for(size, bytes));
	if (!b)
		return NULL;
	b->size = size;
	taken_move(before, size);
	return b + 1;
}

void block_free(void *block)
{
	if (block)
		release((struct block *)block - 1);
}

/* ---- expected need */

void blocks_begin(void)
{
	pthread_mutex_lock(&all.mutex);
	for (uint32_t size = 0; size <= SIZES; size++) {
		all.sizes[size].before = all.sizes[size].taken;
		all.sizes[size].taken = 0;
	}
	pthread_mutex_unlock(&all.mutex);
}

void blocks_forget(void)
{
	pthread_mutex_lock(&all.mutex);
	for (uint32_t size = 0; size <= SIZES; size++)
		all.sizes[size].before = all.sizes[size].taken = 0;
	pthread_mutex_unlock(&all.mutex);
}

bool blocks_trim(void)
{
	struct block *excess = NULL;
	uint32_t size = SIZES;

	pthread_mutex_lock(&all.mutex);
	all.on = true;
	while (size && all.sizes[size].count <= needed_of(&all.sizes[size]))
		size--;
	if (size) {
		excess = all.sizes[size].ready;
		all.sizes[size].ready = excess->next;
		all.sizes[size].count--;
	}
	pthread_mutex_unlock(&all.mutex);
	free(excess);
	return excess;
}
