/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bytes that live as long as what is pinned: a map beside the builds, so that they need no writable
 * disk, go with `weft detach`, and are not there after the machine was started anew, when nothing
 * is in force either. */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define KEPT_MAX_BYTES (300ull << 20)

/* A map with room for |size_bytes|, nowhere pinned. A descriptor, or a negative errno. */
int kept_make(uint64_t size_bytes);

/* Puts the map |fd| in the place of the one below |pin_dir|, at once and whole. 0 or a negative
 * errno. */
int kept_pin(const char *pin_dir, int fd);

/* The map below |pin_dir|: a descriptor with its size, -ENOENT, or another negative errno. */
int kept_open(const char *pin_dir, uint64_t *ret_size_bytes);

void kept_remove(const char *pin_dir);

/* Maps it, for writing too. NULL: errno says why. Release with kept_unmap. */
void *kept_map(int fd, uint64_t size_bytes);
void kept_unmap(void *data, uint64_t size_bytes);
