/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a request head says, copied into the record of the request. Private. */
#pragma once

#include "datapath/observe/exchange.h"

/* The fields of the record of |x| that |head| tells; what it must have and lacks is "unknown". */
void head_fill(const struct http_head *head, struct exchange *x);
