/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The program at socket lookup in every network namespace: what policy denies is answered with a
 * RST instead of silence. Where it is missing (a namespace that is new, no agent) denials hold all
 * the same: SYNs are dropped at the listener. */
#pragma once

#include "base/error.h"

#include <stdint.h>

struct attach;
struct lookups;

#define LOOKUPS_MAX 1024 /* network namespaces */

/* |a| must outlive it. 0, -ENOENT when |a| has no mesh or the kernel refuses the program, -ENOMEM.
 * Free with lookups_free, which detaches. */
int lookups_new(struct attach *a, struct lookups **ret_lookups, struct error *err);
void lookups_free(struct lookups *l);

/* Attaches in namespaces of processes below /proc that it has not met, and lets go of those that
 * nobody is in any more; called now and then. Returns in how many it is attached. */
uint32_t lookups_refresh(struct lookups *l);

/* In how many it is attached. */
uint32_t lookups_count(const struct lookups *l);

/* Attaches in the namespace |fd| is of. 0, -EEXIST when it is there already, -ENOSPC beyond
 * LOOKUPS_MAX, or what the kernel said. */
int lookups_add(struct lookups *l, int fd);
