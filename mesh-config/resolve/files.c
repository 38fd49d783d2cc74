// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One allocation per file: the structure, its name, its bytes. */
#include "mesh-config/resolve/files.h"

#include <stdlib.h>

struct mesh_file *mesh_file_new(const char *name, struct slice bytes)
{
	size_t name_bytes = strlen(name) + 1;
	struct mesh_file *f = malloc(sizeof(*f) + name_bytes + bytes.size_bytes + 1);
	char *at = (char *)(f + 1);

	if (!f)
		return NULL;
	memcpy(at, name, name_bytes);
	if (bytes.size_bytes)
		memcpy(at + name_bytes, bytes.data, bytes.size_bytes);
	at[name_bytes + bytes.size_bytes] = 0;
	*f = (struct mesh_file){1, at, {at + name_bytes, bytes.size_bytes}};
	return f;
}

struct mesh_file *mesh_file_get(struct mesh_file *f)
{
	f->holders++;
	return f;
}

void mesh_file_put(struct mesh_file *f)
{
	if (f && !--f->holders)
		free(f);
}

struct mesh_files *mesh_files_new(uint32_t count)
{
	struct mesh_files *all = calloc(1, sizeof(*all) + count * sizeof(all->items[0]));

	if (!all)
		return NULL;
	all->holders = 1;
	all->count = count;
	return all;
}

void mesh_files_set(struct mesh_files *all, uint32_t place, struct mesh_file *f)
{
	all->items[place] = mesh_file_get(f);
	all->file_count++;
	all->size_bytes += f->bytes.size_bytes;
}

struct mesh_files *mesh_files_get(struct mesh_files *all)
{
	all->holders++;
	return all;
}

void mesh_files_put(struct mesh_files *all)
{
	if (!all || --all->holders)
		return;
	for (uint32_t i = 0; i < all->count; i++)
		mesh_file_put(all->items[i]);
	free(all);
}

uint64_t mesh_files_unshared(const struct mesh_files *old, const struct mesh_files *new)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < old->count; i++)
		if (old->items[i] && (i >= new->count || new->items[i] != old->items[i]))
			sum += old->items[i]->bytes.size_bytes;
	return sum;
}
