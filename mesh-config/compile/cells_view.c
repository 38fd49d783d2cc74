// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads what bpf/abi_mesh.h says, and trusts nothing. */
#include "mesh-config/compile/cells_view.h"

const void *cells_view_at(const struct cells_view *v, uint32_t index)
{
	return index < v->count ? (const char *)v->cells + index * (size_t)WEFT_MESH_CELL_BYTES
				: NULL;
}

const struct weft_mesh_header *cells_view_header(const struct cells_view *v)
{
	return cells_view_at(v, 0);
}

void cells_view_fronts(const struct cells_view *v,
		       void (*visit)(void *arg, const struct weft_mesh_front *front), void *arg)
{
	const struct weft_mesh_table *t = &cells_view_header(v)->fronts;
	const struct weft_mesh_front *front;

	for (uint64_t i = 0; i <= t->mask && t->first + i < v->count; i++) {
		front = cells_view_at(v, (uint32_t)(t->first + i));
		if (front->key.kind == WEFT_KEY_FRONT)
			visit(arg, front);
	}
}
