/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One program at one TC hook of one interface: a TCX link, or a filter of a clsact qdisc on kernels
 * before 6.6. */
#pragma once

#include "base/error.h"

#include <stdbool.h>

struct bpf_link;
struct bpf_program;

/* The attachment at one hook. All zero: none. */
struct tc_hook {
	struct bpf_link *link; /* TCX; NULL when the pin holds it */
	bool pinned;
	bool clsact;
	bool owns_qdisc; /* the clsact qdisc was made for this hook */
	bool adopted;	 /* a pinned link of an earlier agent was adopted */
};

struct tc_place {
	int ifindex;
	int direction;	     /* WEFT_INGRESS, WEFT_EGRESS */
	const char *pin_dir; /* where links are pinned, or NULL */
	bool clsact_only;    /* do not use TCX */
};

/* Attaches |program| before all others; a link that is pinned for this place is updated instead. 0,
 * or a negative errno with a text in |err|; |hook| is then unchanged. If only pinning failed it
 * returns 0 with a text in |err|. End with tc_detach or tc_release. */
int tc_attach(const struct tc_place *place, const struct bpf_program *program, struct tc_hook *hook,
	      struct error *err);

/* Whether its pin, which alone kept it, was removed: the kernel has detached it. */
bool tc_is_gone(const struct tc_place *place, const struct tc_hook *hook);

/* Removes program and pin, and the clsact qdisc if weft made it. */
void tc_detach(const struct tc_place *place, struct tc_hook *hook);

/* Releases the hook: a pinned link and a clsact filter stay, others are detached. */
void tc_release(const struct tc_place *place, struct tc_hook *hook);

/* Unpins, and so detaches, the TCX links of this network namespace in |pin_dir| for which |keep|
 * returns false. */
void tc_prune(const char *pin_dir, bool (*keep)(void *arg, int ifindex, int direction), void *arg);

/* Removes what any agent left: TCX links pinned anywhere below |pin_dir| (of every namespace), and
 * on interface |ifindex| of this namespace our clsact filters, with the qdisc if |pin_dir| records
 * that weft made it. */
void tc_remove_pinned(const char *pin_dir);
void tc_remove_clsact(const char *pin_dir, int ifindex);
