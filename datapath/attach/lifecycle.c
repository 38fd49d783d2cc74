// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Loads the programs of programs.h in the form that the kernel takes, attaches and pins them. */
#include "datapath/attach/lifecycle.h"

#include "base/cleanup.h"
#include "datapath/attach/core/attach_state.h"
#include "datapath/attach/mesh/handover.h"
#include "datapath/attach/core/iterator.h"
#include "datapath/attach/core/kept.h"
#include "datapath/attach/tls/mapping_trace.h"
#include "datapath/attach/mesh/mesh_maps.h"
#include "datapath/attach/core/mounts.h"
#include "datapath/attach/mesh/owners.h"
#include "datapath/attach/mesh/redirect.h"
#include "datapath/attach/core/repin.h"
#include "datapath/attach/tls/uprobe_links.h"
#include "weft.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SYN_US		   200000 /* by then a SYN that a process was about to send has arrived */
#define DEFAULT_RING_BYTES (16u << 20)

/* ---- load */

static int pin_maps(struct attach *a)
{
	struct bpf_map *map;
	char path[512];
	int r = 0;

	bpf_object__for_each_map(map, a->skeleton->obj)
	{
		const char *name = bpf_map__name(map);

		if (strncmp(name, "weft_", 5) != 0 || strchr(name, '.') ||
		    !bpf_map__autocreate(map))
			continue; /* .rodata and similar maps belong to one load */
		snprintf(path, sizeof(path), "%s/%s", a->pins.map_dir, name);
		r = r ? r : bpf_map__set_pin_path(map, path);
	}
	return r;
}

static void link_path(const struct attach *a, enum program p, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", a->pins.link_dir, program_table[p].name);
}

/* Adopts the links that an earlier agent of this build left; their programs need not be loaded
 * again. */
static void links_adopt(struct attach *a)
{
	char path[512];

	for (enum program p = 0; p < PROGRAM_MAX && a->pins.adopted; p++) {
		link_path(a, p, path, sizeof(path));
		if (!program_is_common(p) || !program_table[p].pinned || access(path, F_OK))
			continue;
		if (!a->mesh && program_is_mesh(p)) {
			unlink(path);
			continue;
		}
		a->links[p] = bpf_link__open(path);
		if (!a->links[p])
			continue;
		bpf_program__set_autoload(attach_find(a, p), false);
		a->state[p].adopted = a->state[p].attached = true;
	}
}

static bool is_asked_for(const struct attach_options *options, enum program_feature f)
{
	switch (program_features[f].wanted) {
	case WANTED_TLS:
		return options->tls_keys;
	case WANTED_MESH:
		return options->mesh;
	case WANTED_REDIRECT:
		return options->redirect;
	case WANTED_ALWAYS:
		break;
	}
	return true;
}

/* |gone|: features up to this number are left out. */
static bool is_wanted(const struct attach_options *options, enum program_feature f, unsigned gone)
{
	unsigned goes = program_features[f].goes;

	return is_asked_for(options, f) && (!goes || goes > gone);
}

/* The next number after |gone| that leaves something out; 0: there is none. */
static unsigned next_to_go(const struct attach_options *options, unsigned gone)
{
	unsigned next = 0;

	for (enum program_feature f = 0; f < PROGRAM_FEATURE_MAX; f++) {
		unsigned goes = program_features[f].goes;

		if (goes > gone && (!next || goes < next) && is_asked_for(options, f))
			next = goes;
	}
	return next;
}

/* Excludes programs that are not wanted or have a better form on this kernel. */
static void choose_programs(struct attach *a, const struct attach_options *options, unsigned gone)
{
	bool trace;

	for (enum program p = 0; p < PROGRAM_MAX; p++)
		bpf_program__set_autoload(attach_find(a, p),
					  is_wanted(options, program_table[p].feature, gone) &&
						  !attach_is_other_form(a, p));
	trace = bpf_program__autoload(a->skeleton->progs.code_mapped);
	bpf_map__set_autocreate(a->skeleton->maps.mapped_ring, trace);
	bpf_map__set_autocreate(a->skeleton->maps.mapped_lost, trace);
	a->skeleton->rodata->redirect_sticky = !options->redirect_out_of_order;
	if (!is_wanted(options, PROGRAM_FEATURE_REDIRECT, gone))
		redirect_leave_out(a->skeleton->obj);
	if (!a->mesh)
		mesh_maps_leave_out(a->skeleton->obj, a->pins.map_dir);
}

/* Pinned ones stay attached. */
static void links_release(struct attach *a)
{
	for (enum program p = 0; p < PROGRAM_MAX; p++) {
		bpf_link__destroy(a->links[p]);
		a->links[p] = NULL;
	}
}

static int try_load(struct attach *a, const struct attach_options *options, uint32_t ring_bytes,
		    unsigned gone)
{
	choose_programs(a, options, gone);
	bpf_map__set_max_entries(a->skeleton->maps.weft_ring, ring_bytes);
	bpf_map__set_max_entries(a->skeleton->maps.weft_counters,
				 (uint32_t)libbpf_num_possible_cpus());
	if (a->pins.map_dir[0]) {
		pin_maps(a);
		handover_share(a);
	}
	links_adopt(a);
	return weft_bpf__load(a->skeleton);
}

