/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How the calling thread, and what it starts from then on, gets the CPU. */
#pragma once

#include <stdint.h>

/* |policy| of sched(7) without a priority; |slice_ns|, since Linux 6.12 (ignored before), says how
 * long it runs at a time: the shorter, the sooner it runs when it wakes up. The share of the CPU is
 * everybody's. Where it is refused nothing changes. */
void schedule_thread(uint32_t policy, uint64_t slice_ns);
