/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses, durations and numbers from their texts. */
#pragma once

#include "base/slice.h"
#include "mesh-config/model/base.h"

/* 16 bytes and how many bits count from "10.0.0.1", "fd00::1", "10.0.0.0/8"; false if it is none of
 * these. Bits behind the prefix are cleared; *|ret_clean| tells whether they were clear. */
bool prefix_parse(struct slice text, struct mesh_prefix *ret, bool *ret_clean);

/* "90s", "1m30s", "1.5h", "10ms" in ms. False if it is none, not of whole ms, or beyond 49 days. */
bool duration_parse(struct slice text, uint32_t *ret_ms);

/* Decimal digits only. */
bool number_parse(struct slice text, uint32_t *ret);