/* The embedded object is read once: releases its pages, so that they do not count as memory of the
 * process. A later read takes them from the program's file. */
static void object_unread(void)
{
	size_t page = (size_t)getpagesize(), size_bytes = 0;
	uintptr_t first = (uintptr_t)weft_bpf__elf_bytes(&size_bytes);
	uintptr_t from = (first + page - 1) & ~(page - 1), to = (first + size_bytes) & ~(page - 1);

	if (from < to)
		madvise((void *)from, to - from, MADV_DONTNEED);
}

/* If the kernel refuses one program it refuses the object; then loading is tried with fewer
 * programs. */
static int load(struct attach *a, const struct attach_options *options, uint32_t ring_bytes,
		struct error *err)
{
	unsigned gone = 0;
	int r;

	do {
		links_release(a);
		weft_bpf__destroy(a->skeleton);
		a->skeleton = weft_bpf__open();
		if (!a->skeleton)
			return error_set(err, -errno, "cannot open the BPF object: %s",
					 strerror(errno));
		r = try_load(a, options, ring_bytes, gone);
		gone = next_to_go(options, gone);
	} while (r && r != -EPERM && gone);
	if (r == -EPERM)
		return error_set(err, r,
				 "the kernel refuses to load BPF programs: run as root, or give "
				 "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN");
	if (r)
		return error_set(err, r, "the kernel does not load the programs: %s", strerror(-r));
	object_unread();
	return 0;
}

/* ---- attach */

static struct bpf_link *link_make(struct attach *a, enum program p, struct bpf_program *program)
{
	switch (program_table[p].hook) {
	case HOOK_TRACE:
		return bpf_program__attach(program);
	case HOOK_CGROUP:
		return bpf_program__attach_cgroup(program, a->cgroup_fd);
	case HOOK_CONNS:
		return iterator_attach(program, attach_map_fd(a, "weft_conns"));
	case HOOK_OWNERS:
		return iterator_attach(program, attach_map_fd(a, "weft_owners"));
	case HOOK_PICKS:
		return iterator_attach(program, attach_map_fd(a, "weft_picks"));
	default:
		return iterator_attach(program, -1);
	}
}

/* Whether a hook also has to run in the former build: the SYN owners are stored for the server's
 * end, and where the maps are not shared both builds need them while the other hooks change
 * over. */
static bool is_kept_twice(const struct attach *a, enum program p)
{
	return a->waits && p == PROGRAM_mesh_knock;
}

static void link_pin(struct attach *a, enum program p)
{
	struct attach_program *state = &a->state[p];
	char path[512];

	if (!program_table[p].pinned || !attach_link_dir(a))
		return;
	link_path(a, p, path, sizeof(path));
	if (bpf_link__pin(a->links[p], path))
		snprintf(state->problem, sizeof(state->problem), "not pinned: %s", strerror(errno));
}

/* Opened at the start: opening it by id needs CAP_SYS_ADMIN, which is dropped then. */
static int linked_program(const struct bpf_link *link)
{
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);

	if (!link || bpf_link_get_info_by_fd(bpf_link__fd(link), &info, &size))
		return -1;
	return bpf_prog_get_fd_by_id(info.prog_id);
}

static void link_attach(struct attach *a, enum program p)
{
	struct bpf_program *program = attach_program(a, p);
	struct attach_program *state = &a->state[p];

	if (program && program_table[p].hook == HOOK_CGROUP && !is_kept_twice(a, p))
		a->links[p] = handover_link(a, program_table[p].name, program);
	state->attached = a->links[p] != NULL;
	a->begun |= state->attached;
	if (state->attached)
		return;
	a->links[p] = program ? link_make(a, p, program) : NULL;
	state->attached = a->links[p] != NULL;
	a->begun |= state->attached;
	if (state->attached)
		link_pin(a, p);
	if (state->attached && is_kept_twice(a, p))
		usleep(SYN_US);
	if (!state->attached)
		snprintf(state->problem, sizeof(state->problem), "%s",
			 program ? strerror(errno) : "this kernel does not load it");
}

/* Whether this file attaches it on this kernel. */
static bool is_own(const struct attach *a, enum program p)
{
	return program_is_common(p) && !attach_is_other_form(a, p);
}

/* Attaches the programs of the mesh, or the others. Returns how many of them are attached. */
static unsigned links_attach(struct attach *a, bool mesh)
{
	unsigned attached = 0;

	for (enum program p = 0; p < PROGRAM_MAX; p++) {
		if (program_is_mesh(p) != mesh || !is_own(a, p))
			continue;
		if (!a->links[p])
			link_attach(a, p);
		if (a->program_fds[p] < 0)
			a->program_fds[p] = linked_program(a->links[p]);
		attached += a->state[p].attached;
	}
	return attached;
}

static void programs_name(struct attach *a)
{
	for (enum program p = 0; p < PROGRAM_MAX; p++) {
		if ((!a->mesh && program_is_mesh(p)) || !is_own(a, p))
			continue;
		a->state[p].name = program_table[p].name;
		a->state[p].feature = program_table[p].feature;
		a->state[p].hook = bpf_program__section_name(attach_find(a, p));
	}
}

