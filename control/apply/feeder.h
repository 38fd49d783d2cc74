/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The loader's part of the mesh: reads the directory of configuration and passes files on without
 * parsing them, and writes the kernel's maps on behalf of the planner, which has no privileges. */
#pragma once

#include "control/ipc/links.h"

#include "base/error.h"
#include "datapath/attach/mesh/mesh_state.h"

struct attach;
struct feeder;
struct weft_accel_key;
struct weft_explanation;
struct weft_simulation;

struct feeder_options {
	const char *path;      /* of the directory that is followed */
	const char *pin_dir;   /* where the last good files are stored; NULL: nowhere */
	struct attach *attach; /* made with attach_options.mesh; must outlive the feeder */
	const char *cgroup_root;
	/* Only connections to these addresses may bypass TCP. 0 or a negative errno with |err|. */
	int (*accelerate)(void *arg, const struct weft_accel_key *keys, size_t count,
			  struct error *err);
	/* A generation with policies that end connections came into force. */
	void (*end_connections)(void *arg);
	/* Calls attach_take_over. 0 or a negative errno with |err|. */
	int (*take_over)(void *arg, struct error *err);
	void *arg; /* all are called by feeder_handle */
	/* A line for the log without control characters; called by a thread of the feeder. */
	void (*say)(const char *line);
};

/* 0 or a negative errno with |err|. Free with feeder_free; what is in force stays. */
int feeder_new(const struct feeder_options *options, struct feeder **ret, struct error *err);
void feeder_free(struct feeder *f);

/* Readable when feeder_handle has work that only the loader's own thread may do. All functions here
 * are called from that thread. */
int feeder_fd(const struct feeder *f);
void feeder_handle(struct feeder *f);

/* What the next planner maps; the descriptors are the feeder's. */
struct mesh_lent feeder_lend(struct feeder *f);

/* Checks whether names in matchers have changed their meaning; call it every few seconds. */
void feeder_tick(struct feeder *f);

/* Simulates a connect with the generation in force: 0, or as mesh_maps_simulate. */
int feeder_simulate(struct feeder *f, struct weft_simulation *simulation);
int feeder_explain(struct feeder *f, struct weft_explanation *explanation);

/* Result of the first files. */
enum feeder_state {
	FEEDER_READS,	 /* not known yet */
	FEEDER_IN_FORCE, /* a generation is in force: of these files, the last good ones or an
			    earlier agent's */
	FEEDER_NOTHING,	 /* not valid, and nothing is in force in this build's maps */
};

enum feeder_state feeder_state(struct feeder *f);

/* A new planner at the other ends of |links| (which are the caller's and outlive it): it gets all
 * files. NULL: there is none now. Starts the feeder's thread. */
void feeder_connect(struct feeder *f, struct ipc_links *links);
