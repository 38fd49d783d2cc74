// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sets of labels that are sorted by key. */
#include "mesh-config/model/model.h"

#include <string.h>

bool mesh_labels_select(const struct mesh_labels *wanted, const struct mesh_labels *labels)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < wanted->count; i++, at++) {
		while (at < labels->count &&
		       strcmp(labels->items[at].key, wanted->items[i].key) < 0)
			at++;
		if (at == labels->count || strcmp(labels->items[at].key, wanted->items[i].key) ||
		    strcmp(labels->items[at].value, wanted->items[i].value))
			return false;
	}
	return true;
}

const char *mesh_labels_find(const struct mesh_labels *labels, const char *key)
{
	for (uint32_t i = 0; i < labels->count; i++)
		if (!strcmp(labels->items[i].key, key))
			return labels->items[i].value;
	return NULL;
}
