/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Maps of accelerated sockets (redirect.h) that outlive their build: a socket that is removed from
 * its map loses its unread data. */
#pragma once

#define RETIRED "retired-" /* how their pins begin */

/* Before the pins of a build below |map_dir| are removed: while sockets are enrolled their map is
 * kept below |pin_dir|, and they send by TCP only. */
void retired_keep(const char *map_dir, const char *pin_dir);

/* Removes maps of retired_keep whose sockets are all closed. Returns how many are left. */
unsigned retired_sweep(const char *pin_dir);
