/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The loaded kernel half: its programs and maps. Made by
 * datapath/attach/lifecycle.h. */
#pragma once

#include <linux/types.h>

#include "base/error.h"
#include "bpf/abi.h"
#include "datapath/attach/core/programs.h"
#include "datapath/attach/core/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_program;
struct attach;

struct attach_options {
	const char *pin_dir; /* on a bpf file system (mounted if missing); NULL: nothing outlives
				the process */
	const char *cgroup_path; /* root of the cgroup2 tree; NULL: found */
	uint32_t ring_bytes;	 /* power of two, multiple of the page size; 0 = 16 MiB */
	bool capture;		 /* payload for L7; false: L4 only */
	bool tls_keys;
	bool mesh; /* balancing and policy (datapath/attach/mesh/mesh_maps.h); false: removes what
		      an earlier agent left of them */
	bool redirect;		    /* services may be accelerated: see redirect.h */
	bool redirect_out_of_order; /* mutation switch for the test of the ordering rule */
};

/* One program, for display. */
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

/* What the process that reads the ring needs (datapath/attach/core/reader.h); the descriptors are
 * |a|'s. */
struct reader_maps attach_reader_maps(const struct attach *a);

/* The time since the last heartbeat of any process. */
uint64_t attach_heartbeat_age(const struct attach *a, uint64_t now_ns);

/* Iterates over living sockets in every network namespace: connections (struct weft_close with
 * |alive|) and listeners (struct weft_listen). 0 or negative errno. */
int attach_iterate(struct attach *a, ring_record_fn event, void *arg);

/* Iterates over connections that have to be ended (struct weft_verdict: ENDED, EJECTED) in every
 * network namespace, separately for each end. 0, -ENOENT when the kernel does not load the
 * iterator, or another negative errno. */
int attach_iterate_revoked(struct attach *a, ring_record_fn event, void *arg);

/* Visits the common programs (program_is_common) that were asked for, in the form that this kernel
 * uses. */
void attach_visit_programs(const struct attach *a,
			   void (*visit)(void *arg, const struct attach_program *p), void *arg);

/* Run count and run time of the loaded program |name| while BPF statistics are on. 0, -ENOENT when
 * it is not loaded, or the kernel's error. */
int attach_program_statistics(const struct attach *a, enum program p, uint64_t *ret_runs,
			      uint64_t *ret_run_ns);

/* For callers that attach a program themselves (interfaces, libraries): NULL when it is not
 * loaded. */
struct bpf_program *attach_program(const struct attach *a, enum program p);
int attach_map_fd(const struct attach *a, const char *name);

/* Whether |p| is loaded, or was adopted. */
bool attach_has(const struct attach *a, enum program p);

/* The directory for pinned links of this build, or NULL when nothing is pinned. */
const char *attach_link_dir(const struct attach *a);

/* Whether an earlier agent's kernel half was adopted. */
bool attach_adopted(const struct attach *a);

/* Whether the mesh of another build is still in force because this build cannot read its maps: call
 * attach_take_over once a generation is in force in this build's maps. */
bool attach_waits(const struct attach *a);
