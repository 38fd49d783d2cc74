// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What Istio and Kubernetes refuse is refused here, with a code, a place and a hint; what they take
 * is taken. Each file of mesh-config/manifests/refused is a sound manifest and, behind "====", rows
 * "CODE | TEXT | ITS REPLACEMENT | ..." of which each makes one mistake (CODE), or none ("fine").
 * "\n" in them is a new line. */
#include "mesh-config/resolve/source.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FOLDER	      "mesh-config/manifests/refused/"
#define TEXT_BYTES    8192
#define REFUSED_LEAST 400
#define FINE_LEAST    50

struct tally {
	const char *file;
	unsigned refused, fine, wrong;
};

static void tell(struct tally *t, const char *row, const char *what, const struct problems *p)
{
	fprintf(stderr, "%s: %s: %s\n", t->file, row, what);
	for (uint32_t i = 0; i < p->count; i++)
		if (p->items[i].severity == PROBLEM_ERROR)
			problem_write(&p->items[i], stderr, false);
	t->wrong++;
}

/* ---- one manifest */

static const struct problem *problem_find(const struct problems *p, const char *code)
{
	for (uint32_t i = 0; i < p->count; i++)
		if (p->items[i].severity == PROBLEM_ERROR && !strcmp(p->items[i].code, code))
			return &p->items[i];
	return NULL;
}

static void manifest_check(struct tally *t, const char *text, const char *row, const char *code)
{
	struct mesh_source *s = mesh_source_new();
	const struct problem *found;
	struct problems problems;
	struct mesh *mesh = NULL;

	assert_non_null(s);
	assert_int_equal(mesh_source_put(s, "a.yaml", slice_of(text)), 0);
	mesh_source_build(s, &mesh, &problems);
	found = problem_find(&problems, code);
	if (!strcmp(code, "fine")) {
		t->fine++;
		if (!mesh || problems.errors)
			tell(t, row, "is refused", &problems);
	} else {
		t->refused++;
		if (mesh || !found)
			tell(t, row, "is not refused for that", &problems);
		else if (!found->line || !found->column || !found->hint[0] || !found->text[0])
			tell(t, row, "has no place or no hint", &problems);
	}
	problems_free(&problems);
	mesh_free(mesh);
	mesh_source_free(s);
}

/* ---- rows */

/* The next part of a row, up to "|", without the blanks around it and with its new lines. */
static char *part_take(char **rest)
{
	char *part = *rest + strspn(*rest, " "), *end = part + strcspn(part, "|"), *to = part;

	*rest = *end ? end + 1 : end;
	while (end > part && end[-1] == ' ')
		end--;
	*end = 0;
	for (const char *from = part; *from; to++) {
		bool line = from[0] == '\\' && from[1] == 'n';

		*to = line ? '\n' : *from;
		from += 1 + line;
	}
	*to = 0;
	return part;
}

static void replace(const char *row, char *text, const char *old, const char *new)
{
	char *at = strstr(text, old), *end = at + strlen(old);
	char rest[TEXT_BYTES];

	if (!at || strstr(at + 1, old))
		fail_msg("%s: \"%s\" is %s in the manifest", row, old, at ? "twice" : "not");
	snprintf(rest, sizeof(rest), "%s", end);
	snprintf(at, TEXT_BYTES - (size_t)(at - text), "%s%s", new, rest);
}

static void row_check(struct tally *t, const char *manifest, const char *row)
{
	char copy[1024], text[TEXT_BYTES];
	char *rest = copy, *code;

	snprintf(copy, sizeof(copy), "%s", row);
	snprintf(text, sizeof(text), "%s", manifest);
	code = part_take(&rest);
	while (*rest) {
		const char *old = part_take(&rest);

		replace(row, text, old, part_take(&rest));
	}
	manifest_check(t, text, row, code);
}

static void file_check(struct tally *t, FILE *f)
{
	char manifest[TEXT_BYTES] = "", line[1024];
	bool rows = false;

	while (fgets(line, sizeof(line), f)) {
		if (!rows && strcmp(line, "====\n") != 0) {
			strncat(manifest, line, sizeof(manifest) - strlen(manifest) - 1);
			continue;
		}
		line[strcspn(line, "\n")] = 0;
		if (!rows)
			manifest_check(t, manifest, "the manifest itself", "fine");
		else if (line[0] && line[0] != '#')
			row_check(t, manifest, line);
		rows = true;
	}
	assert_true(rows);
}

static void what_istio_refuses_is_refused(void **state)
{
	struct tally t = {0};
	DIR *d = opendir(FOLDER);

	(void)state;
	assert_non_null(d);
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		char path[512];
		FILE *f;

		if (!strstr(e->d_name, ".txt"))
			continue;
		t.file = e->d_name;
		snprintf(path, sizeof(path), FOLDER "%s", e->d_name);
		f = fopen(path, "re");
		assert_non_null(f);
		file_check(&t, f);
		fclose(f);
	}
	closedir(d);
	print_message("%u refused, %u fine, %u wrong\n", t.refused, t.fine, t.wrong);
	assert_int_equal(t.wrong, 0);
	assert_true(t.refused >= REFUSED_LEAST && t.fine >= FINE_LEAST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_istio_refuses_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
