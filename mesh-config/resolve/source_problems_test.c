// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Broken files, and files with warnings only, give exactly the problems of the .txt beside them.
 * WEFT_GOLDEN=write writes those anew, to be read before they are kept. */
#include "mesh-config/resolve/source.h"
#include "mesh-config/yaml/yaml.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define BROKEN	       "mesh-config/manifests/bad/"
#define WARNED	       "mesh-config/manifests/warned/"
#define HARMLESS_BYTES 100000
#define MOST	       2 /* times; what grows faster than its file is beyond that by far */
#define TRIES	       3
#define SERVICE_BYTES  512 /* no more than one of the harmless file */
#define HOSTILE_BYTES  (MESH_FILE_MAX_BYTES + 1)

static struct slice file_read(const char *path)
{
	FILE *f = fopen(path, "re");
	char *bytes = malloc(1 << 20);
	size_t n;

	assert_non_null(bytes);
	if (!f) {
		bytes[0] = 0;
		return (struct slice){bytes, 0};
	}
	n = fread(bytes, 1, (1 << 20) - 1, f);
	bytes[n] = 0;
	fclose(f);
	return (struct slice){bytes, n};
}

/* All problems of one file as people see them; the caller frees. */
static char *problems_text(const char *name, struct slice bytes)
{
	struct mesh_source *s = mesh_source_new();
	struct problems problems;
	struct mesh *mesh = NULL;
	char *text = NULL;
	size_t n;
	FILE *to = open_memstream(&text, &n);

	assert_non_null(s);
	assert_non_null(to);
	assert_int_equal(mesh_source_put(s, name, bytes), 0);
	int err = mesh_source_build(s, &mesh, &problems);

	for (uint32_t i = 0; i < problems.count; i++)
		problem_write(&problems.items[i], to, false);
	fclose(to);
	assert_int_equal(err, problems.errors ? -22 : 0);
	assert_int_equal(!mesh, !!problems.errors);
	problems_free(&problems);
	mesh_free(mesh);
	mesh_source_free(s);
	return text;
}

static void golden_check(const char *folder, const char *name)
{
	char path[512];
	struct slice bytes, golden;
	char *text;

	snprintf(path, sizeof(path), "%s%s", folder, name);
	bytes = file_read(path);
	text = problems_text(name, bytes);
	snprintf(path, sizeof(path), "%s%.*s.txt", folder, (int)strcspn(name, "."), name);
	if (getenv("WEFT_GOLDEN")) {
		FILE *f = fopen(path, "we");

		assert_non_null(f);
		fputs(text, f);
		fclose(f);
	}
	golden = file_read(path);
	assert_string_equal(text, golden.data);
	assert_true(text[0]);
	assert_int_equal(!strstr(text, ": error["), !strcmp(folder, WARNED));
	free(text);
	free((char *)bytes.data);
	free((char *)golden.data);
}

static unsigned folder_check(const char *folder)
{
	DIR *d = opendir(folder);
	unsigned count = 0;

	assert_non_null(d);
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		if (strstr(e->d_name, ".yaml")) {
			golden_check(folder, e->d_name);
			count++;
		}
	closedir(d);
	return count;
}

static void test_broken_files(void **state)
{
	(void)state;
	assert_true(folder_check(BROKEN) >= 18);
}

