// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tests of mesh-config/canonical.h: the canonical form means the same, whatever the form before it;
 * a cluster's manifests become what mesh-config/manifests/convert says. WEFT_GOLDEN=write writes
 * that anew, to be read before it is kept. */
#include "mesh-config/canonical.h"
#include "mesh-config/source.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANIFESTS "mesh-config/manifests/"

static char *file_read(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, 1 << 20);

	assert_non_null(text);
	if (!f)
		return text;
	text[fread(text, 1, (1 << 20) - 1, f)] = 0;
	fclose(f);
	return text;
}

static void add(void *arg, struct slice text)
{
	fwrite(text.data, 1, text.size_bytes, arg);
}

static void add_loss(void *arg, const struct canonical_loss *l)
{
	fprintf(arg, "# %u:%u %s %s%s\n", l->line, l->column, l->object, l->what,
		l->kept ? " (kept)" : "");
}

/* The canonical form of some texts; losses of a conversion are told behind it. */
static char *canonical_of(const char *const *texts, size_t count, bool convert)
{
	char *losses = NULL, *text = NULL;
	size_t losses_bytes, bytes;
	FILE *to = open_memstream(&text, &bytes), *told = open_memstream(&losses, &losses_bytes);
	struct canonical_options options = {.convert = convert, .loss = add_loss, .arg = told};
	struct canonical *c = canonical_new(&options);

	assert_non_null(c);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(canonical_add(c, "cluster.yaml",
					       (struct slice){texts[i], strlen(texts[i])}),
				 0);
	assert_int_equal(canonical_visit(c, add, to), 0);
	fclose(told);
	fputs(losses, to);
	fclose(to);
	free(losses);
	canonical_free(c);
	return text;
}

static uint64_t hash_of(const char *const *texts, size_t count)
{
	struct mesh_source *s = mesh_source_new();
	struct problems problems = {0};
	struct mesh *m = NULL;
	uint64_t hash;

	for (size_t i = 0; i < count; i++)
		assert_int_equal(mesh_source_put(s, i ? "b.yaml" : "a.yaml",
						 (struct slice){texts[i], strlen(texts[i])}),
				 0);
	if (mesh_source_build(s, &m, &problems))
		fail_msg("%u:%u %s", problems.items[0].line, problems.items[0].column,
			 problems.items[0].text);
	hash = m->hash;
	problems_free(&problems);
	mesh_free(m);
	mesh_source_free(s);
	return hash;
}

static void a_mesh_keeps_its_hash(void **state)
{
	char *texts[] = {file_read(MANIFESTS "shop/cluster.yaml"),
			 file_read(MANIFESTS "shop/mesh.yaml")};
	char *once = canonical_of((const char *const *)texts, 2, false);
	char *twice = canonical_of((const char *const *)&once, 1, false);

	(void)state;
	assert_string_equal(once, twice);
	assert_int_equal(hash_of((const char *const *)texts, 2),
			 hash_of((const char *const *)&once, 1));
	free(texts[0]);
	free(texts[1]);
	free(once);
	free(twice);
}

#define WORKLOAD "apiVersion: weft.dev/v1alpha1\nkind: Workload\n"

static void forms_of_one_object_become_one(void **state)
{
	static const char *const forms[] = {
		WORKLOAD "metadata: {name: a, labels: {b: 'true', a: \"7\"}}\n"
			 "spec: {match: [{ip: [\"10.0.0.1\"]}]}",
		"{\"kind\": \"Workload\", \"apiVersion\": \"weft.dev/v1alpha1\", \"spec\": "
		"{\"match\": [{\"ip\": [\"10.0.0.1\"]}]}, \"metadata\": {\"labels\": {\"a\": "
		"\"7\", \"b\": \"true\"}, \"name\": \"a\", \"uid\": \"1\"}, \"status\": {}}",
		WORKLOAD
		"metadata:\n  labels:\n    {a: \"\\u0037\", b: \"tr\\\n   ue\"}\n  name: a\n"
		"spec: {\"match\": [{uid: ~, ip: ['10.0.0.1']}], labels: ~} # x",
	};
	static const char expected[] =
		"---\napiVersion: weft.dev/v1alpha1\nkind: Workload\nmetadata:\n  name: a\n"
		"  labels:\n    a: \"7\"\n    b: \"true\"\nspec:\n  match:\n    - ip:\n"
		"        - \"10.0.0.1\"\n";

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char *text = canonical_of(&forms[i], 1, false);

		assert_string_equal(text, expected);
		assert_int_equal(hash_of((const char *const *)&text, 1), hash_of(&forms[i], 1));
		free(text);
	}
}

static void a_cluster_is_converted(void **state)
{
	char *manifest = file_read(MANIFESTS "convert/cluster.yaml");
	char *text = canonical_of((const char *const *)&manifest, 1, true);
	char *golden;

	(void)state;
	if (getenv("WEFT_GOLDEN")) {
		FILE *f = fopen(MANIFESTS "convert/cluster.txt", "we");

		assert_non_null(f);
		fputs(text, f);
		fclose(f);
	}
	golden = file_read(MANIFESTS "convert/cluster.txt");
	assert_string_equal(text, golden);
	free(golden);
	free(text);
	free(manifest);
}

static void what_is_no_yaml_is_refused(void **state)
{
	struct canonical_options options = {0};
	struct canonical *c = canonical_new(&options);

	(void)state;
	assert_int_equal(canonical_add(c, "a.yaml", SLICE("a: [")), -EBADMSG);
	assert_int_equal(canonical_add(c, "a.yaml", SLICE("a: 1\na: 2\n")), -EBADMSG);
	canonical_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mesh_keeps_its_hash),
		cmocka_unit_test(forms_of_one_object_become_one),
		cmocka_unit_test(a_cluster_is_converted),
		cmocka_unit_test(what_is_no_yaml_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
