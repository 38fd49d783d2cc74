/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Consistent hashing by table: when an endpoint comes or goes, hardly any slot of the others
 * changes hands. Eisenbud et al.: Maglev, NSDI 2016, section 3.4. */
#pragma once

#include <stdint.h>

struct maglev_member {
	uint64_t key;	 /* of the endpoint: the same in every table that it is in */
	uint32_t weight; /* 1.. */
};

/* Fills |ret_slots| with the numbers of |members|, each as often as its weight says. |slots| is a
 * prime, at least |count| > 0. 0 or -ENOMEM. */
int maglev_build(const struct maglev_member *members, uint32_t count, uint32_t slots,
		 uint32_t *ret_slots);

/* The largest prime of those that are in use (65537, 16381, ... 251) not above |most|; 0: none. */
uint32_t maglev_prime(uint32_t most);
