/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The sk_lookup program in every network namespace: a denied SYN is answered with a RST instead of
 * silence. Where it is missing (a new namespace, no agent) policy still holds: SYNs are dropped at
 * the listener. */
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

/* Attaches in new network namespaces of the processes in /proc, and detaches from those that have
 * no process any more; called periodically. Returns the number of namespaces with the program. */
uint32_t lookups_refresh(struct lookups *l);

/* The number of namespaces with the program. */
uint32_t lookups_count(const struct lookups *l);

/* Attaches in the network namespace |fd|. 0, -EEXIST when it is attached there already, -ENOSPC
 * beyond LOOKUPS_MAX, or the kernel's error. */
int lookups_add(struct lookups *l, int fd);
