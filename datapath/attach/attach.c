// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Skeleton lifecycle: which programs there are and where each is attached. */
#include "datapath/attach/attach.h"

#include "base/cleanup.h"
#include "datapath/attach/attach_state.h"
#include "datapath/attach/handover.h"
#include "datapath/attach/iterator.h"
#include "datapath/attach/kept.h"
#include "datapath/attach/mapping_trace.h"
#include "datapath/attach/mesh_maps.h"
#include "datapath/attach/mounts.h"
#include "datapath/attach/owners.h"
#include "datapath/attach/redirect.h"
#include "datapath/attach/ring.h"
#include "datapath/attach/uprobe_links.h"
#include "weft.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SYN_US		   200000 /* who was about to send a SYN has got a CPU, and it has arrived, by then */
#define DEFAULT_RING_BYTES (16u << 20)

enum hook {
	HOOK_TRACE,
	HOOK_CGROUP,
	HOOK_ITER_CONNS,
	HOOK_ITER_OWNERS,
	HOOK_ITER_ENDINGS,
	HOOK_ITER_DATAGRAMS,
	HOOK_FILES_OWNERS,
	HOOK_FILES_ALIVE,
	HOOK_FILES_ENDINGS,
};

/* What this file attaches. Every other program is attached by who owns its hook. */
static const struct {
	const char *name;
	enum hook hook;
	bool pinned;
} PROGRAMS[] = {
	{"payload_out", HOOK_CGROUP, true},
	{"payload_in", HOOK_CGROUP, true},
	{"tcp_state", HOOK_TRACE, true}, /* of what it sees begin all payload is seen */
	{"tcp_state_twin", HOOK_TRACE, true},
	{"tcp_reset_out", HOOK_TRACE, true},
	{"tcp_reset_in", HOOK_TRACE, true},
	{"conns_alive", HOOK_ITER_CONNS, false},
	{"listeners", HOOK_ITER_OWNERS, false},
	{"sockets_found", HOOK_FILES_OWNERS, false},
	{"mesh_state", HOOK_CGROUP, true},
	{"mesh_release", HOOK_CGROUP, true},
	{"mesh_peer4", HOOK_CGROUP, true},
	{"mesh_peer6", HOOK_CGROUP, true},
	{"mesh_recvmsg4", HOOK_CGROUP, true},
	{"mesh_recvmsg6", HOOK_CGROUP, true},
	{"mesh_sendmsg4", HOOK_CGROUP, true},
	{"mesh_sendmsg6", HOOK_CGROUP, true},
	{"mesh_connect4", HOOK_CGROUP, true},
	{"mesh_connect6", HOOK_CGROUP, true},
	{"mesh_knock", HOOK_CGROUP, true},
	{"mesh_accept", HOOK_CGROUP, true},
	{"mesh_endings", HOOK_ITER_ENDINGS, false},
	{"mesh_end_datagr", HOOK_ITER_DATAGRAMS, false},
	{"files_alive", HOOK_FILES_ALIVE, false},
	{"mesh_ends_files", HOOK_FILES_ENDINGS, false},
	{"mesh_bound4", HOOK_CGROUP, true},
	{"mesh_bound6", HOOK_CGROUP, true},
	{"mesh_created", HOOK_CGROUP, true},
	{"mesh_stir_fork", HOOK_TRACE, false},
	{"mesh_stir_exec", HOOK_TRACE, false},
	{"mesh_stir_move", HOOK_TRACE, false},
};
#define PROGRAM_COUNT (sizeof(PROGRAMS) / sizeof(PROGRAMS[0]))
_Static_assert(PROGRAM_COUNT <= ATTACH_PROGRAMS_MAX, "each has its link and its state");

/* What weft can do without, the first to go first, each with all programs whose name begins so:
 * the mesh, then counters on interfaces, then TLS (its view of mappings first), then who reset a
 * connection, then the second look at states. Their absence shows in the lists that `weft check`
 * prints. */
static const char *const OPTIONAL[] = {
	"mesh_stir",	   "mesh_holders",   "mesh_servers",  "mesh_places",   "mesh_end",
	"mesh_simulate",   "mesh_policy",    "mesh_explain",  "mesh_",	       "weft_xdp",
	"weft_tc_ingress", "weft_tc_egress", "code_mapped",   "tls_log_multi", "tls_log",
	"tls_keys_multi",  "tls_keys",	     "tcp_reset_out", "tcp_reset_in",  "tcp_state_twin"};
