// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Bytes in a pinned map; needs root and a bpf file system. */
#include "datapath/attach/core/kept.h"

#include "base/cleanup.h"
#include "datapath/attach/core/mounts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define DIR_PATH "/sys/fs/bpf/weft-kept-test"

static void keep(const char *text, uint64_t size_bytes)
{
	int fd cleanup_close = kept_make(size_bytes);
	char *data;

	assert_true(fd >= 0);
	data = kept_map(fd, size_bytes);
	assert_non_null(data);
	memcpy(data, text, strlen(text) + 1);
	data[size_bytes - 1] = 'z';
	kept_unmap(data, size_bytes);
	assert_int_equal(kept_pin(DIR_PATH, fd), 0);
}

static void check(const char *text, uint64_t least_bytes)
{
	uint64_t size_bytes = 0;
	int fd cleanup_close = kept_open(DIR_PATH, &size_bytes);
	char *data;

	assert_true(fd >= 0);
	assert_true(size_bytes >= least_bytes);
	data = kept_map(fd, size_bytes);
	assert_non_null(data);
	assert_string_equal(data, text);
	assert_int_equal(data[least_bytes - 1], 'z');
	kept_unmap(data, size_bytes);
}

static void test_keep(void **state)
{
	struct error err = {0};
	uint64_t size_bytes;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(mounts_ensure_bpffs(DIR_PATH, &err), 0);
	kept_remove(DIR_PATH);
	assert_int_equal(kept_open(DIR_PATH, &size_bytes), -ENOENT);
	keep("one", 10);
	check("one", 10);
	keep("two", 5000); /* in its place */
	check("two", 5000);
	kept_remove(DIR_PATH);
	assert_int_equal(kept_open(DIR_PATH, &size_bytes), -ENOENT);
	mounts_release_bpffs(DIR_PATH);
	assert_true(access(DIR_PATH, F_OK));
}

static void test_bounds(void **state)
{
	(void)state;
	assert_int_equal(kept_make(0), -E2BIG);
	assert_int_equal(kept_make(KEPT_MAX_BYTES + 1), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
