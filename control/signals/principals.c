// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A table of texts by their digests. */
#include "control/signals/principals.h"

#include "base/table.h"
#include "control/signals/digest.h"

#include <stdio.h>
#include <stdlib.h>

#define ID_OVERFLOW UINT32_MAX

struct entry {
	struct digest digest; /* the key */
	uint32_t id;
	char text[256];
};

struct principals {
	uint64_t seed;
	struct table *entries;
};

struct principals *principals_new(uint32_t limit, uint64_t seed)
{
	struct principals *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->seed = seed;
	p->entries = table_new(limit, sizeof(struct entry), sizeof(struct digest), seed);
	if (p->entries)
		return p;
	principals_free(p);
	return NULL;
}

void principals_free(struct principals *p)
{
	if (!p)
		return;
	table_free(p->entries);
	free(p);
}

struct principal principals_get(struct principals *p, const char *spiffe_id)
{
	struct digest digest = digest_start(p->seed);
	struct entry *e;

	if (!spiffe_id || !*spiffe_id)
		return (struct principal){"unknown", 0};
	digest_text(&digest, spiffe_id);
	e = table_find(p->entries, &digest);
	if (!e) {
		e = table_insert(p->entries, &digest);
		if (!e)
			return (struct principal){"overflow", ID_OVERFLOW};
		e->id = table_count(p->entries);
		snprintf(e->text, sizeof(e->text), "%s", spiffe_id);
	}
	return (struct principal){e->text, e->id};
}
