/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What event loops are made of: epoll, timers, signals. Descriptors are -1 and errno is set where
 * there are none. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int loop_new(void);

/* |fd| is the event's data. 0, or the kernel's error. */
int loop_watch(int loop_fd, int fd);

/* A timer that is not set. Readable once it is due. */
int loop_timer(void);

/* Due once, after |delay_ns|; 0: never. */
void loop_timer_set(int timer_fd, uint64_t delay_ns);

/* Whether it was due; it is not any more. */
bool loop_timer_due(int timer_fd);

/* Blocks the |signals|; the descriptor reports them (signalfd(2)). */
int loop_signals(const int *signals, size_t count);
