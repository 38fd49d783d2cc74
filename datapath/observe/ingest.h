/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ring records: checked, counted, handed to who they are for. Private. */
#pragma once

#include "datapath/observe/conn.h"

/* Takes one record of |size_bytes|. */
void ingest_record(struct observe *o, const void *record, size_t size_bytes);

/* Takes what |c| keeps of one end (awaited.h): the other one is there, or does not come. May free
 * it. */
void ingest_awaited(struct conn *c);
