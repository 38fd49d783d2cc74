/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Interned identities: who owns an end, named without configuration. Pure but for the listener's
 * question. */
#pragma once

#include "datapath/observe/counters.h"
#include "datapath/observe/listener.h"

struct identities;

/* At most |limit| names beside "unknown" and "overflow". NULL when memory is short. The listener
 * and the counters are borrowed. */
struct identities *identities_new(uint32_t limit, uint64_t seed,
				  const struct observe_listener *listener,
				  struct observe_counters *counters);
void identities_free(struct identities *ids);

/* The identity of an end: as configuration names it, else by its owner's control group, else by its
 * executable, else "unknown". |owner| NULL: it is not on this node. |addr| NULL: the address does
 * not identify it. Never NULL; beyond the limit "overflow", counted. */
const struct identity *identity_of(struct identities *ids, const struct weft_owner *owner,
				   const uint8_t addr[16], uint16_t port);
