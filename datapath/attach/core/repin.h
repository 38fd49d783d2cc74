/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pins that another program removed while the agent runs are made again from its descriptors:
 * without them what is in force would end with the agent. */
#pragma once

#include <stdbool.h>

struct repin {
	unsigned count;	   /* of pins made again, ever */
	char problem[256]; /* why some are missing; empty: none is */
};

/* Start of a round: whether |pin_dir| can have pins. It is made if it is missing; if it is not
 * writable, or not on a bpf file system any more, |r->problem| says so. */
bool repin_begin(struct repin *r, const char *pin_dir);

void repin_directory(struct repin *r, const char *path);

/* Pins |fd| (-1: no effect) at |path| if nothing is there. */
void repin_object(struct repin *r, const char *path, int fd);
