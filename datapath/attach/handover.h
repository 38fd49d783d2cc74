/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From another build of the kernel half, or one with other options, to this one, without a moment
 * in which neither is in force or both are: the links at hooks of control groups stay and get the
 * new program, one after another; the state of the mesh is shared where both builds know it by the
 * same layout. */
#pragma once

#include "datapath/attach/attach_state.h"

struct bpf_link;
struct bpf_program;

/* Before the object is loaded: pins the maps of the mesh that an earlier build left as this build's
 * own too, if the layouts are the same, else none of them. With what was in force there in
 * maps that cannot be shared, |a->waits| becomes true: the mesh's hooks stay as they are until
 * attach_take_over. Notes the layouts of this build for the next one. */
void handover_share(struct attach *a);

/* The beginning: what an earlier build did past TCP ends (its sockets go on by TCP), its links on
 * interfaces become this build's. */
void handover_begin(struct attach *a);

/* The link |name| of an earlier build, with |program| now and pinned as this build's; NULL: there
 * is none. */
struct bpf_link *handover_link(struct attach *a, const char *name, struct bpf_program *program);

/* Takes all away that is left of earlier builds. */
void handover_end(struct attach *a);
