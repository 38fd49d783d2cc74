// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who gets the lock of a directory, and who is told; needs root and a bpf file system. */
#include "datapath/attach/core/pin_lock.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define DIR_PATH "/sys/fs/bpf/weft-lock-test"

static int setup(void **state)
{
	(void)state;
	rmdir(DIR_PATH);
	return 0;
}

/* A process that has the lock until it is ended. */
static pid_t holder_start(const char *dir)
{
	struct pin_lock *lock;
	struct error err = {0};
	int ends[2];
	pid_t pid;
	char c = 0;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		c = pin_lock_take(dir, &lock, NULL, &err) ? 'n' : 'y';
		if (write(ends[1], &c, 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ends[0], &c, 1), 1);
	assert_int_equal(c, 'y');
	close(ends[0]);
	close(ends[1]);
	return pid;
}

static void holder_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void check_busy(const char *dir, pid_t pid)
{
	struct pin_lock_holder holder = {0};
	struct pin_lock *lock = NULL;
	struct error err = {0};
	char text[32];

	assert_int_equal(pin_lock_take(dir, &lock, &holder, &err), -EBUSY);
	assert_null(lock);
	assert_int_equal(holder.pid, pid);
	assert_true((uint64_t)time(NULL) - holder.started_s < 60);
	snprintf(text, sizeof(text), "(pid %d, since 20", (int)pid);
	assert_non_null(strstr(err.text, text));
}

/* By whatever path: the directory, a link to it, a bind mount of it. */
static void test_one_at_a_time(void **state)
{
	char link[] = "/tmp/weft-lock-XXXXXX", bound[] = "/tmp/weft-bound-XXXXXX";
	struct pin_lock *lock = NULL;
	struct error err = {0};
	pid_t pid;

	(void)state;
	if (geteuid())
		skip();
	pid = holder_start(DIR_PATH);
	assert_non_null(mkdtemp(link));
	assert_int_equal(rmdir(link) + symlink(DIR_PATH, link), 0);
	assert_non_null(mkdtemp(bound));
	assert_int_equal(mount(DIR_PATH, bound, NULL, MS_BIND, NULL), 0);
	check_busy(DIR_PATH, pid);
	check_busy(link, pid);
	check_busy(bound, pid);
	umount2(bound, MNT_DETACH);
	rmdir(bound);
	unlink(link);
	holder_kill(pid);
	assert_int_equal(pin_lock_take(DIR_PATH, &lock, NULL, &err), 0);
	pin_lock_free(lock);
	rmdir(DIR_PATH);
}

/* What was made for the lock goes with it, unless something is in it now. */
static void test_leaves_nothing(void **state)
{
	struct pin_lock *lock = NULL;
	struct error err = {0};

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(pin_lock_take(DIR_PATH, &lock, NULL, &err), 0);
	pin_lock_free(lock);
	assert_true(access(DIR_PATH, F_OK));
	assert_int_equal(pin_lock_take(DIR_PATH, &lock, NULL, &err), 0);
	assert_int_equal(mkdir(DIR_PATH "/inside", 0700), 0);
	pin_lock_free(lock);
	assert_int_equal(rmdir(DIR_PATH "/inside"), 0);
	assert_int_equal(pin_lock_take(DIR_PATH, &lock, NULL, &err), 0);
	pin_lock_free(lock); /* it was there */
	assert_int_equal(rmdir(DIR_PATH), 0);
}

/* A process that was forked and goes on does not have the lock. */
static void test_forget(void **state)
{
	struct pin_lock *lock = NULL, *next = NULL;
	struct error err = {0};
	pid_t pid;
	int ends[2];
	char c;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(pin_lock_take(DIR_PATH, &lock, NULL, &err), 0);
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		pin_lock_forget(lock);
		c = 'y';
		if (write(ends[1], &c, 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ends[0], &c, 1), 1);
	check_busy(DIR_PATH, getpid());
	pin_lock_forget(lock);
	assert_int_equal(pin_lock_take(DIR_PATH, &next, NULL, &err), 0);
	holder_kill(pid);
	pin_lock_free(next);
	rmdir(DIR_PATH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_one_at_a_time, setup),
		cmocka_unit_test_setup(test_leaves_nothing, setup),
		cmocka_unit_test_setup(test_forget, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