#define OPTIONAL_COUNT (sizeof(OPTIONAL) / sizeof(OPTIONAL[0]))

static bool is_mesh(const char *program)
{
	return !strncmp(program, "mesh_", 5);
}

/* Walks come in two forms, of which one is loaded: over a map of sockets, or over files. */
static bool is_other_walk(const struct attach *a, size_t i)
{
	switch (PROGRAMS[i].hook) {
	case HOOK_ITER_CONNS:
	case HOOK_ITER_OWNERS:
	case HOOK_ITER_ENDINGS:
	case HOOK_ITER_DATAGRAMS:
		return a->walks_files;
	case HOOK_FILES_ALIVE:
	case HOOK_FILES_ENDINGS:
		return !a->walks_files;
	default:
		return false;
	}
}

static struct bpf_program *find(const struct attach *a, const char *name)
{
	return bpf_object__find_program_by_name(a->skeleton->obj, name);
}

struct bpf_program *attach_program(const struct attach *a, const char *name)
{
	struct bpf_program *program = find(a, name);

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

bool attach_has(const struct attach *a, const char *name)
{
	for (size_t i = 0; i < PROGRAM_COUNT; i++)
		if (!strcmp(PROGRAMS[i].name, name) && a->links[i])
			return true;
	return attach_program(a, name);
}

bool attach_adopted(const struct attach *a)
{
	return a->pins.adopted;
}

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
			continue; /* .rodata and the like belong to one load */
		snprintf(path, sizeof(path), "%s/%s", a->pins.map_dir, name);
		r = r ? r : bpf_map__set_pin_path(map, path);
	}
	return r;
}

static void link_path(const struct attach *a, size_t i, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", a->pins.link_dir, PROGRAMS[i].name);
}

/* Takes over what an earlier agent of this build left; its programs need not be loaded again. */
static void links_adopt(struct attach *a)
{
	char path[512];

	for (size_t i = 0; i < PROGRAM_COUNT && a->pins.adopted; i++) {
		link_path(a, i, path, sizeof(path));
		if (!PROGRAMS[i].pinned || access(path, F_OK))
			continue;
		if (!a->mesh && is_mesh(PROGRAMS[i].name)) {
			unlink(path);
			continue;
		}
		a->links[i] = bpf_link__open(path);
		if (!a->links[i])
			continue;
		bpf_program__set_autoload(find(a, PROGRAMS[i].name), false);
		a->state[i].adopted = a->state[i].attached = true;
	}
}

static void leave_out(struct attach *a, const char *prefix)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, a->skeleton->obj)
	{
		if (!strncmp(bpf_program__name(program), prefix, strlen(prefix)))
			bpf_program__set_autoload(program, false);
	}
}

/* Leaves out what is not wanted or has a better form on this kernel. */
static void choose_programs(struct attach *a, const struct attach_options *options, size_t left_out)
{
	const struct {
		struct bpf_program *program;
		bool multi;
	} tls[] = {
		{a->skeleton->progs.tls_keys_multi, true},
		{a->skeleton->progs.tls_keys, false},
		{a->skeleton->progs.tls_log_multi, true},
		{a->skeleton->progs.tls_log, false},
	};
	bool multi = uprobe_multi_supported();
	bool trace = options->tls_keys && mapping_trace_supported();

	a->skeleton->rodata->redirect_sticky = !options->redirect_out_of_order;
	if (!options->redirect)
		redirect_leave_out(a->skeleton->obj);
	for (size_t i = 0; i < sizeof(tls) / sizeof(tls[0]); i++)
		bpf_program__set_autoload(tls[i].program,
					  options->tls_keys && tls[i].multi == multi);
	for (size_t i = 0; i < PROGRAM_COUNT; i++)
		if (is_other_walk(a, i))
			bpf_program__set_autoload(find(a, PROGRAMS[i].name), false);
	bpf_program__set_autoload(a->skeleton->progs.code_mapped, trace);
	bpf_map__set_autocreate(a->skeleton->maps.mapped_ring, trace);
	bpf_map__set_autocreate(a->skeleton->maps.mapped_lost, trace);
	for (size_t i = 0; i < left_out; i++)
		leave_out(a, OPTIONAL[i]);
	if (!a->mesh) {
		leave_out(a, "mesh_");
		mesh_maps_leave_out(a->skeleton->obj, a->pins.map_dir);
	}
}

