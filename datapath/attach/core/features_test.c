// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Checks that probing answers for every row, quickly, and leaves nothing behind. FEATURES_SHOW=1
 * prints the table. */
#include "datapath/attach/core/features.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "datapath/attach/core/uapi.h"

static int open_files(void)
{
	cleanup_closedir DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(dir);
	while (dir && readdir(dir))
		count++;
	return count;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void test_every_row(void **state)
{
	struct features f;
	int files = open_files();
	double began = now_ms();

	(void)state;
	features_probe(&f);
	printf("%.1f ms\n", now_ms() - began);
	assert_int_equal(open_files(), files);
	for (size_t i = 0; i < FEATURE_MAX; i++) {
		assert_non_null(f.rows[i].name);
		assert_non_null(f.rows[i].consequence);
		if (getenv("FEATURES_SHOW"))
			printf("%-26s %-8s %s\n", f.rows[i].name,
			       feature_state_text(f.rows[i].state), f.rows[i].reason);
	}
	assert_true(features_has(&f, FEATURE_KERNEL));
	assert_int_equal(f.rows[FEATURE_CGROUP2].state == FEATURE_YES, f.cgroup2_path[0] != 0);
}

/* What the running kernel's types say of an enumerator, -1 when they do not have it. */
static long long enumerator(const struct btf *types, const char *name)
{
	for (__u32 id = 1; id < btf__type_cnt(types); id++) {
		const struct btf_type *type = btf__type_by_id(types, id);
		const struct btf_enum *values = btf_is_enum(type) ? btf_enum(type) : NULL;

		for (int i = 0; values && i < btf_vlen(type); i++)
			if (!strcmp(btf__name_by_offset(types, values[i].name_off), name))
				return values[i].val;
	}
	return -1;
}

static void test_uapi_constants_are_the_kernels(void **state)
{
	static const struct {
		const char *name;
		long long value;
	} constants[] = {
#define ROW(name, kernel_name, value, since) {#kernel_name, name},
		UAPI_CONSTANTS(ROW)
#undef ROW
	};
	struct btf *types = btf__load_vmlinux_btf();

	(void)state;
	if (!types)
		skip();
	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
		long long is = enumerator(types, constants[i].name);

		if (is >= 0)
			assert_int_equal(constants[i].value, is);
	}
	btf__free(types);
}

static void test_root_knows_more(void **state)
{
	struct features f;

	(void)state;
	if (geteuid() || access("/sys/kernel/btf/vmlinux", R_OK))
		skip();
	features_probe(&f);
	assert_true(features_has(&f, FEATURE_BTF));
	assert_true(features_has(&f, FEATURE_RINGBUF));
	assert_int_not_equal(f.rows[FEATURE_TCX].state, FEATURE_UNKNOWN);
	assert_int_not_equal(f.rows[FEATURE_UPROBE_MULTI].state, FEATURE_UNKNOWN);
	assert_int_not_equal(f.rows[FEATURE_SK_STORAGE].state, FEATURE_UNKNOWN);
	assert_int_not_equal(f.rows[FEATURE_TP_BTF].state, FEATURE_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_uapi_constants_are_the_kernels),
		cmocka_unit_test(test_root_knows_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
