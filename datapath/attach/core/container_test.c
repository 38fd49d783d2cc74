// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is told of a process inside a container, each limit made by the system call that makes it.
 * Needs root. */
#include "datapath/attach/core/container.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "datapath/attach/core/mounts.h"

static char root[256];

/* Limits as bits, seen by a child that did |enter| first; 255 when it could not. */
static unsigned limits_of(int (*enter)(void), const char *cgroup_path)
{
	struct container_limits limits;
	unsigned bits = 0;
	int status = 0;
	pid_t child = fork();

	if (!child) {
		if (enter && enter())
			_exit(255);
		container_look(cgroup_path, "/sys/fs/bpf/weft", &limits);
		for (unsigned i = 0; i < CONTAINER_LIMIT_MAX; i++)
			bits |= (unsigned)limits.limited[i] << i;
		_exit((int)bits);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return (unsigned)WEXITSTATUS(status);
}

static void test_a_node_limits_nothing(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(limits_of(NULL, root), 0);
}

static void test_a_control_group_is_not_the_tree(void **state)
{
	char group[300];
	unsigned limits;

	(void)state;
	if (geteuid())
		skip();
	snprintf(group, sizeof(group), "%s/weft-container-test-%d", root, getpid());
	assert_int_equal(mkdir(group, 0755), 0);
	limits = limits_of(NULL, group);
	rmdir(group);
	assert_int_equal(limits, 1 << CONTAINER_LIMIT_cgroup);
}

/* The namespace is that of children. */
static int enter_pids(void)
{
	pid_t child;
	int status;

	if (unshare(CLONE_NEWPID))
		return -1;
	child = fork();
	if (child <= 0)
		return child;
	waitpid(child, &status, 0);
	_exit(WEXITSTATUS(status));
}

static void test_a_pid_namespace(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(limits_of(enter_pids, root), 1 << CONTAINER_LIMIT_pid);
}

static int refuse_bpf(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = filter};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void test_a_seccomp_filter(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(limits_of(refuse_bpf, root), 1 << CONTAINER_LIMIT_seccomp);
	assert_non_null(
		strstr(container_limit_text(CONTAINER_LIMIT_seccomp), "seccomp=unconfined"));
}

static int find_root(void **state)
{
	(void)state;
	return geteuid() ? 0 : mounts_find_cgroup2(root, sizeof(root), NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_node_limits_nothing),
		cmocka_unit_test(test_a_control_group_is_not_the_tree),
		cmocka_unit_test(test_a_pid_namespace),
		cmocka_unit_test(test_a_seccomp_filter),
	};

	return cmocka_run_group_tests(tests, find_root, NULL);
}
