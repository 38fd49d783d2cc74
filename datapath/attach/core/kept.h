/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Data that lives as long as the pins: a pinned map outside of the builds' directories. It needs no
 * writable disk, is removed by `weft detach`, and is gone after a reboot, as is all that was in
 * force. */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct repin;

#define KEPT_MAX_BYTES (300ull << 20)

/* An unpinned map with room for |size_bytes|. A descriptor, or a negative errno. */
int kept_make(uint64_t size_bytes);

/* Atomically replaces the map below |pin_dir| by |fd|. 0 or a negative errno. */
int kept_pin(const char *pin_dir, int fd);

/* Pins |fd| again if it was removed (datapath/attach/core/repin.h). */
void kept_repin(const char *pin_dir, int fd, struct repin *r);

/* The map below |pin_dir|: a descriptor with its size, -ENOENT, or another negative errno. */
int kept_open(const char *pin_dir, uint64_t *ret_size_bytes);

void kept_remove(const char *pin_dir);

/* Maps it, for writing too. NULL: errno has the reason. Release with kept_unmap. */
void *kept_map(int fd, uint64_t size_bytes);
void kept_unmap(void *data, uint64_t size_bytes);
