// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The key log of the real libssl, and of copies of it that are cut or changed. */
#include "datapath/attach/tls/keylog_site.h"

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

#define CALL 0xe8

static uint8_t *real;
static size_t real_bytes;
static struct keylog_sites sites;

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

		if (fd < 0 || fstat(fd, &st) || keylog_sites_find(fd, &sites, NULL))
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

static int find_in(const uint8_t *bytes, size_t size_bytes, struct keylog_sites *ret)
{
	int fd cleanup_close = memfd_create("elf", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size_bytes), size_bytes);
	return keylog_sites_find(fd, ret, NULL);
}

static void need_real(void)
{
	if (!real)
		skip();
}

static void test_are_calls(void **state)
{
	(void)state;
	need_real();
	assert_true(sites.count >= 2);
	assert_int_not_equal(sites.random_offset_bytes, 0);
	for (unsigned i = 0; i < sites.count; i++) {
		assert_true(sites.offsets[i] < real_bytes);
		assert_int_equal(real[sites.offsets[i]], CALL);
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(sites.offsets[i], sites.offsets[j]);
	}
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
	struct keylog_sites ret = {.count = 7};

	(void)state;
	assert_int_equal(find_in((const uint8_t *)"", 0, &ret), -ENOEXEC);
	assert_int_equal(find_in((const uint8_t *)"#!/bin/sh\n", 10, &ret), -ENOEXEC);
	assert_int_equal(keylog_sites_find(-1, &ret, NULL), -EIO);
	assert_int_equal(ret.count, 7);
}

/* Where ssl_log_secret is in the file, which has its code where it is mapped. */
static uint64_t function_at(void)
{
	int32_t distance;

	memcpy(&distance, real + sites.offsets[0] + 1, sizeof(distance));
	return sites.offsets[0] + 5 + (uint64_t)(int64_t)distance;
}

/* Each byte of the function decides: changed, it is another function, and no place is given. */
static void test_any_other_function_is_refused(void **state)
{
	struct keylog_sites ret = {0};
	unsigned refused = 0;

	(void)state;
	need_real();
	for (uint64_t at = function_at(); at < function_at() + 28; at++) {
		uint8_t old = real[at];

		real[at] ^= 0x08;
		if (find_in(real, real_bytes, &ret))
			refused++;
		else /* a displacement */
			assert_int_not_equal(ret.random_offset_bytes, sites.random_offset_bytes);
		real[at] = old;
	}
	assert_true(refused >= 23);
}

/* One call more than are known: there may be secrets that would not be seen. */
static void test_another_call_is_refused(void **state)
{
	struct keylog_sites ret = {0};
	uint64_t at = sites.offsets[0] + 64;
	int32_t distance = (int32_t)(function_at() - (at + 5));
	uint8_t old[5];

	(void)state;
	need_real();
	memcpy(old, real + at, 5);
	real[at] = CALL;
	memcpy(real + at + 1, &distance, sizeof(distance));
	assert_int_equal(find_in(real, real_bytes, &ret), -ENOENT);
	memcpy(real + at, old, 5);
	assert_int_equal(find_in(real, real_bytes, &ret), 0);
	assert_memory_equal(&ret, &sites, sizeof(ret));
}

static void test_names_decide(void **state)
{
	struct keylog_sites ret = {.count = 7};
	uint8_t *name;

	(void)state;
	need_real();
	name = memmem(real, real_bytes, "EARLY_EXPORTER_SECRET", 22);
	assert_non_null(name);
	name[8] = 'e';
	assert_int_equal(find_in(real, real_bytes, &ret), -ENOENT);
	assert_int_equal(ret.count, 7);
}

static void expect_in_file(const struct keylog_sites *found, size_t size_bytes)
{
	for (unsigned i = 0; i < found->count; i++)
		assert_true(found->offsets[i] < size_bytes);
}

static void test_truncated_anywhere(void **state)
{
	(void)state;
	need_real();
	for (size_t n = 0; n < real_bytes; n += n < 4096 ? 61 : 40009) {
		struct keylog_sites ret = {0};

		if (!find_in(real, n, &ret))
			expect_in_file(&ret, n);
	}
}

static void test_damaged_headers(void **state)
{
	(void)state;
	need_real();
	for (size_t at = EI_NIDENT; at < sizeof(Elf64_Ehdr) + 10 * sizeof(Elf64_Phdr); at += 3) {
		uint8_t old = real[at];
		struct keylog_sites ret = {0};

		real[at] ^= 0xff;
		if (!find_in(real, real_bytes, &ret))
			expect_in_file(&ret, real_bytes);
		real[at] = old;
	}
}

static void test_too_large(void **state)
{
	int fd cleanup_close = memfd_create("elf", MFD_CLOEXEC);
	struct keylog_sites ret;

	(void)state;
	assert_int_equal(ftruncate(fd, KEYLOG_FILE_MAX_BYTES + 1), 0);
	assert_int_equal(keylog_sites_find(fd, &ret, NULL), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_are_calls),
		cmocka_unit_test(test_names_of_tls),
		cmocka_unit_test(test_refuses_what_is_none),
		cmocka_unit_test(test_any_other_function_is_refused),
		cmocka_unit_test(test_another_call_is_refused),
		cmocka_unit_test(test_truncated_anywhere),
		cmocka_unit_test(test_damaged_headers),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_names_decide), /* last: it changes the copy */
	};

	return cmocka_run_group_tests_name("keylog_site", tests, open_real, close_real);
}
