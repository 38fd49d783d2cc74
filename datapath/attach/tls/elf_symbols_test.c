// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Exported functions of the real libcrypto, and of copies of it that are cut, changed or lie. */
#include "datapath/attach/tls/elf_symbols.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/kdf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define BREAKPOINT 0xcc /* int3, what a uprobe is in memory (x86) */

static const char *real_path;
static uint8_t *real;
static size_t real_bytes;

static int open_real(void **state)
{
	Dl_info info;
	int fd cleanup_close = -1;
	struct stat st;

	(void)state;
	if (!dladdr((void *)(uintptr_t)EVP_KDF_derive, &info))
		return -1;
	real_path = info.dli_fname;
	fd = open(real_path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return -1;
	real_bytes = (size_t)st.st_size;
	real = mmap(NULL, real_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	return real == MAP_FAILED ? -1 : 0;
}

static int close_real(void **state)
{
	(void)state;
	return munmap(real, real_bytes);
}

static int find_in(const uint8_t *bytes, size_t size_bytes, struct elf_function *ret)
{
	int fd cleanup_close = memfd_create("elf", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size_bytes), size_bytes);
	return elf_function_find(fd, "EVP_KDF_derive", ret, NULL);
}

/* Memory as the file has it, but for a breakpoint that an agent at work on this machine may have
 * put there. */
static void assert_same_code(const uint8_t *file, const uint8_t *memory, size_t size_bytes)
{
	size_t breakpoints = 0;

	for (size_t i = 0; i < size_bytes; i++) {
		breakpoints += file[i] != memory[i];
		assert_true(file[i] == memory[i] || memory[i] == BREAKPOINT);
	}
	assert_true(breakpoints <= 1);
}

static void test_finds_the_function(void **state)
{
	int fd cleanup_close = open(real_path, O_RDONLY | O_CLOEXEC);
	struct elf_function f = {0};
	uint8_t code[16];
	struct error err;

	(void)state;
	assert_int_equal(elf_function_find(fd, "EVP_KDF_derive", &f, &err), 0);
	assert_int_equal(pread(fd, code, sizeof(code), (off_t)f.file_offset), sizeof(code));
	assert_same_code(code, (const uint8_t *)(uintptr_t)EVP_KDF_derive, sizeof(code));
	assert_int_not_equal(f.size_bytes, 0);
	assert_int_equal(elf_function_find(fd, "EVP_KDF_deriv", &f, &err), -ENOENT);
	assert_int_equal(elf_function_find(fd, "EVP_KDF_derive_", &f, &err), -ENOENT);
	assert_int_equal(elf_function_find(fd, "malloc", &f, &err), -ENOLINK);
}

static void test_refuses_what_is_no_elf_file(void **state)
{
	struct elf_function f;

	(void)state;
	assert_int_equal(find_in((const uint8_t *)"", 0, &f), -ENOEXEC);
	assert_int_equal(find_in((const uint8_t *)"#!/bin/sh\n", 10, &f), -ENOEXEC);
	assert_int_equal(elf_function_find(-1, "x", &f, NULL), -ENOEXEC);
}

static void test_truncated_anywhere(void **state)
{
	struct elf_function whole, f;

	(void)state;
	assert_int_equal(find_in(real, real_bytes, &whole), 0);
	for (size_t n = 0; n < real_bytes; n += n < 4096 ? 61 : 400009) {
		memset(&f, 0xa5, sizeof(f));
		if (!find_in(real, n, &f))
			assert_true(f.file_offset < n);
		else
			assert_int_equal(f.machine, 0xa5a5);
	}
}

/* The header and the section table hold every number that can lie. */
static void test_damaged_headers(void **state)
{
	const Elf64_Ehdr *h = (const void *)real;
	size_t sections = (size_t)h->e_shoff;
	const uint8_t values[] = {0x00, 0x7f, 0xff};
	struct elf_function f;

	(void)state;
	for (size_t at = EI_NIDENT; at < sizeof(*h) + 64; at += 3) {
		for (size_t v = 0; v < 3; v++) {
			uint8_t old = real[at];

			real[at] = values[v];
			if (!find_in(real, real_bytes, &f))
				assert_true(f.file_offset < real_bytes);
			real[at] = old;
		}
	}
	for (size_t at = sections; at < sections + 64 * 8 && at < real_bytes; at += 5) {
		uint8_t old = real[at];

		real[at] = 0xff;
		if (!find_in(real, real_bytes, &f))
			assert_true(f.file_offset < real_bytes);
		real[at] = old;
	}
}

/* A sparse file can claim any size at no cost: nothing of that size may be read. */
static void test_huge_symbol_table(void **state)
{
	int fd cleanup_close = memfd_create("elf", MFD_CLOEXEC);
	const Elf64_Ehdr *h = (const void *)real;
	Elf64_Shdr *s = (void *)(real + h->e_shoff);
	struct elf_function f;

	(void)state;
	for (unsigned i = 0; i < h->e_shnum; i++)
		if (s[i].sh_type == SHT_DYNSYM)
			s[i].sh_size = 1ull << 38;
	assert_int_equal(write(fd, real, real_bytes), real_bytes);
	assert_int_equal(ftruncate(fd, 1ll << 40), 0);
	assert_int_equal(elf_function_find(fd, "EVP_KDF_derive", &f, NULL), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_the_function),
		cmocka_unit_test(test_refuses_what_is_no_elf_file),
		cmocka_unit_test(test_truncated_anywhere),
		cmocka_unit_test(test_damaged_headers),
		cmocka_unit_test(test_huge_symbol_table), /* last: it changes the copy */
	};

	return cmocka_run_group_tests_name("elf_symbols", tests, open_real, close_real);
}
