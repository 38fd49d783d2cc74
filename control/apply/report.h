/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The compiler's log lines, which the loader writes to weftd's log, as the compiler cannot. */
#pragma once

#include "control/ipc/ipc.h"

#include <stdint.h>

struct mesh_source;
struct problems;

struct report {
	struct ipc *loader;
	bool refused; /* the latest line about the directory was a refusal */
	bool changed; /* files came since then */
	char last[320];
};

/* Reports why the directory's configuration is not in force: each error with its file, line and
 * code, or |text| ("FILE: error CODE: ..." or a sentence) if there are none. Once per change. */
void report_refused(struct report *r, const struct problems *problems, const char *text,
		    uint64_t generation);

/* Reports that generation |number| is in force, or still is with other texts; only after a refusal.
 * Reports the names of removed objects, once. */
void report_applied(struct report *r, struct mesh_source *source, uint64_t number);
