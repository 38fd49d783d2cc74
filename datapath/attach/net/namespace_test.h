/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests: a network and mount namespace of their own with the flow programs
 * loaded. Needs root. */
#pragma once

#include <linux/types.h>

#include "bpf/abi.h"
#include "datapath/attach/net/interfaces.h"
#include "weft.skel.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PIN_DIR "/mnt/links"

static struct weft_bpf *bpf;
static char why_skipped[128];

/* Runs a shell command in this namespace. */
__attribute__((format(printf, 1, 2))) static int sh(const char *format, ...)
{
	char command[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command);
}

static struct interfaces_programs programs(void)
{
	return (struct interfaces_programs){bpf->progs.weft_tc_ingress, bpf->progs.weft_tc_egress,
					    bpf->progs.weft_xdp};
}

static struct interfaces *follow(const struct interfaces_options *options)
{
	struct interfaces_programs all = programs();
	struct interfaces *i = NULL;
	struct error err = {0};

	if (interfaces_new(options, &all, &i, &err))
		fail_msg("%s", err.text);
	return i;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN && getenv("DEBUG") ? vfprintf(stderr, format, args) : 0;
}

/* A mount and a network namespace of our own, with a bpf file system: nothing has to
 * be cleaned up. */
static int world_make(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	if (mount("none", "/mnt", "tmpfs", 0, NULL) || mkdir(PIN_DIR, 0700) ||
	    mount("none", PIN_DIR, "bpf", 0, NULL))
		return -errno;
	return 0;
}

static int programs_load(void)
{
	struct bpf_program *program;

	libbpf_set_print(quiet);
	bpf = weft_bpf__open();
	if (!bpf)
		return -errno;
	bpf_object__for_each_program(program, bpf->obj) bpf_program__set_autoload(program, false);
	bpf_program__set_autoload(bpf->progs.weft_tc_ingress, true);
	bpf_program__set_autoload(bpf->progs.weft_tc_egress, true);
	bpf_program__set_autoload(bpf->progs.weft_xdp, true);
	return weft_bpf__load(bpf);
}

static void test_not_here(void **state)
{
	(void)state;
	printf("skipped: %s\n", why_skipped);
	skip();
}

/* Runs |tests| in such a world, or one test that says why there is none. */
#define namespace_run(tests) namespace_run_group(#tests, tests, sizeof(tests) / sizeof(*(tests)))

static int namespace_run_group(const char *name, const struct CMUnitTest *tests, size_t count)
{
	const struct CMUnitTest skipped[] = {cmocka_unit_test(test_not_here)};
	int failed = geteuid() ? -EPERM : world_make();

	if (failed) {
		snprintf(why_skipped, sizeof(why_skipped), "no namespace of its own: %s",
			 strerror(-failed));
		return cmocka_run_group_tests(skipped, NULL, NULL);
	}
	if (programs_load())
		return 1;
	failed = _cmocka_run_group_tests(name, tests, count, NULL, NULL);
	weft_bpf__destroy(bpf);
	return failed;
}
