// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Interfaces whose name begins like those of container runtimes are counted, others are named. */
#include "control/cli/check_names.h"

#include <stdio.h>
#include <string.h>

#define NAMED_MAX 12
#define STEMS	  (sizeof(stems) / sizeof(stems[0]))

static const char *const stems[] = {"veth", "cali", "lxc", "eni", "azv", "gke", "tap", "vnet"};

struct names {
	char parts[NAMED_MAX + STEMS + 1][40];
	unsigned count, more;
	unsigned of_stem[STEMS];
	const json_t *latest[STEMS]; /* the latest row, used where it is the only one */
};

static bool alike(const json_t *a, const json_t *b)
{
	static const char *const keys[] = {"result", "mode", "problem"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(field_text(a, keys[i]), field_text(b, keys[i])) != 0)
			return false;
	return true;
}

static size_t stem_of(const char *name)
{
	size_t i = 0;

	while (i < STEMS && strncmp(name, stems[i], strlen(stems[i])) != 0)
		i++;
	return i;
}

static void name_put(struct names *n, const char *name)
{
	snprintf(n->parts[n->count++], sizeof(n->parts[0]), "%.39s", name);
}

static void name_add(struct names *n, const json_t *row)
{
	size_t stem = stem_of(field_text(row, "name"));
	char name[SHOWN_MAX];

	if (stem < STEMS) {
		n->of_stem[stem]++;
		n->latest[stem] = row;
	} else if (n->count < NAMED_MAX) {
		name_put(n, field_shown(row, "name", name));
	} else {
		n->more++;
	}
}

static void counts_add(struct names *n)
{
	char text[40], name[SHOWN_MAX];

	for (size_t i = 0; i < STEMS; i++) {
		if (n->of_stem[i] == 1)
			name_put(n, field_shown(n->latest[i], "name", name));
		if (n->of_stem[i] < 2)
			continue;
		snprintf(text, sizeof(text), "%u %s*", n->of_stem[i], stems[i]);
		name_put(n, text);
	}
	if (!n->more)
		return;
	snprintf(text, sizeof(text), "%u more", n->more);
	name_put(n, text);
}

static void join(const struct names *n, char out[SHOWN_MAX])
{
	size_t used = 0;

	out[0] = 0;
	for (unsigned i = 0; i < n->count; i++) {
		const char *before = !i ? "" : i + 1 < n->count ? ", " : " and ";

		used += (size_t)snprintf(out + used, SHOWN_MAX - used, "%s%s", before, n->parts[i]);
	}
}

bool check_names(const json_t *rows, size_t at, char out[SHOWN_MAX])
{
	const json_t *row = json_array_get(rows, at);
	struct names n = {0};

	for (size_t i = 0; i < at; i++)
		if (alike(json_array_get(rows, i), row))
			return false;
	for (size_t i = at; i < json_array_size(rows); i++)
		if (alike(json_array_get(rows, i), row))
			name_add(&n, json_array_get(rows, i));
	counts_add(&n);
	join(&n, out);
	return true;
}
