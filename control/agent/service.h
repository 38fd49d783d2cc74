/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the service manager is told: systemd's protocol, one datagram for each state (sd_notify(3),
 * sd_watchdog_enabled(3)). Without a service manager nothing is sent. */
#pragma once

#include <stdint.h>

/* READY=1, STOPPING=1, WATCHDOG=1 ... */
void service_notify(const char *state);

/* How often the manager is to be told that this process works: half of what it waits for. 0: it
 * does not wait. */
uint64_t service_watchdog_ns(void);
