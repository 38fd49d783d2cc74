/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The pinned state of one build of the kernel half: PIN_DIR/build-HASH/{maps, links/}. A build
 * whose directory exists is adopted; another build stays in force until this one is
 * (datapath/attach/mesh/handover.h). */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pins {
	char dir[256];
	char map_dir[320]; /* empty: nothing is pinned */
	char link_dir[384];
	bool adopted; /* the directory existed */
};

/* Creates the directories of the build identified by the hash of |object| and |variant|. 0 or a
 * negative errno with a text in |err|. */
int pins_prepare(struct pins *pins, const char *pin_dir, const void *object, size_t object_bytes,
		 uint32_t variant, struct error *err);

/* Calls |visit| with the directory of every build below |pin_dir| except |but| ("": none). */
typedef void pins_visit(void *arg, const char *map_dir);
void pins_visit_builds(const char *pin_dir, const char *but, pins_visit *visit, void *arg);

/* Removes one build, or all except |but|. */
void pins_build_remove(const char *map_dir, const char *pin_dir);
void pins_remove_builds(const char *pin_dir, const char *but);

/* Before the pins of a build below |map_dir| are removed: a socket that is removed from its map
 * loses its unread data. While sockets are accelerated (redirect.h) their map is kept below
 * |pin_dir|, and they send by TCP only. */
void pins_retire_sockets(const char *map_dir, const char *pin_dir);

/* Removes maps of pins_retire_sockets whose sockets are all closed. Returns how many are left. */
unsigned pins_sweep_retired(const char *pin_dir);

/* Whether |pin_dir| can be used as a pin directory: it does not exist, is empty on a bpf file
 * system, or contains pins of weft. 0; -ENOTDIR with the obstacle in |err|. Changes nothing. */
int pins_look(const char *pin_dir, struct error *err);
