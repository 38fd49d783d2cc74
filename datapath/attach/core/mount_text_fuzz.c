// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fuzzes mount tables: slices stay within the text, iteration ends, and a mount is found by its own
 * id and path. */
#include "datapath/attach/core/mount_text.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_inside(struct slice whole, struct slice part)
{
	if (part.size_bytes &&
	    (part.data < whole.data || part.data + part.size_bytes > whole.data + whole.size_bytes))
		abort();
}

static void check_layers(struct slice options)
{
	struct mount_layers l = {options, {0}};
	char layer[PATH_MAX];
	size_t count = 0;

	while (mount_layer_next(&l, layer))
		if (!memchr(layer, 0, sizeof(layer)) || ++count > options.size_bytes)
			abort();
}

static void check_entry(struct slice whole, const struct mount_entry *e)
{
	struct mount_entry found;

	check_inside(whole, e->point);
	check_inside(whole, e->type);
	check_inside(whole, e->options);
	if (!mount_text_by_id(whole, e->id, &found) || found.id != e->id ||
	    !mount_text_by_device(whole, e->device_major, e->device_minor, &found))
		abort();
	mount_type_is_local(e->type);
	check_layers(e->options);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	char *copy = malloc(size_bytes + 1);
	struct slice whole = {copy, size_bytes}, rest = whole;
	struct mount_entry e;

	if (!copy)
		abort();
	if (size_bytes)
		memcpy(copy, data, size_bytes);
	copy[size_bytes] = 0;
	while (mount_text_next(&rest, &e))
		check_entry(whole, &e);
	if (mount_text_above(whole, "/usr/lib", &e) && e.point.size_bytes > 4 * sizeof("/usr/lib"))
		abort();
	free(copy);
	return 0;
}
