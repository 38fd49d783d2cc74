/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Connection records: opened, alive, closed, once per local end. Private. */
#pragma once

#include "datapath/observe/conn.h"

/* Reports that |c| opened, unless that was done. */
void report_opened(struct conn *c);

void report_alive(struct conn *c, uint64_t now_ns);
void report_closing(struct conn *c, unsigned side, uint64_t now_ns);
void report_closed(struct conn *c, unsigned side, uint64_t now_ns);
