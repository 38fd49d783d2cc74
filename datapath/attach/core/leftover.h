/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel still has of one pin directory: the programs that use its maps, whatever
 * references them. */
#pragma once

#include <stddef.h>

struct leftover;

/* Records the maps that are pinned below |pin_dir| now. NULL when memory is short. */
struct leftover *leftover_note(const char *pin_dir);
void leftover_free(struct leftover *l);

/* The number of loaded programs that use one of these maps, with some of their names in |names|.
 * Programs that stay with a map of sockets until these are closed do not count
 * (pins_retire_sockets). A negative errno: not known. */
int leftover_programs(const struct leftover *l, char *names, size_t size);
