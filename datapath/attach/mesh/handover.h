/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Handover from another build of the kernel half, or one with other options, without a moment in
 * which neither or both are in force: links at control group hooks stay and get the new programs
 * one by one; the mesh's state is shared if both builds have the same layout. */
#pragma once

#include "datapath/attach/core/attach_state.h"

struct bpf_link;
struct bpf_program;

/* Before the object is loaded: pins the mesh maps of an earlier build for this build too, if the
 * layouts are equal, else none. If a generation is in force in maps that cannot be shared, sets
 * |a->waits|: the mesh's hooks then stay as they are until attach_take_over. Records the layouts of
 * this build for the next one. */
void handover_share(struct attach *a);

/* Records them again, if they were removed. */
void handover_note_layouts(const struct attach *a);

/* Start of the handover: ends acceleration of an earlier build (its sockets continue by TCP) and
 * takes over its links on interfaces. */
void handover_begin(struct attach *a);

/* The link |name| of an earlier build, updated to |program| and pinned for this build; NULL: there
 * is none. */
struct bpf_link *handover_link(struct attach *a, const char *name, struct bpf_program *program);

/* Removes everything left of earlier builds. */
void handover_end(struct attach *a);
