// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* uprobe_multi links if the kernel has them, else perf-event uprobes. */
#include "datapath/attach/tls/uprobe_links.h"

#include "datapath/attach/core/repin.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "datapath/attach/core/features.h"
#include "datapath/attach/core/uapi.h"

#define PROGRAM_MAPS_MAX 64

bool uprobe_multi_supported(void)
{
	return !features_uprobe_multi();
}

static bool is_loaded(const struct bpf_program *program)
{
	return program && bpf_program__fd(program) >= 0;
}

static struct bpf_program *loaded_program(const struct uprobe_programs *programs)
{
	if (is_loaded(programs->multi))
		return programs->multi;
	return is_loaded(programs->single) ? programs->single : NULL;
}

static struct bpf_link *attach_all(const struct bpf_program *program, const char *path,
				   const struct uprobe_places *places)
{
	unsigned long offsets[UPROBE_PLACES_MAX];
	__u64 cookies[UPROBE_PLACES_MAX];
	LIBBPF_OPTS(bpf_uprobe_multi_opts, multi, .offsets = offsets, .cookies = cookies,
		    .cnt = places->count);

	for (unsigned i = 0; i < places->count; i++) {
		offsets[i] = places->offsets[i];
		cookies[i] = places->cookie;
	}
	return bpf_program__attach_uprobe_multi(program, -1, path, NULL, &multi);
}

unsigned uprobe_link_count(const struct uprobe_programs *programs,
			   const struct uprobe_places *places)
{
	return is_loaded(programs->multi) ? 1 : places->count;
}

int uprobe_link_attach(const struct uprobe_programs *programs, int fd,
		       const struct uprobe_places *places, unsigned number, struct bpf_link **ret,
		       struct error *err)
{
	LIBBPF_OPTS(bpf_uprobe_opts, single, .bpf_cookie = places->cookie);
	struct bpf_link *link;
	char path[32];
	bool refused;

	if (!loaded_program(programs))
		return error_set(err, -EINVAL, "no program to attach");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (is_loaded(programs->multi))
		link = attach_all(programs->multi, path, places);
	else
		link = bpf_program__attach_uprobe_opts(programs->single, -1, path,
						       places->offsets[number], &single);
	*ret = link;
	if (link)
		return 0;
	refused = (errno == EACCES || errno == EPERM) && !is_loaded(programs->multi);
	return error_set(err, -errno, "cannot attach: %s%s", strerror(errno),
			 refused ? "; without uprobe_multi (Linux 6.6) it takes CAP_SYS_ADMIN"
				 : "");
}

static bool program_info(int fd, struct bpf_prog_info *info, uint32_t *maps)
{
	__u32 size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	info->nr_map_ids = PROGRAM_MAPS_MAX;
	info->map_ids = (uintptr_t)maps;
	return fd >= 0 && !bpf_prog_get_info_by_fd(fd, info, &size);
}

static uint32_t find_ring(const struct bpf_prog_info *program, const uint32_t *maps)
{
	for (uint32_t i = 0; i < program->nr_map_ids && i < PROGRAM_MAPS_MAX; i++) {
		struct bpf_map_info info = {0};
		__u32 size = sizeof(info);
		int fd cleanup_close = bpf_map_get_fd_by_id(maps[i]);

		if (fd >= 0 && !bpf_map_get_info_by_fd(fd, &info, &size) &&
		    !strcmp(info.name, "weft_ring"))
			return maps[i];
	}
	return 0;
}

/* Same instructions, same ring. */
static bool is_same_program(int a_fd, int b_fd)
{
	uint32_t a_maps[PROGRAM_MAPS_MAX] = {0}, b_maps[PROGRAM_MAPS_MAX] = {0};
	struct bpf_prog_info a, b;

	if (!program_info(a_fd, &a, a_maps) || !program_info(b_fd, &b, b_maps))
		return false;
	return !memcmp(a.tag, b.tag, sizeof(a.tag)) && find_ring(&a, a_maps) &&
	       find_ring(&a, a_maps) == find_ring(&b, b_maps);
}

static int linked_program(struct bpf_link *link)
{
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);

	if (bpf_link_get_info_by_fd(bpf_link__fd(link), &info, &size))
		return -1;
	return bpf_prog_get_fd_by_id(info.prog_id);
}

int uprobe_link_adopt(const struct uprobe_programs *programs, const char *path,
		      struct bpf_link **ret)
{
	struct bpf_program *wanted = loaded_program(programs);
	struct bpf_link *link = bpf_link__open(path);
	int program cleanup_close = -1;

	if (!link)
		return -ENOENT;
	program = linked_program(link);
	if (!wanted || !is_same_program(program, bpf_program__fd(wanted))) {
		bpf_link__destroy(link);
		return -ESTALE;
	}
	*ret = link;
	return 0;
}

int uprobe_link_pin(struct bpf_link *link, const char *path)
{
	if (unlink(path) && errno != ENOENT)
		return -errno;
	return bpf_link__pin(link, path);
}

void uprobe_link_repin(struct bpf_link *link, struct repin *r)
{
	if (link && bpf_link__pin_path(link))
		repin_object(r, bpf_link__pin_path(link), bpf_link__fd(link));
}

/* libbpf would disable a perf event even if it is pinned. */
static void leave_attached(struct bpf_link *link)
{
	int fd = bpf_link__fd(link);

	bpf_link__disconnect(link);
	bpf_link__destroy(link);
	close(fd);
}

static bool is_multi(struct bpf_link *link)
{
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);

	return !bpf_link_get_info_by_fd(bpf_link__fd(link), &info, &size) &&
	       info.type == UAPI_LINK_TYPE_UPROBE_MULTI;
}

/* The kernel takes 30 to 120 ms to remove a probe; it does so in the background if the pin is the
 * last reference. */
static void remove_pinned(struct bpf_link *link)
{
	char path[512];

	snprintf(path, sizeof(path), "%s", bpf_link__pin_path(link));
	if (is_multi(link)) {
		leave_attached(link);
		unlink(path);
		return;
	}
	unlink(path);
	bpf_link__destroy(link);
}

void uprobe_link_close(struct bpf_link *link, bool keep)
{
	if (!link)
		return;
	if (!bpf_link__pin_path(link))
		bpf_link__destroy(link);
	else if (keep)
		leave_attached(link);
	else
		remove_pinned(link);
}
