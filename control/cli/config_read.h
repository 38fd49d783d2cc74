/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reading of a configuration by commands that need no agent. */
#pragma once

#include "base/error.h"
#include "control/source/unreadable.h"
#include "mesh-config/resolve/source.h"

struct config_read {
	struct mesh_source *source; /* the caller's */
	struct error err;
	uint32_t files;		       /* read so far */
	struct unreadable *unreadable; /* of directories; config_build prints it */
	struct unreadable *passed;     /* directories with files that are not read, likewise */
};

/* Adds a directory, a file or "-" (stdin) to c->source. 0 or a negative errno with c->err. */
int config_read_path(struct config_read *c, const char *path);

/* Adds one file with the given content. Errors are in c->err. */
void config_read_bytes(struct config_read *c, const char *name, struct slice bytes);
