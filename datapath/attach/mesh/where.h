/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The workloads at an address of this node (bpf/socket/where.bpf.c). */
#pragma once

#include <linux/types.h>

#include "bpf/abi.h"

#include <stddef.h>

#define WHERE_PLACES_MAX 256u

struct attach;

/* Fills |ret|, which has room for WHERE_PLACES_MAX, without duplicates; sockets bound to the
 * address itself exclude those that take every address. Costs a walk over the files of all
 * processes. Returns the number, -ENOTSUP when this kernel does not load the iterator, -E2BIG when
 * there are more, or another negative errno. */
int where_find(struct attach *a, const struct weft_where *where, struct weft_place *ret);
