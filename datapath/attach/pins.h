/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The pinned state of one build of the kernel half: PIN_DIR/build-HASH/{maps, links/}. "The same
 * build" is a directory that exists; "another build" is one to remove. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pins {
	char map_dir[320]; /* empty: nothing is pinned */
	char link_dir[384];
	bool adopted; /* the directory was there */
};

/* Makes the directories of the build that |object| and |variant| hash to and removes other builds.
 * 0 or a negative errno with a sentence in |err|. */
int pins_prepare(struct pins *pins, const char *pin_dir, const void *object, size_t object_bytes,
		 uint32_t variant, struct error *err);

/* Removes every build below |pin_dir|. */
void pins_remove(const char *pin_dir);
