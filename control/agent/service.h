/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Notifications to the service manager: systemd's protocol, one datagram per state (sd_notify(3),
 * sd_watchdog_enabled(3)). Without a service manager nothing is sent. */
#pragma once

#include <stdint.h>

/* READY=1, STOPPING=1, WATCHDOG=1 ... */
void service_notify(const char *state);

/* The interval of watchdog notifications: half of the manager's timeout. 0: there is no
 * watchdog. */
uint64_t service_watchdog_ns(void);
