/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Chooses network interfaces, attaches the flow counters to them and follows them as they come and
 * go. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_program;
struct interfaces;

/* How a direction of an interface is counted: X(name, text) */
#define INTERFACE_HOOKS(X)                                                                         \
	X(NONE, "off")                                                                             \
	X(TCX, "tcx")                                                                              \
	X(CLSACT, "clsact")                                                                        \
	X(XDP_NATIVE, "xdp-native")                                                                \
	X(XDP_GENERIC, "xdp-generic")

enum interface_hook {
#define X(name, text) INTERFACE_HOOK_##name,
	INTERFACE_HOOKS(X)
#undef X
};

/* Which ingress counter an interface gets. Exactly one: XDP takes the place of TC ingress, never
 * both. X(name, text). AUTO: native XDP on network cards, except where it would undo the large
 * segments that a host hands over (virtio and the like), TC everywhere else. NATIVE, GENERIC: XDP
 * on every chosen interface, TC where it is refused. OFF: TC only. */
#define INTERFACES_XDP_MODES(X)                                                                    \
	X(AUTO, "auto")                                                                            \
	X(NATIVE, "native")                                                                        \
	X(GENERIC, "generic")                                                                      \
	X(OFF, "off")

enum interfaces_xdp_mode {
#define X(name, text) INTERFACES_XDP_##name,
	INTERFACES_XDP_MODES(X)
#undef X
};

struct interfaces_options {
	const char *const *patterns; /* names or globs; copied; none = all veth, bridge and physical
					interfaces */
	size_t pattern_count;
	enum interfaces_xdp_mode xdp_mode;
	const char *pin_dir; /* existing directory on a bpf file system; NULL: counting ends with
				the agent */
	bool clsact_only;    /* as if the kernel had no TCX */
};

/* Loaded programs, the caller's; they outlive struct interfaces. A NULL program is left out. */
struct interfaces_programs {
	struct bpf_program *tc_ingress, *tc_egress, *xdp;
};

/* One interface of the agent's network namespace, for people. */
struct interface_report {
	int ifindex;
	char name[16];
	char kind[16]; /* "physical", "veth", "bridge", "loopback", or what the kernel calls it;
			  "other" */
	bool up;
	bool chosen;
	bool adopted; /* counting went on without an agent */
	enum interface_hook ingress, egress;
	char problem[200]; /* why something is not as wanted, else empty */
};

const char *interface_hook_text(enum interface_hook hook);

/* "auto", "native", "generic", "off". 0 or -EINVAL. */
int interfaces_xdp_mode_parse(const char *text, enum interfaces_xdp_mode *ret_mode);

/* Attaches to what is there and begins to follow. A refused attachment is in its report and no
 * error. 0, -ENOMEM, or what netlink said, with a sentence in |err|. Free with interfaces_free. */
int interfaces_new(const struct interfaces_options *options,
		   const struct interfaces_programs *programs, struct interfaces **ret_interfaces,
		   struct error *err);

/* Detaches everything, or with |pin_dir| lets go of it: counting goes on and the next agent adopts
 * it. XDP programs are no links; they stay with |pin_dir| and are replaced by the next agent. */
void interfaces_free(struct interfaces *i);

/* Becomes readable when interfaces changed: then call interfaces_handle. -1 never. */
int interfaces_fd(const struct interfaces *i);

/* Takes all waiting changes without blocking; reads everything anew when some were lost.
 * 0 or a negative errno with a sentence in |err|; following goes on at the next call. */
int interfaces_handle(struct interfaces *i, struct error *err);

/* Attaches what could not be while descriptors or memory were short; every few seconds. */
void interfaces_retry(struct interfaces *i);

/* Walks all interfaces of the namespace, chosen or not. */
void interfaces_visit(const struct interfaces *i,
		      void (*visit)(void *arg, const struct interface_report *report), void *arg);

/* How many interfaces were left out because there are more than are kept (4096). */
uint64_t interfaces_ignored(const struct interfaces *i);

/* Takes away what any agent left, running or not: TCX links pinned below |pin_dir| (any depth and
 * namespace), our clsact filters and XDP programs on all interfaces of this network namespace. 0 or
 * a negative errno. */
int interfaces_detach_all(const char *pin_dir, struct error *err);
