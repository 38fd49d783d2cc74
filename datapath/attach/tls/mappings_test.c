// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Paths of mapped files as the process sees them, also when it or the reader has another root.
 * Needs root. */
#include "datapath/attach/tls/mappings.h"

#include "base/cleanup.h"
#include "datapath/attach/core/local_files.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct search {
	uint32_t pid;
	char path[PATH_MAX]; /* of the mapping of this process whose file is called "code" */
};

static void match(void *arg, const struct mapping *m)
{
	struct search *s = arg;
	size_t bytes = strlen(m->path);

	if (m->pid == s->pid && bytes >= 5 && !strcmp(m->path + bytes - 5, "/code"))
		snprintf(s->path, sizeof(s->path), "%s", m->path);
}

/* Maps |dir|/code, takes |dir| for its root, says so and waits for its end. */
static void live_in(const char *dir, int said)
{
	char path[64];
	int fd = -1;

	snprintf(path, sizeof(path), "%s/code", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ||
	    chroot(dir) || chdir("/") || write(said, "", 1) != 1)
		_exit(1);
	pause();
	_exit(0);
}

static void check(bool own_namespace)
{
	char dir[] = "/tmp/mappings-XXXXXX", path[64], byte;
	struct search found = {0};
	struct local_files *local;
	int said[2], fd = -1, opened = -1;
	pid_t pid;

	if (geteuid())
		skip();
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/code", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0700);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		/* its mounts are others than the reader's then, and its root is none of them */
		if (own_namespace &&
		    (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		     mount(dir, dir, NULL, MS_BIND, NULL)))
			_exit(1);
		live_in(dir, said[1]);
	}
	close(said[1]);
	assert_int_equal(read(said[0], &byte, 1), 1);
	found.pid = (uint32_t)pid;
	mappings_scan(match, &found);
	assert_int_equal(local_files_new(&local, NULL), 0);
	opened = local_files_open(local, (uint32_t)pid, found.path);
	local_files_free(local);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(said[0]);
	close(fd);
	unlink(path);
	rmdir(dir);
	assert_string_equal(found.path, "/code");
	assert_true(opened >= 0);
	close(opened);
}

static void test_changed_root(void **state)
{
	(void)state;
	check(false);
}

static void test_changed_root_in_another_namespace(void **state)
{
	(void)state;
	check(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changed_root),
		cmocka_unit_test(test_changed_root_in_another_namespace),
	};

	return cmocka_run_group_tests_name("mappings", tests, NULL, NULL);
}
