/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How threads get the CPU. */
#pragma once

#include <pthread.h>
#include <stdint.h>

/* Of the calling thread and what it starts from then on: |policy| of sched(7) without a priority;
 * |slice_ns|, since Linux 6.12 (ignored before), says how long it runs at a time: the shorter, the
 * sooner it runs when it wakes up. The share of the CPU is everybody's. Where it is refused nothing
 * changes. */
void schedule_thread(uint32_t policy, uint64_t slice_ns);

/* Starts |run|(|arg|) with the lowest real-time priority (SCHED_FIFO), which is above all that have
 * none. 0, -EPERM without the right to that (CAP_SYS_NICE), or what pthread_create said. */
int schedule_first(pthread_t *ret, void *(*run)(void *arg), void *arg);
