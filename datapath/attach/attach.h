/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel half as one object: load it, attach it, pin it, adopt what is pinned, take it away. */
#pragma once

#include <linux/types.h>

#include "base/error.h"
#include "bpf/abi.h"
#include "datapath/attach/programs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_program;
struct attach;

struct attach_options {
	const char *pin_dir; /* on a bpf file system (mounted when missing); NULL: nothing outlives
				the process */
	const char *cgroup_path; /* root of the cgroup2 tree; NULL: found */
	uint32_t ring_bytes;	 /* power of two, multiple of the page size; 0 = 16 MiB */
	bool capture;		 /* payload for L7; false: L4 only */
	bool tls_keys;
	bool mesh;     /* balancing and policy (datapath/attach/mesh_maps.h); false: what an earlier
			  agent left of them is taken away */
	bool redirect; /* services may be accelerated: see redirect.h */
	bool redirect_out_of_order; /* for the test that shows what the rule of order is for */
};

/* One program, for people. */
struct attach_program {
	const char *name;
	enum program_feature feature;
	const char *hook; /* "tp_btf/inet_sock_set_state", ... */
	bool attached;
	bool adopted;  /* left by an earlier agent of the same build */
	uint64_t runs; /* only counted while BPF statistics are on */
	uint64_t run_ns;
	char problem[160]; /* why it is not attached or not pinned, else empty */
};

/* Called for each record; a non-zero return ends the reading. */
typedef int (*attach_event_fn)(void *arg, void *record, size_t size_bytes);

/* Loads, and attaches nothing: what an earlier agent of the same build pinned is adopted, what
 * another build, or one with other options, pinned stays in force as it is. A hook that this kernel
 * refuses is left out (see attach_visit_programs). 0; -EPERM, -ENOENT, -ENOMEM or what the kernel
 * said, with a sentence in |err|. Free with attach_free: without attach_begin nothing of it is
 * left. */
int attach_load(const struct attach_options *options, struct attach **ret_attach,
		struct error *err);

/* Attaches, and takes the place of other builds: there is no moment in which policy is not in
 * force, or connections are balanced twice. 0, or what the kernel said with |err| when nothing at
 * all can be attached, or a mesh was wanted and cannot be. */
int attach_begin(struct attach *a, struct error *err);

/* Whether the mesh of another build is still in force, because this one cannot read what is in
 * force there: attach_take_over is due once a generation is in force in this one's maps. */
bool attach_waits(const struct attach *a);
int attach_take_over(struct attach *a, struct error *err);

/* attach_load and attach_begin. */
int attach_new(const struct attach_options *options, struct attach **ret_attach, struct error *err);

/* Stops capture and lets go; what is pinned stays. */
void attach_free(struct attach *a);

/* Removes everything pinned below |pin_dir|, of whatever build, and with it what it attached. 0 or
 * negative errno. */
int attach_detach(const char *pin_dir);

/* Maps the ring into this process: only the one that reads it needs that. After an earlier reader,
 * drops what waits in it and has every connection announced anew at its next packet. 0 or a
 * negative errno with |err|. */
int attach_ring_open(struct attach *a, struct error *err);

/* What became of the ring's records, over all readers. Grows while attach_consume runs. */
const struct weft_account *attach_account(const struct attach *a);

/* Takes all that waits in the ring when it is called, in order. Returns how many records. */
int attach_consume(struct attach *a, attach_event_fn event, void *arg);

/* How many bytes wait in the ring; any thread may ask. */
size_t attach_waiting(const struct attach *a);

/* Becomes readable when much (attach_ring_state.much_bytes) is waiting in the ring. */
int attach_ring_fd(const struct attach *a);

struct attach_ring_state {
	size_t bytes;	    /* its size */
	size_t much_bytes;  /* of these waiting the reader is woken */
	size_t waiting_max; /* the most that ever waited at the start of attach_consume */
};

void attach_ring_state(const struct attach *a, struct attach_ring_state *ret);

/* Tells the kernel half what it need not copy (struct weft_skip). */
void attach_skip(struct attach *a, uint64_t cookie, unsigned direction, uint64_t until);

/* Tells the kernel half that the agent lives; at least once a second, otherwise capture stops by
 * itself. */
void attach_heartbeat(struct attach *a, uint64_t now_ns);

/* How long ago that was, in whichever process. */
uint64_t attach_heartbeat_age(const struct attach *a, uint64_t now_ns);

/* Sums the per-CPU counters. Both arrays are the caller's. 0 or negative errno. */
int attach_read_counters(const struct attach *a, uint64_t ret_lost[WEFT_LOSS_MAX],
			 uint64_t ret_counts[WEFT_COUNT_MAX]);

/* Walks what lives, in every network namespace: connections (struct weft_close with |alive|) and
 * listeners (struct weft_listen). 0 or negative errno. */
int attach_iterate(struct attach *a, attach_event_fn event, void *arg);

/* Walks connections that are to be ended (struct weft_verdict: ENDED, EJECTED), in every network
 * namespace, each end for itself. 0, -ENOENT when the kernel does not load the walk, or another
 * negative errno. */
int attach_iterate_endings(struct attach *a, attach_event_fn event, void *arg);

/* Those that program_is_common says and that were asked for, in the form that this kernel takes. */
void attach_visit_programs(const struct attach *a,
			   void (*visit)(void *arg, const struct attach_program *p), void *arg);

/* How often the loaded program |p| ran and for how long, while BPF statistics are on. 0, -ENOENT
 * when it is not loaded, or what the kernel said. */
int attach_program_statistics(const struct attach *a, enum program p, uint64_t *ret_runs,
			      uint64_t *ret_run_ns);

/* For those who attach a program themselves (interfaces, libraries): NULL when it is not
 * loaded. */
struct bpf_program *attach_program(const struct attach *a, enum program p);
int attach_map_fd(const struct attach *a, const char *name);

/* Whether |p| is loaded, or was adopted. */
bool attach_has(const struct attach *a, enum program p);

/* Where links of this build are to be pinned, or NULL when nothing is pinned. */
const char *attach_link_dir(const struct attach *a);

/* Whether the kernel half was there already. */
bool attach_adopted(const struct attach *a);
