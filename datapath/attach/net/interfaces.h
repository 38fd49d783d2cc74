/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Selects network interfaces, attaches the flow counters and follows changes of interfaces. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_program;
struct interfaces;

/* The hook that counts a direction of an interface: X(name, text) */
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
 * both. X(name, text). AUTO: native XDP on network cards, except where it would split the large
 * segments that a host passes (virtio and the like), TC everywhere else. NATIVE, GENERIC: XDP on
 * every chosen interface, TC where it is refused. OFF: TC only. */
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
	bool clsact_only;    /* do not use TCX */
};

/* Loaded programs, owned by the caller, which outlive struct interfaces. NULL: not attached. */
struct interfaces_programs {
	struct bpf_program *tc_ingress, *tc_egress, *xdp;
};

/* One interface of the agent's network namespace, for display. */
struct interface_report {
	int ifindex;
	char name[16];
	char kind[16]; /* "physical", "veth", "bridge", "loopback", or what the kernel calls it;
			  "other" */
	bool up;
	bool chosen;
	bool adopted; /* counting continued without an agent */
	enum interface_hook ingress, egress;
	char problem[200]; /* why something is not as configured, else empty */
};

const char *interface_hook_text(enum interface_hook hook);

/* "auto", "native", "generic", "off". 0 or -EINVAL. */
int interfaces_xdp_mode_parse(const char *text, enum interfaces_xdp_mode *ret_mode);

/* Attaches to the existing interfaces and begins to follow changes. A refused attachment appears in
 * its report and is no error. 0, -ENOMEM, or the netlink error, with a text in |err|. Free with
 * interfaces_free. */
int interfaces_new(const struct interfaces_options *options,
		   const struct interfaces_programs *programs, struct interfaces **ret_interfaces,
		   struct error *err);

/* Detaches everything; with |pin_dir| leaves it attached: counting continues and the next agent
 * adopts it. XDP programs are not links; with |pin_dir| they stay and the next agent replaces
 * them. */
void interfaces_free(struct interfaces *i);

/* Readable when interfaces changed: then call interfaces_handle. Never -1. */
int interfaces_fd(const struct interfaces *i);

/* Processes all pending changes without blocking; dumps all interfaces again when some were lost. 0
 * or a negative errno with a text in |err|; following continues at the next call. */
int interfaces_handle(struct interfaces *i, struct error *err);

/* Retries attachments that failed for lack of descriptors or memory; call it every few seconds. */
void interfaces_retry(struct interfaces *i);

/* Attaches again where a pin was removed. Returns the number of these pins. */
unsigned interfaces_repin(struct interfaces *i);

/* Visits all interfaces of the namespace, selected or not. */
void interfaces_visit(const struct interfaces *i,
		      void (*visit)(void *arg, const struct interface_report *report), void *arg);

/* Removes what any agent left, running or not: TCX links pinned below |pin_dir| (any depth and
 * namespace), our clsact filters and XDP programs on all interfaces of this network namespace. 0 or
 * a negative errno. */
int interfaces_detach_all(const char *pin_dir, struct error *err);
