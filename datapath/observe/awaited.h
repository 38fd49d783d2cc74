/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A server may answer before its client's end is there (TCP Fast Open), though that is on this
 * node: what it tells waits, so that both ends report it and in its order. Private. */
#pragma once

#include "datapath/observe/conn.h"

/* What the end |cookie| of |c| tells waits from now on. Without memory it does not. */
void awaited_begin(struct conn *c, uint64_t cookie);

/* Keeps |record|, of the end |cookie|, for later. False: it is to be read now. */
bool awaited_keep(struct conn *c, uint64_t cookie, const struct weft_event *record);

/* It has waited too long. */
bool awaited_is_over(const struct conn *c, uint64_t now_ns);

/* The records one after another, from the first on: |*place| NULL. NULL: there is none left. */
const struct weft_event *awaited_next(const struct awaited *a, const void **place);

/* |a| may be NULL. */
void awaited_free(struct awaited *a);
