// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a confined process still has, with and without the right to bound others. Needs root. */
#include "control/agent/sandbox.h"

#include <cap-ng.h>
#include <fcntl.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum outcome {
	CONFINED,
	NOT_PREPARED,
	NOT_CONFINED,
	KEEPS_RIGHTS,
	MAY_OPEN,
};

static uint64_t field(const char *status, const char *name, int base)
{
	const char *at = strstr(status, name);

	return at ? strtoull(at + strlen(name), NULL, base) : UINT64_MAX;
}

/* What the service manager leaves: no right to change the bounding set. */
static bool keep_only(unsigned capability)
{
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		return false;
	capng_clear(CAPNG_SELECT_CAPS);
	capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, capability);
	return !capng_apply(CAPNG_SELECT_CAPS);
}

static enum outcome confine(bool may_bound)
{
	int fd = open("/proc/self/status", O_RDONLY);
	char status[4096];
	struct error err;
	ssize_t n;

	if (fd < 0 || !keep_only(may_bound ? CAP_SETPCAP : CAP_NET_ADMIN))
		return NOT_PREPARED;
	if (sandbox_enter(&err))
		return NOT_CONFINED;
	n = read(fd, status, sizeof(status) - 1);
	if (n <= 0)
		return NOT_PREPARED;
	status[n] = 0;
	if (field(status, "CapEff:", 16) || field(status, "CapPrm:", 16) ||
	    field(status, "CapInh:", 16) || field(status, "NoNewPrivs:", 10) != 1 ||
	    field(status, "Seccomp:", 10) != 2 || (may_bound && field(status, "CapBnd:", 16)))
		return KEEPS_RIGHTS;
	return open("/proc/self/status", O_RDONLY) >= 0 ? MAY_OPEN : CONFINED;
}

static int outcome_of(bool may_bound)
{
	pid_t child = fork();
	int status = 0;

	if (!child)
		_exit(confine(may_bound));
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_with_the_right_to_bound(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(outcome_of(true), CONFINED);
}

static void test_without_the_right_to_bound(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(outcome_of(false), CONFINED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_with_the_right_to_bound),
		cmocka_unit_test(test_without_the_right_to_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
