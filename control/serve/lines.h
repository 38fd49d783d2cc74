/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Records as JSON, one object per line; field names are stable. An unknown value is null. */
#pragma once

#include "control/export/text.h"
#include "control/serve/recent.h"
#include "control/signals/signals.h"

#include <stdint.h>

struct mesh_file;

/* |wall_offset_ns|: what to add to CLOCK_MONOTONIC to get the time since the epoch. */
void lines_request(struct text *t, const struct recent_request *r, int64_t wall_offset_ns);
void lines_connection(struct text *t, const struct recent_connection *c, int64_t wall_offset_ns);
void lines_living(struct text *t, const struct living *l, enum reporter reporter, uint64_t id,
		  int64_t wall_offset_ns);
void lines_verdict(struct text *t, const struct recent_verdict *v, int64_t wall_offset_ns);
void lines_edge(struct text *t, const struct edge_row *e);

/* A part of a configuration file from byte |at| on. Returns where the next part begins, the file's
 * size at the end. */
size_t lines_file(struct text *t, const struct mesh_file *f, size_t at);

/* {"lost":n}: so many records were overwritten before they were read. */
void lines_lost(struct text *t, uint64_t count);

/* {"looked_at":n,"since":t}: how many records were searched, and the time of the oldest. */
void lines_looked(struct text *t, uint64_t count, uint64_t since_ns, int64_t wall_offset_ns);
