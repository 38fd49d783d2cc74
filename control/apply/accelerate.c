// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* After balancing a socket has its endpoint's address, which is the key of acceleration. */
#include "control/apply/accelerate.h"

#include "base/table.h"

#include <errno.h>
#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/abi.h"

#define KEYS_MAX (IPC_DATA_MAX / sizeof(struct weft_accel_key))

/* Returns how many there are; the first KEYS_MAX are written. */
static size_t fill(const struct generation *g, struct weft_accel_key *keys)
{
	const struct mesh *m = g->mesh;
	size_t count = 0;

	for (uint32_t service = 0, end; service < m->service_count; service++) {
		if (!m->services[service].acceleration)
			continue;
		for (uint32_t i = generation_rows(g, service, &end); i < end; i++, count++) {
			const struct generation_endpoint *e = &g->endpoints[i];

			if (count >= KEYS_MAX)
				continue;
			keys[count] = (struct weft_accel_key){.port = e->port};
			memcpy(keys[count].addr, m->endpoints[e->endpoint].address, 16);
		}
	}
	return count;
}

bool accelerate_send(struct accelerate *a, struct ipc *loader, const struct generation *g,
		     char *problem, size_t size)
{
	struct weft_accel_key *keys = calloc(KEYS_MAX, sizeof(*keys));
	size_t count = keys ? fill(g, keys) : 0;
	size_t sent = count < KEYS_MAX ? count : KEYS_MAX;
	uint64_t hash = sent ? table_hash(keys, sent * sizeof(*keys), 0) : 0;
	struct error err = {0};
	int r = 0;

	problem[0] = 0;
	if (count > sent)
		snprintf(problem, size, "only %zu of %zu endpoints can be accelerated", sent,
			 count);
	if (keys && hash != a->sent_hash) {
		r = ipc_ask(loader, IPC_MESSAGE_ACCELERATE, keys, sent * sizeof(*keys), NULL, &err);
		a->sent_hash = r == -ETIMEDOUT ? UINT64_MAX : hash;
		if (r)
			snprintf(problem, size, "%s", err.text);
	}
	free(keys);
	return r != -ETIMEDOUT;
}
