/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The life of the kernel half: load, attach, pin, adopt pins, replace another build, detach. */
#pragma once

#include "base/error.h"
#include "datapath/attach/core/attach.h"

struct repin;

/* Loads without attaching: adopts what an earlier agent of the same build pinned; what another
 * build, or one with other options, pinned stays in force. A hook that this kernel refuses is left
 * out (see attach_visit_programs). 0; -EPERM, -ENOENT, -ENOMEM or the kernel's error, with a text
 * in |err|. Free with attach_free: without attach_begin that leaves nothing. */
int attach_load(const struct attach_options *options, struct attach **ret_attach,
		struct error *err);

/* Attaches, and replaces other builds: policy is in force at every moment, and connections are
 * never balanced twice. 0, or the kernel's error with |err| if no program at all can be attached,
 * or a mesh was wanted and cannot be. */
int attach_begin(struct attach *a, struct error *err);

/* Puts the mesh in force in place of another build's (attach_waits): once a generation is in force
 * in this build's maps. */
int attach_take_over(struct attach *a, struct error *err);

/* attach_load and attach_begin. */
int attach_new(const struct attach_options *options, struct attach **ret_attach, struct error *err);

/* Makes pins of maps and programs again that were removed (datapath/attach/core/repin.h); before
 * those of other modules, which are in the same directories. False: nothing is pinned, or nothing
 * can be: then |r| says why. */
bool attach_repin(struct attach *a, struct repin *r);

/* Stops capture and frees |a|; what is pinned stays. */
void attach_free(struct attach *a);

/* Removes everything pinned below |pin_dir|, of any build, and thereby detaches it. 0 or negative
 * errno. */
int attach_detach(const char *pin_dir);
