/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which exchange a response answers, and what it is where its request was not parsed. Private. */
#pragma once

#include "datapath/observe/exchange.h"

/* The exchange that the response head of |l7| with |status| answers; NULL when there is none
 * (counted). */
struct exchange *answers_find(struct l7_stream *l7, uint32_t stream_id, uint16_t status);

/* The request of an HTTP/2 stream passed. */
void answers_note_stream(struct http_state *h, uint32_t stream_id);

/* It ends, and whether it was answered is not known. */
void answers_give_up(struct exchange *x);
