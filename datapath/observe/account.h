/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The account of a connection: what the hooks saw of it against what the kernel's TCP counted
 * itself. Private. */
#pragma once

#include "datapath/observe/conn.h"

/* The end |side| has closed and its counters are known: each difference is counted, or the reason
 * why the end is not compared (OBSERVE_UNACCOUNTED). */
void account_close(struct conn *c, unsigned side);
