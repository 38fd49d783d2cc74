// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One slot per identity index in front of two tables keyed by a 128-bit hash of the strings. */
#include "control/signals/workloads.h"

#include "base/table.h"
#include "control/signals/digest.h"

#include <stdlib.h>

#define OVERFLOW "overflow"

const struct identity identity_overflow = {
	.workload = OVERFLOW,
	.kind = OVERFLOW,
	.namespace_ = OVERFLOW,
	.service = OVERFLOW,
	.app = OVERFLOW,
	.version = OVERFLOW,
};

struct canonical {
	struct digest digest;
	const struct identity *identity;
	uint32_t id;
};

struct slot {
	const struct identity *identity;
	struct workload workload;
};

struct workloads {
	uint32_t limit;
	uint64_t seed;
	struct workload overflow;
	struct slot *slots;
	struct table *labels;
	struct table *named;
};

struct workloads *workloads_new(uint32_t limit, uint64_t seed)
{
	struct workloads *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->limit = limit;
	w->seed = seed;
	w->overflow = (struct workload){0, 0, &identity_overflow, &identity_overflow};
	w->slots = calloc(limit, sizeof(*w->slots));
	w->labels = table_new(limit, sizeof(struct canonical), sizeof(struct digest), seed);
	w->named = table_new(limit, sizeof(struct canonical), sizeof(struct digest), seed);
	if (w->slots && w->labels && w->named)
		return w;
	workloads_free(w);
	return NULL;
}

void workloads_free(struct workloads *w)
{
	if (!w)
		return;
	table_free(w->labels);
	table_free(w->named);
	free(w->slots);
	free(w);
}

static struct digest digest_of(const struct workloads *w, const char *const *strings,
			       unsigned count)
{
	struct digest d = digest_start(w->seed);

	for (unsigned i = 0; i < count; i++)
		digest_text(&d, strings[i]);
	return d;
}

static const struct canonical *intern(struct table *t, const struct digest *digest,
				      const struct identity *identity)
{
	struct canonical *c = table_find(t, digest);

	if (c)
		return c;
	c = table_insert(t, digest);
	if (!c)
		return NULL;
	c->identity = identity;
	c->id = table_count(t);
	return c;
}

static const struct workload *resolve(struct workloads *w, const struct identity *i)
{
	const char *strings[] = {i->workload, i->namespace_, i->service, i->app, i->version};
	struct digest labels = digest_of(w, strings, 5);
	struct digest named = digest_of(w, strings, 2);
	const struct canonical *by_labels = intern(w->labels, &labels, i);
	const struct canonical *by_name = intern(w->named, &named, i);
	struct slot *slot = &w->slots[i->index];

	if (!by_labels || !by_name)
		return &w->overflow;
	slot->identity = i;
	slot->workload = (struct workload){by_labels->id, by_name->id, by_labels->identity,
					   by_name->identity};
	return &slot->workload;
}

const struct workload *workloads_resolve(struct workloads *w, const struct identity *identity)
{
	if (identity->index >= w->limit)
		return &w->overflow;
	if (w->slots[identity->index].identity == identity)
		return &w->slots[identity->index].workload;
	return resolve(w, identity);
}
