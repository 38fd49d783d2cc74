// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The XDP program of one interface, attached by libxdp as the only program there. */
#include "datapath/attach/xdp.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <xdp/libxdp.h>

#include "base/cleanup.h"

#define PROGRAM_NAME "weft_xdp"

static void close_program(struct xdp_program **p)
{
	if (*p && !libxdp_get_error(*p))
		xdp_program__close(*p);
}

static void close_multiprog(struct xdp_multiprog **m)
{
	if (*m && !libxdp_get_error(*m))
		xdp_multiprog__close(*m);
}

/* Failures are told by return value; libxdp's running commentary is for nobody. */
static int silent(enum libxdp_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static void quiet_libxdp(void)
{
	libxdp_set_print(silent);
	setenv("LIBXDP_SKIP_DISPATCHER", "1", 0);
}

static bool is_ours(const struct xdp_program *p)
{
	return p && !strcmp(xdp_program__name(p), PROGRAM_NAME);
}

bool xdp_detach(int ifindex)
{
	cleanup(close_multiprog) struct xdp_multiprog *there = NULL;

	quiet_libxdp();
	there = xdp_multiprog__get_from_ifindex(ifindex);
	if (!there || libxdp_get_error(there) || !xdp_multiprog__is_legacy(there) ||
	    !is_ours(xdp_multiprog__main_prog(there)))
		return false;
	return !xdp_multiprog__detach(there);
}

int xdp_attach(int ifindex, const struct bpf_program *program, bool native, struct error *err)
{
	cleanup(close_program) struct xdp_program *xdp = NULL;
	int failed;

	xdp_detach(ifindex);
	xdp = xdp_program__from_fd(bpf_program__fd(program));
	failed = (int)libxdp_get_error(xdp);
	if (!failed)
		failed = xdp_program__attach(xdp, ifindex, native ? XDP_MODE_NATIVE : XDP_MODE_SKB,
					     0);
	if (failed == -EBUSY || failed == -EEXIST)
		return error_set(err, -EBUSY, "another XDP program is attached");
	if (failed)
		return error_set(err, failed, "XDP (%s) was refused: %s",
				 native ? "native" : "generic", strerror(-failed));
	return 0;
}
