// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The loaded programs and maps, and what the programs report. */
#include "datapath/attach/core/attach.h"

#include "base/cleanup.h"
#include "datapath/attach/core/attach_state.h"
#include "datapath/attach/core/iterator.h"
#include "weft.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

/* ---- programs and maps */

bool attach_is_other_form(const struct attach *a, enum program p)
{
	switch (program_table[p].hook) {
	case HOOK_CONNS:
	case HOOK_OWNERS:
	case HOOK_PICKS:
		return a->walks_files;
	case HOOK_FILES_ONLY:
		return !a->walks_files;
	case HOOK_UPROBE_MULTI:
		return !a->uprobes_multi;
	case HOOK_UPROBE_SINGLE:
		return a->uprobes_multi;
	case HOOK_MAPPING:
		return !a->traces_mappings;
	default:
		return false;
	}
}

struct bpf_program *attach_find(const struct attach *a, enum program p)
{
	return bpf_object__find_program_by_name(a->skeleton->obj, program_table[p].name);
}

struct bpf_program *attach_program(const struct attach *a, enum program p)
{
	struct bpf_program *program = attach_find(a, p);

	return program && bpf_program__fd(program) >= 0 ? program : NULL;
}

int attach_map_fd(const struct attach *a, const char *name)
{
	return bpf_object__find_map_fd_by_name(a->skeleton->obj, name);
}

const char *attach_link_dir(const struct attach *a)
{
	return a->pins.map_dir[0] ? a->pins.link_dir : NULL;
}

bool attach_has(const struct attach *a, enum program p)
{
	return a->links[p] || attach_program(a, p);
}

bool attach_adopted(const struct attach *a)
{
	return a->pins.adopted;
}

bool attach_waits(const struct attach *a)
{
	return a->waits;
}

/* ---- the reader of the ring */

uint64_t attach_heartbeat_age(const struct attach *a, uint64_t now_ns)
{
	return reader_heartbeat_age(&a->settings->reader, now_ns);
}

struct reader_maps attach_reader_maps(const struct attach *a)
{
	return (struct reader_maps){.ring_fd = attach_map_fd(a, "weft_ring"),
				    .settings_fd = attach_map_fd(a, "weft_settings"),
				    .skips_fd = attach_map_fd(a, "weft_skips"),
				    .counters_fd = attach_map_fd(a, "weft_counters"),
				    .cpus = (uint32_t)libbpf_num_possible_cpus(),
				    .ring_bytes = a->settings->ring_bytes,
				    .much_bytes = a->settings->ring_wakeup_bytes};
}

/* ---- iterators over living sockets */

/* Reads the iterator unless this kernel uses its other form. */
static int walk(struct attach *a, enum program p, ring_record_fn event, void *arg)
{
	return attach_is_other_form(a, p) ? 0 : iterator_read(a->links[p], event, arg);
}

int attach_iterate(struct attach *a, ring_record_fn event, void *arg)
{
	int r = walk(a, PROGRAM_conns_alive, event, arg);

	r = r ? r : walk(a, PROGRAM_listeners, event, arg);
	return r ? r : walk(a, PROGRAM_files_alive, event, arg);
}

int attach_iterate_revoked(struct attach *a, ring_record_fn event, void *arg)
{
	int r = walk(a, PROGRAM_mesh_endings, event, arg);

	r = r ? r : walk(a, PROGRAM_mesh_ends_files, event, arg);
	return r ? r : walk(a, PROGRAM_mesh_end_datagr, event, arg);
}

/* ---- run times */

static int statistics_read(int fd, uint64_t *ret_runs, uint64_t *ret_run_ns)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);
	int r = fd < 0 ? -ENOENT : bpf_prog_get_info_by_fd(fd, &info, &size);

	if (r)
		return r;
	*ret_runs = info.run_cnt;
	*ret_run_ns = info.run_time_ns;
	return 0;
}

int attach_program_statistics(const struct attach *a, enum program p, uint64_t *ret_runs,
			      uint64_t *ret_run_ns)
{
	const struct bpf_program *program = attach_program(a, p);

	return statistics_read(program ? bpf_program__fd(program) : -1, ret_runs, ret_run_ns);
}

void attach_visit_programs(const struct attach *a,
			   void (*visit)(void *arg, const struct attach_program *p), void *arg)
{
	for (size_t i = 0; i < PROGRAM_MAX; i++) {
		struct attach_program p = a->state[i];

		if (!p.name)
			continue;
		statistics_read(a->program_fds[i], &p.runs, &p.run_ns);
		visit(arg, &p);
	}
}
