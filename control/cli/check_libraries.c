// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Rows are few (LIBRARIES_MAX): each is compared with the others. */
#include "control/cli/check_libraries.h"

#include <stdio.h>
#include <string.h>

/* Programs that are named. */
#define PROGRAMS_MAX 4
#define VERSIONS_MAX 4

static const char *file_name(const json_t *row)
{
	const char *path = field_text(row, "path");
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Bytes of a file's name without its version: "libx" of "libx.so.1.2". */
static size_t stem_bytes(const char *name)
{
	const char *so = strstr(name, ".so");

	return so ? (size_t)(so - name) : strlen(name);
}

static bool same_name(const char *a, const char *b)
{
	return stem_bytes(a) == stem_bytes(b) && !strncmp(a, b, stem_bytes(a));
}

static bool same(const json_t *a, const json_t *b, const char *field)
{
	return !strcmp(field_text(a, field), field_text(b, field));
}

static bool alike(const json_t *a, const json_t *b)
{
	if (json_object_get(a, "stack") || json_object_get(b, "stack"))
		return same(a, b, "stack");
	return same_name(file_name(a), file_name(b)) && same(a, b, "result") &&
	       same(a, b, "problem");
}

/* Whether a row before |at| that is like it has the same |field|. */
static bool is_named(const json_t *rows, size_t at, const char *field)
{
	const json_t *row = json_array_get(rows, at);

	for (size_t i = 0; i < at; i++)
		if (alike(json_array_get(rows, i), row) &&
		    same(json_array_get(rows, i), row, field))
			return true;
	return false;
}

static void program_add(const json_t *rows, size_t at, unsigned number, char out[SHOWN_MAX])
{
	const json_t *row = json_array_get(rows, at);
	size_t used = strlen(out);
	char program[SHOWN_MAX];

	snprintf(out + used, SHOWN_MAX - used, "%s%.40s", number ? ", " : ", in ",
		 field_shown(row, "program", program));
}

bool check_libraries(const json_t *rows, size_t at, char out[SHOWN_MAX])
{
	const json_t *row = json_array_get(rows, at);
	unsigned files = 0, programs = 0;
	char path[SHOWN_MAX], text[SHOWN_MAX] = "";

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *other = json_array_get(rows, i);

		if (!alike(other, row))
			continue;
		if (i < at)
			return false;
		files++;
		if (!json_object_get(other, "program") || is_named(rows, i, "program"))
			continue;
		if (programs < PROGRAMS_MAX)
			program_add(rows, i, programs, text);
		programs++;
	}
	field_shown(row, "path", path);
	if (files > 1)
		snprintf(out, SHOWN_MAX, "%.700s and %u more file%s%.300s%s", path, files - 1,
			 files > 2 ? "s" : "", text, programs > PROGRAMS_MAX ? " ..." : "");
	else
		snprintf(out, SHOWN_MAX, "%.700s%.300s", path, text);
	return true;
}

void check_libraries_problem(const json_t *rows, size_t at, char out[SHOWN_MAX])
{
	const json_t *row = json_array_get(rows, at);
	char text[SHOWN_MAX], version[SHOWN_MAX];
	unsigned versions = 0;
	size_t used;

	snprintf(out, SHOWN_MAX, "%.500s", field_shown(row, "problem", text));
	for (size_t i = at; i < json_array_size(rows); i++) {
		const json_t *other = json_array_get(rows, i);

		if (!alike(other, row) || !json_object_get(other, "version") ||
		    is_named(rows, i, "version") || ++versions > VERSIONS_MAX)
			continue;
		used = strlen(out);
		snprintf(out + used, SHOWN_MAX - used, "%s%.40s", versions > 1 ? ", " : " (",
			 field_shown(other, "version", version));
	}
	used = strlen(out);
	if (versions)
		snprintf(out + used, SHOWN_MAX - used, versions > VERSIONS_MAX ? ", ...)" : ")");
}
