// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The row of a file system, and how many there are at most. */
#include "datapath/attach/tls/library_foreign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct seen_rows {
	unsigned count;
	struct library last;
};

static void keep(void *arg, const struct library *library)
{
	struct seen_rows *s = arg;

	s->count++;
	s->last = *library;
}

static struct seen_rows rows_of(const struct library_foreign *f)
{
	struct seen_rows s = {0};

	library_foreign_visit(f, keep, &s);
	return s;
}

static void test_row(void **state)
{
	struct mapping m = {.pid = 1, .device_minor = 50, .path = "/mnt/libssl.so.3"};
	struct library_foreign f = {0};
	struct seen_rows s;

	(void)state;
	library_foreign_note(&f, &m, "fuse.sshfs");
	m.path = "/mnt/other";
	library_foreign_note(&f, &m, "fuse.sshfs");
	s = rows_of(&f);
	assert_int_equal(s.count, 1);
	assert_string_equal(s.last.path, "/mnt/libssl.so.3");
	assert_string_equal(s.last.reason, "not read: its file system (fuse.sshfs) may not answer");
	assert_int_equal(s.last.state, LIBRARY_UNSUPPORTED);
	library_foreign_note(&f, &m, ""); /* the number is another one's by now */
	s = rows_of(&f);
	assert_int_equal(s.count, 2);
	assert_string_equal(s.last.reason,
			    "not read: its file system (of unknown type) may not answer");
}

static void test_bound(void **state)
{
	struct library_foreign f = {0};
	char path[32];
	struct mapping m = {.pid = 1, .path = path};

	(void)state;
	for (unsigned i = 0; i <= LIBRARY_FOREIGN_MAX; i++) {
		m.device_minor = i;
		snprintf(path, sizeof(path), "/mnt/%u", i);
		library_foreign_note(&f, &m, "nfs4");
	}
	assert_int_equal(rows_of(&f).count, LIBRARY_FOREIGN_MAX);
	assert_string_equal(f.rows[0].path, "/mnt/16"); /* in the place of the oldest */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_row),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests_name("library_foreign", tests, NULL, NULL);
}
