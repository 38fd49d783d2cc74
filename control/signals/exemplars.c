// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A direct-mapped array. */
#include "control/signals/exemplars.h"

#include <stdlib.h>
#include <string.h>

/* Where the ids are in "00-<32 hex>-<16 hex>-<2 hex>" (W3C Trace Context 3.2.2). */
#define TRACEPARENT_BYTES 55
#define TRACE_ID_AT	  3
#define SPAN_ID_AT	  36

struct place {
	uint64_t serial; /* 0 = free */
	uint64_t value;
	uint32_t bucket;
	char trace_id[32];
	char span_id[16];
};

struct exemplars {
	uint32_t mask;
	struct place places[];
};

struct exemplars *exemplars_new(uint32_t places)
{
	struct exemplars *e = calloc(1, sizeof(*e) + places * sizeof(e->places[0]));

	if (e)
		e->mask = places - 1;
	return e;
}

void exemplars_free(struct exemplars *e)
{
	free(e);
}

static uint32_t place_of(const struct exemplars *e, uint64_t serial, unsigned bucket)
{
	return (uint32_t)(serial * BUCKETS_MAX + bucket) & e->mask;
}

void exemplars_set(struct exemplars *e, uint64_t serial, unsigned bucket, const char *traceparent,
		   uint64_t value)
{
	struct place *p = &e->places[place_of(e, serial, bucket)];

	if (strlen(traceparent) < TRACEPARENT_BYTES)
		return;
	p->serial = serial;
	p->bucket = bucket;
	p->value = value;
	memcpy(p->trace_id, traceparent + TRACE_ID_AT, sizeof(p->trace_id));
	memcpy(p->span_id, traceparent + SPAN_ID_AT, sizeof(p->span_id));
}

bool exemplars_get(const struct exemplars *e, uint64_t serial, unsigned bucket,
		   struct exemplar *ret)
{
	const struct place *p = &e->places[place_of(e, serial, bucket)];

	if (p->serial != serial || p->bucket != bucket)
		return false;
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->trace_id, p->trace_id, sizeof(p->trace_id));
	memcpy(ret->span_id, p->span_id, sizeof(p->span_id));
	ret->value = p->value;
	return true;
}
