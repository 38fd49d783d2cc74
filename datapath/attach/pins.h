/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The pinned state of one build of the kernel half: PIN_DIR/build-HASH/{maps, links/}. "The same
 * build" is a directory that exists; another build stays in force until this one is
 * (datapath/attach/handover.h). */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pins {
	char dir[256];
	char map_dir[320]; /* empty: nothing is pinned */
	char link_dir[384];
	bool adopted; /* the directory was there */
};

/* Makes the directories of the build that |object| and |variant| hash to. 0 or a negative errno
 * with a sentence in |err|. */
int pins_prepare(struct pins *pins, const char *pin_dir, const void *object, size_t object_bytes,
		 uint32_t variant, struct error *err);

/* Calls |visit| with the directory of every build below |pin_dir| but |but| ("": none is left
 * out). */
typedef void pins_visit(void *arg, const char *map_dir);
void pins_visit_builds(const char *pin_dir, const char *but, pins_visit *visit, void *arg);

/* Removes one build, or all of them but |but|. */
void pins_build_remove(const char *map_dir, const char *pin_dir);
void pins_remove_builds(const char *pin_dir, const char *but);

/* Whether |pin_dir| may be taken for a pin directory: it is not there, empty on a bpf file system,
 * or holds what weft pins. 0; -ENOTDIR and in |err| what is there instead. Changes nothing. */
int pins_look(const char *pin_dir, struct error *err);