static void test_files_with_warnings(void **state)
{
	(void)state;
	assert_true(folder_check(WARNED) >= 1);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* |size| bytes of |piece| over and over. */
static char *repeat(const char *piece, size_t size)
{
	size_t n = strlen(piece);
	char *bytes = malloc(size);

	assert_non_null(bytes);
	for (size_t i = 0; i < size; i++)
		bytes[i] = piece[i % n];
	return bytes;
}

/* At least |size| bytes of services, as operators write them. */
static struct slice harmless(size_t size)
{
	char *bytes = malloc(size + SERVICE_BYTES);
	size_t used = 0;

	assert_non_null(bytes);
	for (unsigned i = 0; used < size; i++)
		used += (size_t)snprintf(
			bytes + used, SERVICE_BYTES,
			"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
			"metadata: {name: s%u, namespace: shop}\nspec:\n  hosts: [s%u.example]\n"
			"  addresses: [10.%u.%u.%u]\n  location: MESH_INTERNAL\n"
			"  resolution: STATIC\n  ports: [{number: 80, name: main, protocol: "
			"HTTP}]\n"
			"  endpoints: [{address: 10.1.2.3, labels: {app: a, version: v1}}]\n---\n",
			i, i, i >> 16 & 255, i >> 8 & 255, i & 255);
	return (struct slice){bytes, used};
}

/* The processor's time that reading takes, the least of some tries; |code| must be said, NULL: it
 * is fine. */
static double cost_ms(struct slice bytes, const char *code)
{
	double least = 0;

	for (int i = 0; i < TRIES; i++) {
		double start = now_ms(), took;
		char *text = problems_text("hostile.yaml", bytes);

		took = now_ms() - start;
		least = !i || took < least ? took : least;
		if (code ? !strstr(text, code) : *text)
			fail_msg("%s instead of %s", text, code ? code : "nothing");
		free(text);
	}
	return least;
}

/* Files made to cost cost about what a harmless one of 100,000 bytes does, and not many times it.
 * Both on the same processor in turn: how fast that is does not matter. */
static void test_hostile_files(void **state)
{
	static const struct {
		const char *piece;
		size_t size_bytes;
		const char *code;
	} files[] = {
		{"[", 200000, "E1004"},
		{"{a: ", 200000, "E1004"},
		{"- ", 200000, "E1004"},
		{"a\n", HOSTILE_BYTES, "E1006"},
		{"[],", 300000, "E1001"},
		{"? ", 200000, "E1001"},
		{"a: &a [*a, *a]\n", 3000, "E1003"},
		{"\"", 200001, "E1001"},
		{"\xff", 200000, "E1007"},
		{"- - -\n", 100000, "E2007"},
	};
	struct slice other = harmless(HARMLESS_BYTES);
	double allowed_ms = cost_ms(other, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char *bytes = repeat(files[i].piece, files[i].size_bytes);
		double took = cost_ms((struct slice){bytes, files[i].size_bytes}, files[i].code);

		if (took > MOST * allowed_ms)
			fail_msg("%.10s ...: %.0f ms, a harmless file takes %.0f ms",
				 files[i].piece, took, allowed_ms);
		free(bytes);
	}
	free((char *)other.data);
}

/* Every file cut at every length is read without harm. */
static void test_cut_files(void **state)
{
	struct slice bytes = file_read(BROKEN "types.yaml");

	(void)state;
	for (size_t n = 0; n <= bytes.size_bytes; n += 3) {
		char *copy = malloc(n ? n : 1);

		assert_non_null(copy);
		memcpy(copy, bytes.data, n);
		free(problems_text("cut.yaml", (struct slice){copy, n}));
		free(copy);
	}
	free((char *)bytes.data);
}

static void test_many_problems(void **state)
{
	struct mesh_source *s = mesh_source_new();
	char *bytes = repeat("kind: x\n---\n", 12 * 5000);
	struct problems problems;
	struct mesh *mesh = NULL;

	(void)state;
	assert_int_equal(mesh_source_put(s, "many.yaml", (struct slice){bytes, 12 * 5000}), 0);
	assert_int_equal(mesh_source_build(s, &mesh, &problems), -22);
	assert_int_equal(problems.count, PROBLEMS_MAX);
	assert_int_equal(problems.errors, 5000);
	assert_int_equal(problems.items[PROBLEMS_MAX - 1].line, 2 * PROBLEMS_MAX - 1);
	problems_free(&problems);
	mesh_source_free(s);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken_files),  cmocka_unit_test(test_files_with_warnings),
		cmocka_unit_test(test_hostile_files), cmocka_unit_test(test_cut_files),
		cmocka_unit_test(test_many_problems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