/* Pinned ones stay attached. */
static void links_release(struct attach *a)
{
	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		bpf_link__destroy(a->links[i]);
		a->links[i] = NULL;
	}
}

static int try_load(struct attach *a, const struct attach_options *options, uint32_t ring_bytes,
		    size_t left_out)
{
	choose_programs(a, options, left_out);
	bpf_map__set_max_entries(a->skeleton->maps.weft_ring, ring_bytes);
	if (a->pins.map_dir[0]) {
		pin_maps(a);
		handover_share(a);
	}
	links_adopt(a);
	return weft_bpf__load(a->skeleton);
}

/* The embedded object is read once: its pages need not count as memory of the process. They come
 * back from the program's file when they are read again. */
static void object_unread(void)
{
	size_t page = (size_t)getpagesize(), size_bytes = 0;
	uintptr_t first = (uintptr_t)weft_bpf__elf_bytes(&size_bytes);
	uintptr_t from = (first + page - 1) & ~(page - 1), to = (first + size_bytes) & ~(page - 1);

	if (from < to)
		madvise((void *)from, to - from, MADV_DONTNEED);
}

/* A kernel that refuses one program refuses the object: then it is tried with fewer of them. */
static int load(struct attach *a, const struct attach_options *options, uint32_t ring_bytes,
		struct error *err)
{
	struct attach_options chosen = *options;
	size_t left_out = 0;
	int r = -EINVAL;

	while (r && r != -EPERM && left_out <= OPTIONAL_COUNT) {
		links_release(a);
		weft_bpf__destroy(a->skeleton);
		a->skeleton = weft_bpf__open();
		if (!a->skeleton)
			return error_set(err, -errno, "cannot open the BPF object: %s",
					 strerror(errno));
		r = try_load(a, &chosen, ring_bytes, left_out);
		if (chosen.redirect)
			chosen.redirect = !r;
		else
			left_out++;
	}
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

static struct bpf_link *link_make(struct attach *a, size_t i, struct bpf_program *program)
{
	switch (PROGRAMS[i].hook) {
	case HOOK_TRACE:
		return bpf_program__attach(program);
	case HOOK_CGROUP:
		return bpf_program__attach_cgroup(program, a->cgroup_fd);
	case HOOK_ITER_CONNS:
	case HOOK_ITER_ENDINGS:
		return iterator_attach(program, attach_map_fd(a, "weft_conns"));
	case HOOK_ITER_OWNERS:
		return iterator_attach(program, attach_map_fd(a, "weft_owners"));
	case HOOK_ITER_DATAGRAMS:
		return iterator_attach(program, attach_map_fd(a, "weft_picks"));
	case HOOK_FILES_OWNERS:
	case HOOK_FILES_ALIVE:
	case HOOK_FILES_ENDINGS:
		return iterator_attach(program, -1);
	}
	return NULL;
}

/* What a process tells by its SYN is kept for the server's end: where maps are not shared both
 * builds have to do that while the other hooks change over. */
static bool is_kept_twice(const struct attach *a, const char *program)
{
	return a->waits && !strcmp(program, "mesh_knock");
}

static void link_pin(struct attach *a, size_t i)
{
	struct attach_program *state = &a->state[i];
	char path[512];

	if (!PROGRAMS[i].pinned || !attach_link_dir(a))
		return;
	link_path(a, i, path, sizeof(path));
	if (bpf_link__pin(a->links[i], path))
		snprintf(state->problem, sizeof(state->problem), "not pinned: %s", strerror(errno));
}

/* Opened at the start: by number it takes CAP_SYS_ADMIN, which is given up then. */
static int linked_program(const struct bpf_link *link)
{
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);

	if (!link || bpf_link_get_info_by_fd(bpf_link__fd(link), &info, &size))
		return -1;
	return bpf_prog_get_fd_by_id(info.prog_id);
}

