// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Takes the common end off, then follows both sequences; where they part, looks a little ahead for
 * where they meet again. */
#include "mesh-config/compile/changes.h"

#include <errno.h>
#include <stdlib.h>

#define AHEAD 16

struct sequence {
	const uint64_t *at;
	uint32_t left;
};

static uint32_t common(const struct sequence *a, const struct sequence *b)
{
	uint32_t most = a->left < b->left ? a->left : b->left, n = 0;

	while (n < most && a->at[n] == b->at[n])
		n++;
	return n;
}

static void skip(struct sequence *s, uint32_t count)
{
	s->at += count;
	s->left -= count;
}

/* Skips the least that makes both begin with the same, or one of each. */
static void meet(struct sequence *old, struct sequence *new)
{
	for (uint32_t ahead = 1; ahead <= AHEAD; ahead++) {
		for (uint32_t i = 0; i <= ahead; i++) {
			if (i >= old->left || ahead - i >= new->left ||
			    old->at[i] != new->at[ahead - i])
				continue;
			skip(old, i);
			skip(new, ahead - i);
			return;
		}
	}
	skip(old, old->left > 0);
	skip(new, new->left > 0);
}

static int add_run(struct changes *c, const struct changes_run *run)
{
	uint32_t capacity = c->capacity * 2 + 16;
	struct changes_run *grown;

	if (c->count == c->capacity) {
		grown = realloc(c->runs, capacity * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		c->runs = grown;
		c->capacity = capacity;
	}
	c->runs[c->count++] = *run;
	return 0;
}

static uint32_t trim_common_end(struct sequence *a, struct sequence *b)
{
	uint32_t n = 0;

	while (a->left && b->left && a->at[a->left - 1] == b->at[b->left - 1]) {
		a->left--;
		b->left--;
		n++;
	}
	return n;
}

int changes_find(const uint64_t *old_hashes, uint32_t old_count, const uint64_t *new_hashes,
		 uint32_t new_count, struct changes *ret)
{
	struct sequence old = {old_hashes, old_count}, new = {new_hashes, new_count};
	uint32_t end = trim_common_end(&old, &new);
	struct changes_run run;
	int r = 0;

	ret->count = 0;
	while (!r && old.left && new.left) {
		run = (struct changes_run){(uint32_t)(old.at - old_hashes),
					   (uint32_t)(new.at - new_hashes), common(&old, &new)};
		if (run.count)
			r = add_run(ret, &run);
		skip(&old, run.count);
		skip(&new, run.count);
		if (old.left && new.left)
			meet(&old, &new);
	}
	run = (struct changes_run){old_count - end, new_count - end, end};
	if (!r && end)
		r = add_run(ret, &run);
	return r;
}

void changes_free(struct changes *c)
{
	free(c->runs);
	*c = (struct changes){0};
}
