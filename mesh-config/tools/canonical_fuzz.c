// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fuzzes the canonical form: of a file without problems it has the same hash and is its own
 * canonical form; of any other the conversion is YAML. */
#include "mesh-config/resolve/source.h"
#include "mesh-config/tools/canonical.h"

#include <stdio.h>
#include <stdlib.h>

#define require(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void add(void *arg, struct slice text)
{
	fwrite(text.data, 1, text.size_bytes, arg);
}

/* NULL: it is not YAML. */
static char *canonical_of(struct slice bytes, bool convert, size_t *ret_bytes)
{
	struct canonical_options options = {.convert = convert};
	struct canonical *c = canonical_new(&options);
	char *text = NULL;
	FILE *to = open_memstream(&text, ret_bytes);
	int err = canonical_add(c, "a.yaml", bytes);

	require(c && to);
	if (!err)
		require(!canonical_visit(c, add, to));
	fclose(to);
	canonical_free(c);
	if (!err)
		return text;
	free(text);
	return NULL;
}

/* 0 when it is refused. */
static uint64_t hash_of(struct slice bytes)
{
	struct mesh_source *s = mesh_source_new();
	struct problems problems;
	struct mesh *mesh = NULL;
	uint64_t hash = 0;

	require(s && !mesh_source_put(s, "a.yaml", bytes));
	if (!mesh_source_build(s, &mesh, &problems))
		hash = mesh->hash + 1;
	problems_free(&problems);
	mesh_free(mesh);
	mesh_source_free(s);
	return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct slice bytes = {(const char *)data, size_bytes}, once_bytes, twice_bytes;
	char *once, *twice, *converted;
	size_t n;
	uint64_t hash = hash_of(bytes);

	once = canonical_of(bytes, false, &n);
	require(once || !hash);
	if (!once)
		return 0;
	once_bytes = (struct slice){once, n};
	if (hash) {
		require(hash_of(once_bytes) == hash);
		twice = canonical_of(once_bytes, false, &n);
		twice_bytes = (struct slice){twice, n};
		require(twice && slice_equal(once_bytes, twice_bytes));
		free(twice);
	}
	converted = canonical_of(bytes, true, &n);
	require(converted);
	twice = canonical_of((struct slice){converted, n}, false, &n);
	require(twice);
	free(twice);
	free(converted);
	free(once);
	return 0;
}