static void link_attach(struct attach *a, size_t i)
{
	struct bpf_program *program = attach_program(a, PROGRAMS[i].name);
	struct attach_program *state = &a->state[i];

	if (program && PROGRAMS[i].hook == HOOK_CGROUP && !is_kept_twice(a, PROGRAMS[i].name))
		a->links[i] = handover_link(a, PROGRAMS[i].name, program);
	state->attached = a->links[i] != NULL;
	a->begun |= state->attached;
	if (state->attached)
		return;
	a->links[i] = program ? link_make(a, i, program) : NULL;
	state->attached = a->links[i] != NULL;
	a->begun |= state->attached;
	if (state->attached)
		link_pin(a, i);
	if (state->attached && is_kept_twice(a, PROGRAMS[i].name))
		usleep(SYN_US);
	if (!state->attached)
		snprintf(state->problem, sizeof(state->problem), "%s",
			 program ? strerror(errno) : "this kernel does not load it");
}

/* Those of the mesh, or the others. Returns how many of them are attached. */
static unsigned links_attach(struct attach *a, bool mesh)
{
	unsigned attached = 0;

	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		if (is_mesh(PROGRAMS[i].name) != mesh || is_other_walk(a, i))
			continue;
		if (!a->links[i])
			link_attach(a, i);
		if (a->program_fds[i] < 0)
			a->program_fds[i] = linked_program(a->links[i]);
		attached += a->state[i].attached;
	}
	return attached;
}

static void programs_name(struct attach *a)
{
	for (size_t i = 0; i < PROGRAM_COUNT; i++) {
		if ((!a->mesh && is_mesh(PROGRAMS[i].name)) || is_other_walk(a, i))
			continue;
		a->state[i].name = PROGRAMS[i].name;
		a->state[i].hook = bpf_program__section_name(find(a, PROGRAMS[i].name));
	}
}

/* ---- walking what lives */

/* Reads the walk at |hook| unless it comes in another form here. */
static int walk(struct attach *a, enum hook hook, attach_event_fn event, void *arg)
{
	for (size_t i = 0; i < PROGRAM_COUNT; i++)
		if (PROGRAMS[i].hook == hook && !is_other_walk(a, i))
			return iterator_read(a->links[i], event, arg);
	return 0;
}

int attach_iterate(struct attach *a, attach_event_fn event, void *arg)
{
	int r = walk(a, HOOK_ITER_CONNS, event, arg);

	r = r ? r : walk(a, HOOK_ITER_OWNERS, event, arg);
	return r ? r : walk(a, HOOK_FILES_ALIVE, event, arg);
}

int attach_iterate_endings(struct attach *a, attach_event_fn event, void *arg)
{
	int r = walk(a, a->walks_files ? HOOK_FILES_ENDINGS : HOOK_ITER_ENDINGS, event, arg);

	return r ? r : walk(a, HOOK_ITER_DATAGRAMS, event, arg);
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
	r = start(a, options, err);
	if (r)
		attach_free(a);
	else
		*ret_attach = a;
	return r;
}

bool attach_waits(const struct attach *a)
{
	return a->waits;
}

static bool is_attached(const struct attach *a, const char *name)
{
	for (size_t i = 0; i < PROGRAM_COUNT; i++)
		if (!strcmp(PROGRAMS[i].name, name))
			return a->state[i].attached;
	return false;
}

int attach_take_over(struct attach *a, struct error *err)
{
	if (a->mesh)
		links_attach(a, true);
	if (a->mesh && attach_has(a, "mesh_connect4") && !is_attached(a, "mesh_connect4"))
		return error_set(err, -ENOTSUP, "the mesh cannot be attached");
	a->waits = false;
	handover_end(a);
	if (!a->mesh && a->pins.map_dir[0])
		kept_remove(a->pins.dir);
	return 0;
}

/* Owners are known before policy asks for them. */
int attach_begin(struct attach *a, struct error *err)
{
	unsigned attached;

	handover_begin(a);
	attached = links_attach(a, false);
	walk(a, HOOK_FILES_OWNERS, NULL, NULL); /* of sockets older than the programs */
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

void attach_free(struct attach *a)
{
	if (!a)
		return;
	attach_settings_end(a);
	ring_free(a->ring);
	links_release(a);
	weft_bpf__destroy(a->skeleton);
	for (size_t i = 0; i < PROGRAM_COUNT; i++)
		if (a->program_fds[i] >= 0)
			close(a->program_fds[i]);
	if (a->cgroup_fd >= 0)
		close(a->cgroup_fd);
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
	if (!redirect_sweep(pin_dir))
		mounts_release_bpffs(pin_dir);
	return 0;
}
