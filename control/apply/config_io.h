/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Config I/O, the loader's part of the mesh: reads the directory of configuration and passes files
 * on without parsing them, and writes the kernel's maps on behalf of the compiler, which has no
 * privileges. */
#pragma once

#include "control/ipc/links.h"

#include "base/error.h"
#include "datapath/attach/mesh/mesh_state.h"

struct attach;
struct config_io;
struct weft_accel_key;
struct repin;
struct weft_explanation;
struct weft_simulation;

struct config_io_options {
	const char *path;      /* of the directory that is followed */
	const char *pin_dir;   /* where the last good files are stored; NULL: nowhere */
	struct attach *attach; /* made with attach_options.mesh; outlives it */
	const char *cgroup_root;
	/* Only connections to these addresses may bypass TCP. 0 or a negative errno with |err|. */
	int (*accelerate)(void *arg, const struct weft_accel_key *keys, size_t count,
			  struct error *err);
	/* A generation with policies that end connections came into force. */
	void (*end_connections)(void *arg);
	/* Calls attach_take_over. 0 or a negative errno with |err|. */
	int (*take_over)(void *arg, struct error *err);
	void *arg; /* all are called by config_io_handle */
	/* A line for the log without control characters; called by its thread. */
	void (*say)(const char *line);
};

/* 0 or a negative errno with |err|. Free with config_io_free; what is in force stays. */
int config_io_new(const struct config_io_options *options, struct config_io **ret,
		  struct error *err);
void config_io_free(struct config_io *f);

/* Readable when config_io_handle has work that only the loader's own thread may do. All functions
 * here are called from that thread. */
int config_io_fd(const struct config_io *f);
void config_io_handle(struct config_io *f);

/* What the next compiler maps; the descriptors are its own. */
struct mesh_lent config_io_lend(struct config_io *f);

/* Checks whether names in matchers have changed their meaning; call it every few seconds. */
void config_io_tick(struct config_io *f);

/* Makes pins again that were removed (datapath/attach/core/repin.h). */
void config_io_repin(struct config_io *f, struct repin *r);

/* Simulates a connect with the generation in force: 0, or as mesh_maps_simulate. */
int config_io_simulate(struct config_io *f, struct weft_simulation *simulation);
int config_io_explain(struct config_io *f, struct weft_explanation *explanation);

/* Result of the first files. */
enum config_io_state {
	CONFIG_IO_READS,    /* not known yet */
	CONFIG_IO_IN_FORCE, /* a generation is in force: of these files, the last good ones or an
			    earlier agent's */
	CONFIG_IO_NOTHING,  /* not valid, and nothing is in force in this build's maps */
};

enum config_io_state config_io_state(struct config_io *f);

/* A new compiler at the other ends of |links| (which are the caller's and outlive it): it gets all
 * files. NULL: there is none now. Starts its thread. */
void config_io_connect(struct config_io *f, struct ipc_links *links);
