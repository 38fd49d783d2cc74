/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Scheduling of threads. */
#pragma once

#include <pthread.h>
#include <stdint.h>

/* Sets the policy of the calling thread and its later children: |policy| of sched(7) without a
 * priority; |slice_ns| (since Linux 6.12, ignored before) is the time slice: a shorter one makes it
 * run sooner after it wakes up, with the same share of the CPU. Has no effect where the kernel
 * refuses it. */
void schedule_thread(uint32_t policy, uint64_t slice_ns);

/* Starts |run|(|arg|) with the lowest real-time priority (SCHED_FIFO), which is above all threads
 * without one. 0, -EPERM without CAP_SYS_NICE, or the error of pthread_create. */
int schedule_first(pthread_t *ret, void *(*run)(void *arg), void *arg);
