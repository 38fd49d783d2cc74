/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Definitions that kernel headers may lack (Debian 12 has those of Linux 6.1): constants and
 * structures of include/uapi/linux/bpf.h, under other names, so that newer headers do not conflict.
 * A test compares each value with the types of the running kernel. */
#pragma once

#include <linux/types.h>

/* name, enumerator of the kernel, value, Linux version that added it */
#define UAPI_CONSTANTS(X)                                                                          \
	X(UAPI_TCX_INGRESS, BPF_TCX_INGRESS, 46, "6.6")                                            \
	X(UAPI_TCX_EGRESS, BPF_TCX_EGRESS, 47, "6.6")                                              \
	X(UAPI_TRACE_UPROBE_MULTI, BPF_TRACE_UPROBE_MULTI, 48, "6.6")                              \
	X(UAPI_LINK_TYPE_TCX, BPF_LINK_TYPE_TCX, 11, "6.6")                                        \
	X(UAPI_LINK_TYPE_UPROBE_MULTI, BPF_LINK_TYPE_UPROBE_MULTI, 12, "6.6")

#define UAPI_CONSTANT_DECLARE(name, kernel_name, value, since) name = (value),
enum uapi_constant { UAPI_CONSTANTS(UAPI_CONSTANT_DECLARE) };
#undef UAPI_CONSTANT_DECLARE

/* BPF_F_BEFORE, a macro in Linux 6.6 and later: attach before all present programs. */
#define UAPI_F_BEFORE (1U << 3)

/* struct bpf_link_info of a TCX link: the common head, and its member of the union. */
struct uapi_tcx_link_info {
	__u32 type; /* UAPI_LINK_TYPE_TCX */
	__u32 id;
	__u32 prog_id;
	__u32 pad;
	__u32 ifindex;
	__u32 attach_type;
	__u8 rest[64]; /* members of other link types are longer */
};
