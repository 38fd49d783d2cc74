/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* With TCP Fast Open the records of a server may come before those of its client's end, though that
 * is on this node, too: they wait, so that both ends report the exchange, in the right order.
 * Private. */
#pragma once

#include "datapath/observe/conn.h"

/* Records of the end |cookie| of |c| wait from now on. Without memory they do not. */
void awaited_begin(struct conn *c, uint64_t cookie);

/* Keeps |record|, of the end |cookie|, for later. False: it is to be read now. */
bool awaited_keep(struct conn *c, uint64_t cookie, const struct weft_event *record);

/* It has waited too long. */
bool awaited_is_over(const struct conn *c, uint64_t now_ns);

/* The records one after another, from the first on: |*place| NULL. NULL: there is none left. */
const struct weft_event *awaited_next(const struct awaited *a, const void **place);

/* |a| may be NULL. */
void awaited_free(struct awaited *a);
