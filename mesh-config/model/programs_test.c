// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Paths in numbers: every character counts, and where it stands. What the kernel half makes of the
 * same files is tested with real programs (integration/test_executables.py). */
#include "mesh-config/model/programs.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct weft_program));
}

static void no_two_paths_are_one(void **state)
{
	static const char *const fixed[] = {"/a",
					    "/b",
					    "/a/b",
					    "/b/a",
					    "/ab",
					    "/a/b/c",
					    "/ab/c",
					    "/a/bc",
					    "/12345678",
					    "/1234567/8",
					    "/1/2345678",
					    "/12345678/12345678",
					    "/opt/payments-reconciliation-worker-prod",
					    "/opt/payments-reconciliation-worker-pwned"};
	enum { FIXED = sizeof(fixed) / sizeof(fixed[0]), COUNT = FIXED + 255 };
	static struct weft_program programs[COUNT];
	char path[300];

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		if (i < FIXED)
			snprintf(path, sizeof(path), "%s", fixed[i]);
		else
			snprintf(path, sizeof(path), "/n%.*s", (int)(i - FIXED),
				 (char[300]){[0 ... 298] = 'a'});
		program_of(path, &programs[i]);
		programs[i].name = 0;
		assert_int_not_equal(programs[i].path, 0);
		assert_int_equal(programs[i].owner, 0);
	}
	qsort(programs, COUNT, sizeof(programs[0]), compare);
	for (size_t i = 1; i < COUNT; i++)
		assert_int_not_equal(compare(&programs[i - 1], &programs[i]), 0);
}

static void names(void **state)
{
	struct weft_program by_name, by_path;

	(void)state;
	assert_true(program_is_path("/usr/bin/curl"));
	assert_false(program_is_path("*/curl"));
	assert_false(program_is_path(""));
	assert_string_equal(program_name("/usr/bin/curl"), "curl");
	assert_string_equal(program_name("*/curl"), "curl");
	program_of("*/curl", &by_name);
	program_of("/usr/bin/curl", &by_path);
	assert_int_equal(by_name.name, by_path.name);
	assert_int_equal(by_name.path, 0);
	program_of("*/curl2", &by_path);
	assert_int_not_equal(by_name.name, by_path.name);
}

static void paths_that_no_process_has(void **state)
{
	static const char *const bad[] = {"/",	  "//a",   "/a/",   "/a//b", "/.",
					  "/a/.", "/a/..", "/../a", "/a/./b"};
	char path[PATH_MAX + 10] = "/", deep[100] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(program_path_problem(bad[i]));
	assert_null(program_path_problem("/a"));
	assert_null(program_path_problem("/.a/..b/c."));
	for (unsigned i = 0; i < WEFT_PATH_COMPONENTS * 2; i++)
		deep[i] = i % 2 ? 'x' : '/';
	assert_null(program_path_problem(deep));
	deep[WEFT_PATH_COMPONENTS * 2] = '/';
	deep[WEFT_PATH_COMPONENTS * 2 + 1] = 'x';
	assert_non_null(program_path_problem(deep));
	memset(path + 1, 'n', 255);
	assert_null(program_path_problem(path));
	path[256] = 'n';
	assert_non_null(program_path_problem(path));
	for (size_t i = 0; i < PATH_MAX; i++)
		path[i] = i % 200 ? 'n' : '/';
	assert_non_null(program_path_problem(path));
	path[PATH_MAX - 1] = 0;
	assert_null(program_path_problem(path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_two_paths_are_one),
		cmocka_unit_test(names),
		cmocka_unit_test(paths_that_no_process_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
