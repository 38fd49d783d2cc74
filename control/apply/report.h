/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the planner has to say in weftd's log, line by line through the loader: the planner itself
 * has nowhere to write to. */
#pragma once

#include "control/ipc/ipc.h"

#include <stdint.h>

struct mesh_source;
struct problems;

struct report {
	struct ipc *loader;
	bool refused; /* the last thing that was said of the directory */
	bool changed; /* files came since then */
	char last[320];
};

/* Why what the directory says now is not in force: each error with its file, line and code, or
 * |text| ("FILE: error CODE: ..." or a sentence) where there are none. Once for each change. */
void report_refused(struct report *r, const struct problems *problems, const char *text,
		    uint64_t generation);

/* Generation |number| is in force, or still is with other texts: said after a refusal. What it took
 * away is said by name, and settled. */
void report_applied(struct report *r, struct mesh_source *source, uint64_t number);
