/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What of one pin directory the kernel still has: programs by the maps that they use, whoever holds
 * them. */
#pragma once

#include <stddef.h>

struct leftover;

/* Remembers the maps that are pinned below |pin_dir| now. NULL when memory is short. */
struct leftover *leftover_note(const char *pin_dir);
void leftover_free(struct leftover *l);

/* How many programs that use one of these maps the kernel lists, with some of their names in
 * |names|; those that stay with a map of sockets until these have ended do not count
 * (redirect_retire). A negative errno: it does not say. */
int leftover_programs(const struct leftover *l, char *names, size_t size);
