// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Pins that were removed; needs root and a bpf file system. */
#include "datapath/attach/core/repin.h"

#include "datapath/attach/core/kept.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#define DIR_PATH "/sys/fs/bpf/weft-repin-test"

static int setup(void **state)
{
	(void)state;
	unlink(DIR_PATH "/maps/kept");
	rmdir(DIR_PATH "/maps");
	rmdir(DIR_PATH);
	return 0;
}

static void test_makes_what_is_missing(void **state)
{
	struct repin r = {0};
	int fd = -1;

	(void)state;
	if (geteuid())
		skip();
	fd = kept_make(1);
	assert_true(fd >= 0);
	for (unsigned round = 1; round <= 2; round++) {
		assert_true(repin_begin(&r, DIR_PATH));
		repin_directory(&r, DIR_PATH "/maps");
		for (int again = 0; again < 2; again++) {
			kept_repin(DIR_PATH "/maps", fd, &r);
			assert_string_equal(r.problem, "");
			assert_int_equal(r.count, round);
		}
		assert_int_equal(access(DIR_PATH "/maps/kept", F_OK), 0);
		setup(NULL);
	}
	kept_repin(DIR_PATH "/maps", fd, &r);
	assert_non_null(strstr(r.problem, "/maps/kept: No such file"));
	close(fd);
}

static void test_says_where_it_cannot(void **state)
{
	char dir[] = "/tmp/weft-repin-XXXXXX", path[64];
	struct repin r = {0};

	(void)state;
	if (geteuid())
		skip();
	assert_non_null(mkdtemp(dir));
	assert_false(repin_begin(&r, dir));
	assert_non_null(strstr(r.problem, "not on a bpf file system"));
	snprintf(path, sizeof(path), "%s/made", dir);
	assert_false(repin_begin(&r, path));
	assert_true(access(path, F_OK)); /* it leaves nothing there */
	snprintf(path, sizeof(path), "%s/none/made", dir);
	assert_false(repin_begin(&r, path));
	assert_non_null(strstr(r.problem, "No such file"));
	rmdir(dir);
	assert_true(repin_begin(&r, DIR_PATH));
	assert_string_equal(r.problem, "");
	assert_int_equal(mount(DIR_PATH, DIR_PATH, NULL, MS_BIND, NULL), 0);
	assert_int_equal(mount(NULL, DIR_PATH, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	assert_false(repin_begin(&r, DIR_PATH));
	assert_non_null(strstr(r.problem, "Read-only"));
	umount2(DIR_PATH, MNT_DETACH);
	setup(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_makes_what_is_missing, setup),
		cmocka_unit_test_setup(test_says_where_it_cannot, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
