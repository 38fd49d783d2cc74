/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One program at one TC hook of one interface: a TCX link, or a filter of a clsact qdisc on kernels
 * before 6.6. */
#pragma once

#include "base/error.h"

#include <stdbool.h>

struct bpf_link;
struct bpf_program;

/* What is attached at one hook. All zero: nothing. */
struct tc_hook {
	struct bpf_link *link; /* TCX; NULL when the pin holds it */
	bool pinned;
	bool clsact;
	bool owns_qdisc; /* the clsact qdisc was made for this hook */
	bool adopted;	 /* a pinned link of an earlier agent was taken over */
};

struct tc_place {
	int ifindex;
	int direction;	     /* WEFT_INGRESS, WEFT_EGRESS */
	const char *pin_dir; /* where links are pinned, or NULL */
	bool clsact_only;    /* as if the kernel had no TCX */
};

/* Attaches |program| before all others; a link that is pinned for this place is updated to it
 * instead. 0, or a negative errno with a sentence in |err|; |hook| is then unchanged. When only the
 * pinning failed it returns 0 and |err| holds the sentence. End with tc_detach or tc_release. */
int tc_attach(const struct tc_place *place, const struct bpf_program *program, struct tc_hook *hook,
	      struct error *err);

/* Takes program and pin away; the clsact qdisc too when it is ours. */
void tc_detach(const struct tc_place *place, struct tc_hook *hook);

/* Lets go: a pinned link and a clsact filter stay, the rest is detached. */
void tc_release(const struct tc_place *place, struct tc_hook *hook);

/* Unpins the TCX links of this network namespace in |pin_dir| for which |keep| says no: they are
 * detached. */
void tc_prune(const char *pin_dir, bool (*keep)(void *arg, int ifindex, int direction), void *arg);

/* Takes away what any agent left: TCX links pinned anywhere below |pin_dir| (of every namespace),
 * and on interface |ifindex| of this namespace our clsact filters, with the qdisc where |pin_dir|
 * says that it was ours. */
void tc_remove_pinned(const char *pin_dir);
void tc_remove_clsact(const char *pin_dir, int ifindex);
