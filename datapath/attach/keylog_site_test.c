// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The key log of the real libssl, and of copies of it that are cut or changed. */
#include "datapath/attach/keylog_site.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define JUMP 0xe9

static uint8_t *real;
static size_t real_bytes;
static uint64_t site;

static const char *const paths[] = {
	"/usr/lib/x86_64-linux-gnu/libssl.so.3",
	"/usr/lib64/libssl.so.3",
	"/usr/lib/libssl.so.3",
};

static int open_real(void **state)
{
	struct stat st;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int fd cleanup_close = open(paths[i], O_RDONLY | O_CLOEXEC);

		if (fd < 0 || fstat(fd, &st) || keylog_site_find(fd, &site, NULL))
			continue;
		real_bytes = (size_t)st.st_size;
		real = mmap(NULL, real_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		return real == MAP_FAILED ? -1 : 0;
	}
	return 0;
}

static int close_real(void **state)
{
	(void)state;
	return real ? munmap(real, real_bytes) : 0;
}

static int find_in(const uint8_t *bytes, size_t size_bytes, uint64_t *ret)
{
	int fd cleanup_close = memfd_create("elf", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size_bytes), size_bytes);
	return keylog_site_find(fd, ret, NULL);
}

static void need_real(void)
{
	if (!real)
		skip();
}

static void test_sits_on_the_jump(void **state)
{
	(void)state;
	need_real();
	assert_true(site < real_bytes);
	assert_int_equal(real[site], JUMP);
}

static void test_names_of_tls(void **state)
{
	static const uint8_t other[100000] = "expansion of keys";
	int with cleanup_close = memfd_create("with", MFD_CLOEXEC);
	int without cleanup_close = memfd_create("without", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(write(without, other, sizeof(other)), sizeof(other));
	assert_false(keylog_names_tls(without));
	for (size_t before = (64 << 10) - 20; before < (64 << 10) + 4; before++) {
		assert_int_equal(ftruncate(with, 0), 0);
		assert_int_equal(pwrite(with, "key expansion", 13, (off_t)before), 13);
		assert_true(keylog_names_tls(with));
	}
	assert_false(keylog_names_tls(-1));
}

static void test_refuses_what_is_none(void **state)
{
	uint64_t ret = 7;

	(void)state;
	assert_int_equal(find_in((const uint8_t *)"", 0, &ret), -ENOEXEC);
	assert_int_equal(find_in((const uint8_t *)"#!/bin/sh\n", 10, &ret), -ENOEXEC);
	assert_int_equal(keylog_site_find(-1, &ret, NULL), -EIO);
	assert_int_equal(ret, 7);
}

/* Each byte of the function decides: changed, it is another function, and no place is given. */
static void test_any_other_function_is_refused(void **state)
{
	uint64_t ret = 7;

	(void)state;
	need_real();
	for (uint64_t at = site - 24; at <= site; at++) {
		uint8_t old = real[at];

		real[at] ^= 0x08;
		if (!find_in(real, real_bytes, &ret))
			assert_true(real[at] != JUMP && at < site); /* a displacement */
		real[at] = old;
	}
}

static void test_names_decide(void **state)
{
	uint8_t *name = NULL;
	uint64_t ret = 7;

	(void)state;
	need_real();
	name = memmem(real, real_bytes, "EARLY_EXPORTER_SECRET", 22);
	assert_non_null(name);
	name[8] = 'e';
	assert_int_equal(find_in(real, real_bytes, &ret), -ENOENT);
	assert_int_equal(ret, 7);
}

static void test_truncated_anywhere(void **state)
{
	(void)state;
	need_real();
	for (size_t n = 0; n < real_bytes; n += n < 4096 ? 61 : 40009) {
		uint64_t ret = 0;

		if (!find_in(real, n, &ret))
			assert_true(ret < n);
	}
}

static void test_damaged_headers(void **state)
{
	(void)state;
	need_real();
	for (size_t at = EI_NIDENT; at < sizeof(Elf64_Ehdr) + 10 * sizeof(Elf64_Phdr); at += 3) {
		uint8_t old = real[at];
		uint64_t ret = 0;

		real[at] ^= 0xff;
		if (!find_in(real, real_bytes, &ret))
			assert_true(ret < real_bytes);
		real[at] = old;
	}
}

static void test_too_large(void **state)
{
	int fd cleanup_close = memfd_create("elf", MFD_CLOEXEC);
	uint64_t ret;

	(void)state;
	assert_int_equal(ftruncate(fd, KEYLOG_FILE_MAX_BYTES + 1), 0);
	assert_int_equal(keylog_site_find(fd, &ret, NULL), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sits_on_the_jump),
		cmocka_unit_test(test_names_of_tls),
		cmocka_unit_test(test_refuses_what_is_none),
		cmocka_unit_test(test_any_other_function_is_refused),
		cmocka_unit_test(test_truncated_anywhere),
		cmocka_unit_test(test_damaged_headers),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_names_decide), /* last: it changes the copy */
	};

	return cmocka_run_group_tests_name("keylog_site", tests, open_real, close_real);
}