/* ---- life */

static int cgroup_open(struct attach *a, const char *path, struct error *err)
{
	char found[256];
	int r = path ? 0 : mounts_find_cgroup2(found, sizeof(found), err);

	if (r)
		return r;
	path = path ? path : found;
	a->cgroup_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (a->cgroup_fd < 0)
		return error_set(err, -errno, "cannot open %s: %s", path, strerror(errno));
	return 0;
}

static int start(struct attach *a, const struct attach_options *options, struct error *err)
{
	uint32_t ring_bytes = options->ring_bytes ? options->ring_bytes : DEFAULT_RING_BYTES;
	size_t object_bytes;
	const void *object = weft_bpf__elf_bytes(&object_bytes);
	int r = cgroup_open(a, options->cgroup_path, err);

	if (!r && options->pin_dir)
		r = pins_prepare(&a->pins, options->pin_dir, object, object_bytes,
				 ring_bytes + options->redirect, err);
	r = r ? r : load(a, options, ring_bytes, err);
	r = r ? r : attach_settings_start(a, options, ring_bytes, err);
	if (!r)
		programs_name(a);
	return r;
}

int attach_load(const struct attach_options *options, struct attach **ret_attach, struct error *err)
{
	struct attach *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return error_set(err, -ENOMEM, "no memory");
	a->cgroup_fd = -1;
	memset(a->program_fds, -1, sizeof(a->program_fds));
	a->mesh = options->mesh;
	a->walks_files = !iterator_maps_supported();
	a->uprobes_multi = uprobe_multi_supported();
	a->traces_mappings = options->tls_keys && mapping_trace_supported();
	r = start(a, options, err);
	if (r)
		attach_free(a);
	else
		*ret_attach = a;
	return r;
}

int attach_take_over(struct attach *a, struct error *err)
{
	if (a->mesh)
		links_attach(a, true);
	if (a->mesh && attach_has(a, PROGRAM_mesh_connect4) &&
	    !a->state[PROGRAM_mesh_connect4].attached)
		return error_set(err, -ENOTSUP, "the mesh cannot be attached");
	a->waits = false;
	handover_end(a);
	if (!a->mesh && a->pins.map_dir[0])
		kept_remove(a->pins.dir);
	return 0;
}

/* Owners are recorded before policy needs them. */
int attach_begin(struct attach *a, struct error *err)
{
	unsigned attached;

	handover_begin(a);
	attached = links_attach(a, false);
	/* sockets older than the programs */
	iterator_read(a->links[PROGRAM_sockets_found], NULL, NULL);
	if (a->mesh)
		owners_learn(a);
	if (!attached && !a->mesh)
		return error_set(err, -ENOTSUP, "no program could be attached: %s",
				 a->state[0].problem);
	return a->waits ? 0 : attach_take_over(a, err);
}

int attach_new(const struct attach_options *options, struct attach **ret_attach, struct error *err)
{
	int r = attach_load(options, ret_attach, err);

	if (r)
		return r;
	r = attach_begin(*ret_attach, err);
	if (r)
		attach_free(take_ptr(*ret_attach));
	return r;
}

static void repin_maps(const struct attach *a, struct repin *r)
{
	const struct bpf_map *map;

	bpf_object__for_each_map(map, a->skeleton->obj)
	{
		if (bpf_map__pin_path(map))
			repin_object(r, bpf_map__pin_path(map), bpf_map__fd(map));
	}
}

bool attach_repin(struct attach *a, struct repin *r)
{
	unsigned before = r->count;
	char path[512];

	if (!a->pins.map_dir[0] || !repin_begin(r, a->pins.dir))
		return false;
	repin_directory(r, a->pins.map_dir);
	repin_directory(r, a->pins.link_dir);
	repin_maps(a, r);
	for (enum program p = 0; p < PROGRAM_MAX; p++) {
		link_path(a, p, path, sizeof(path));
		if (a->links[p] && program_table[p].pinned)
			repin_object(r, path, bpf_link__fd(a->links[p]));
	}
	if (r->count > before)
		handover_note_layouts(a);
	return true;
}

void attach_free(struct attach *a)
{
	if (!a)
		return;
	attach_settings_end(a);
	links_release(a);
	weft_bpf__destroy(a->skeleton);
	for (enum program p = 0; p < PROGRAM_MAX; p++)
		cleanup_close_fd(&a->program_fds[p]);
	cleanup_close_fd(&a->cgroup_fd);
	if (!a->begun && !a->pins.adopted && a->pins.map_dir[0])
		pins_build_remove(a->pins.map_dir, a->pins.dir);
	free(a);
}

int attach_detach(const char *pin_dir)
{
	if (access(pin_dir, F_OK))
		return errno == ENOENT ? 0 : -errno;
	kept_remove(pin_dir);
	pins_remove_builds(pin_dir, "");
	if (!pins_sweep_retired(pin_dir))
		mounts_release_bpffs(pin_dir);
	return 0;
}
