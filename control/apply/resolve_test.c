// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names against a tree of directories that stands for control groups. */
#include "control/apply/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "/tmp/weft-resolve-XXXXXX";

static const char *const GROUPS[] = {"system.slice",
				     "system.slice/nginx.service",
				     "system.slice/nginx.service/worker",
				     "system.slice/docker-4f1c8a0b9d2e7f6a.scope",
				     "system.slice/evil.service",
				     "system.slice/evil.service/shop.service",
				     "docker",
				     "docker/nginx.service",
				     "delegated",
				     "delegated/docker-77778a0b9d2e7f6a.scope",
				     "delegated/cart.service",
				     "shop"};

static uint64_t group_id(const char *group)
{
	char path[256];
	struct stat s;

	snprintf(path, sizeof(path), "%s/%s", root, group);
	return stat(path, &s) ? 0 : s.st_ino;
}

static int setup(void **state)
{
	char path[256];

	(void)state;
	if (!mkdtemp(root))
		return -1;
	for (size_t i = 0; i < sizeof(GROUPS) / sizeof(GROUPS[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, GROUPS[i]);
		mkdir(path, 0700);
	}
	snprintf(path, sizeof(path), "%s/delegated", root);
	if (!geteuid() && chown(path, 4001, 4001))
		return -1;
	return 0;
}

static int teardown(void **state)
{
	char path[256];

	(void)state;
	for (size_t i = sizeof(GROUPS) / sizeof(GROUPS[0]); i > 0; i--) {
		snprintf(path, sizeof(path), "%s/%s", root, GROUPS[i - 1]);
		rmdir(path);
	}
	return rmdir(root);
}

/* A user to whom a part of the tree was given may give groups any name. */
static void what_others_may_name_is_no_unit_and_no_container(void **state)
{
	struct resolve_name names[] = {
		{.kind = RESOLVE_CONTAINER, .text = "77778a0b9d2e"},
		{.kind = RESOLVE_UNIT, .text = "cart.service"},
		{.kind = RESOLVE_CGROUP, .text = "/delegated/cart.service"},
	};

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(resolve_names(root, names, 3), 0);
	assert_int_equal(names[0].id, 0);
	assert_int_equal(names[1].id, 0);
	assert_int_equal(names[2].id, group_id("delegated/cart.service"));
}

static void finds_groups_by_path_unit_and_container(void **state)
{
	static const struct {
		enum resolve_kind kind;
		const char *text;
		const char *group; /* NULL: none */
	} cases[] = {
		{RESOLVE_CGROUP, "/shop", "shop"},
		{RESOLVE_CGROUP, "shop", NULL},
		{RESOLVE_CGROUP, "/system.slice/ng*", "system.slice/nginx.service"},
		{RESOLVE_CGROUP, "*/worker", "system.slice/nginx.service/worker"},
		{RESOLVE_UNIT, "nginx.service", "system.slice/nginx.service"},
		{RESOLVE_UNIT, "ginx.service", NULL},
		{RESOLVE_CONTAINER, "4f1c8a0b9d2e", "system.slice/docker-4f1c8a0b9d2e7f6a.scope"},
		{RESOLVE_CONTAINER, "4f1c8a0b9d2f", NULL},
		{RESOLVE_UNIT, "shop.service", NULL}, /* another unit may have made it */
		{RESOLVE_NETNS, "no-such-namespace", NULL},
		{RESOLVE_NETNS, "../netns", NULL},
	};
	struct resolve_name names[sizeof(cases) / sizeof(cases[0])] = {0};
	size_t count = sizeof(cases) / sizeof(cases[0]);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		names[i].kind = cases[i].kind;
		names[i].id = 99; /* what it meant before */
		snprintf(names[i].text, sizeof(names[i].text), "%s", cases[i].text);
	}
	resolve_names(root, names, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(names[i].id, cases[i].group ? group_id(cases[i].group) : 0);
}

/* What cannot be looked up for want of descriptors is as it was, and not gone. */
static void keeps_what_cannot_be_looked_up(void **state)
{
	struct resolve_name name = {.kind = RESOLVE_CGROUP, .text = "/shop", .id = 42};
	struct rlimit before, small;
	int fds[64], count = 0;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	small = (struct rlimit){64, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
	while ((fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		count++;
	assert_int_equal(resolve_names(root, &name, 1), -EMFILE);
	assert_int_equal(name.id, 42);
	while (count)
		close(fds[--count]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(resolve_names(root, &name, 1), 0);
	assert_int_equal(name.id, group_id("shop"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_groups_by_path_unit_and_container),
		cmocka_unit_test(what_others_may_name_is_no_unit_and_no_container),
		cmocka_unit_test(keeps_what_cannot_be_looked_up),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
