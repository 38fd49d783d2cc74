// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Counting, and the reserve, in a process whose limit is small. */
#include "base/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_count(void **state)
{
	uint64_t before = descriptors_count().used;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(before >= 3);
	assert_int_equal(descriptors_count().used, before + 1);
	close(fd);
	assert_int_equal(descriptors_count().used, before);
}

/* A quarter of a small limit is kept; what was closed is to be had again. */
static void test_reserve(void **state)
{
	struct rlimit limit = {64, 128};
	int fds[64] = {0}, count = 0;

	(void)state;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(descriptors_count().limit, 64);
	while (descriptors_spare())
		fds[count++] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(descriptors_count().used, 48);
	close(fds[--count]);
	assert_true(descriptors_spare());
	descriptors_raise();
	assert_int_equal(descriptors_count().limit, 128);
	while (count)
		close(fds[--count]);
}

/* In a child, which has what was open here. */
static void test_keep(void **state)
{
	int fds[6] = {-1, -1, -1, -1, -1, -1}, kept[] = {-1, 2, -1, 0, 1, -1, -1};
	int status = 0;
	pid_t pid;

	(void)state;
	for (int i = 0; i < 6; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	kept[0] = kept[6] = fds[4];
	kept[2] = fds[1];
	pid = fork();
	if (!pid) {
		unsigned open_ones = 0;

		descriptors_keep(kept, 7);
		for (int fd = 0; fd < 1024; fd++)
			open_ones += fcntl(fd, F_GETFD) >= 0;
		_exit(open_ones != 5 || fcntl(fds[4], F_GETFD) < 0 || fcntl(fds[1], F_GETFD) < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (int i = 0; i < 6; i++)
		close(fds[i]);
}

static void test_short(void **state)
{
	(void)state;
	assert_true(descriptors_short(-EMFILE));
	assert_true(descriptors_short(-ENFILE));
	assert_true(descriptors_short(-ENOMEM));
	assert_false(descriptors_short(-EACCES));
	assert_false(descriptors_short(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
