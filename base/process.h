/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Clocks, and what this process uses. */
#pragma once

#include <stdint.h>

uint64_t process_now_ns(void);	    /* CLOCK_MONOTONIC */
uint64_t process_now_us(void);	    /* the same */
uint64_t process_realtime_ns(void); /* since the epoch */
uint64_t process_cpu_ns(void);	    /* user and system time of this process */

/* Needs /proc; 0 where it is not to be had. */
uint64_t process_resident_bytes(void);
