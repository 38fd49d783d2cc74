/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Interned identities: who owns an end, named without configuration. Pure but for the listener's
 * question. */
#pragma once

#include "datapath/observe/observe.h"

struct identities;

/* At most |limit| names beside "unknown" and "overflow". NULL when memory is short. The listener
 * and the counters are borrowed. */
struct identities *identities_new(uint32_t limit, uint64_t seed,
				  const struct observe_listener *listener,
				  struct observe_counters *counters);
void identities_free(struct identities *ids);

/* The identity of |owner|: by its control group, else its executable, else "unknown". Never NULL;
 * beyond the limit "overflow", counted. */
const struct identity *identity_of(struct identities *ids, const struct weft_owner *owner);

/* The end that is not on this node. */
const struct identity *identity_unknown(const struct identities *ids);
