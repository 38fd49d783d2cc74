/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The files that the generation in force was made from, kept beside what is pinned
 * (datapath/attach/kept.h): when an agent starts and what it finds in the directory is not valid,
 * these go on. The planner writes them, into memory that the loader pins; the loader hands them to
 * the next planner unread. */
#pragma once

#include "control/apply/channel.h"

#include "base/error.h"

#include <stdint.h>

struct mesh_files;

/* Planner: has |files| kept in the place of what was. 0 or a negative errno with |err|. */
int last_good_keep(struct channel *c, const struct mesh_files *files, struct error *err);

/* Loader: sends what is kept below |pin_dir| to the planner, if there is something. */
void last_good_send(const char *pin_dir, struct channel *c);
