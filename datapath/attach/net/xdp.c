// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The XDP program of one interface, attached as the only program there. libxdp finds the program of
 * an earlier agent; libbpf attaches, since libxdp 1.3 crashes when it attaches without
 * CAP_SYS_ADMIN. */
#include "datapath/attach/net/xdp.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <xdp/libxdp.h>

#include "base/cleanup.h"
#include "datapath/attach/core/programs.h"

static void close_multiprog(struct xdp_multiprog **m)
{
	if (*m && !libxdp_get_error(*m))
		xdp_multiprog__close(*m);
}

/* Failures are reported by return value; libxdp's own messages are dropped. */
static int silent(enum libxdp_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

bool xdp_detach(int ifindex)
{
	cleanup(close_multiprog) struct xdp_multiprog *there = NULL;
	struct xdp_program *p;

	libxdp_set_print(silent);
	setenv("LIBXDP_SKIP_DISPATCHER", "1", 0);
	there = xdp_multiprog__get_from_ifindex(ifindex);
	if (!there || libxdp_get_error(there) || !xdp_multiprog__is_legacy(there))
		return false;
	p = xdp_multiprog__main_prog(there);
	return p && !strcmp(xdp_program__name(p), program_table[PROGRAM_weft_xdp].name) &&
	       !xdp_multiprog__detach(there);
}

static __u32 mode_flag(bool native)
{
	return native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
}

bool xdp_detach_own(int ifindex, const struct bpf_program *program, bool native)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, is_there, .old_prog_fd = bpf_program__fd(program));

	return !bpf_xdp_detach(ifindex, mode_flag(native), &is_there);
}

int xdp_attach(int ifindex, const struct bpf_program *program, bool native, struct error *err)
{
	int failed;

	xdp_detach(ifindex);
	failed = bpf_xdp_attach(ifindex, bpf_program__fd(program),
				XDP_FLAGS_UPDATE_IF_NOEXIST | mode_flag(native), NULL);
	if (failed == -EBUSY || failed == -EEXIST)
		return error_set(err, -EBUSY, "another XDP program is attached");
	if (failed)
		return error_set(err, failed, "XDP (%s) was refused: %s",
				 native ? "native" : "generic", strerror(-failed));
	return 0;
}
