// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An array map of pages, written and read through mmap. */
#include "datapath/attach/core/kept.h"

#include "datapath/attach/core/repin.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define NAME	    "kept"
#define ENTRY_BYTES 4096u

static void path_of(const char *pin_dir, const char *name, char out[512])
{
	snprintf(out, 512, "%s/%s", pin_dir, name);
}

static uint64_t round_up(uint64_t size_bytes)
{
	return (size_bytes + ENTRY_BYTES - 1) / ENTRY_BYTES * ENTRY_BYTES;
}

int kept_make(uint64_t size_bytes)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	if (!size_bytes || size_bytes > KEPT_MAX_BYTES)
		return -E2BIG;
	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "weft_kept", sizeof(__u32), ENTRY_BYTES,
			      (__u32)(round_up(size_bytes) / ENTRY_BYTES), &opts);
}

int kept_pin(const char *pin_dir, int fd)
{
	char aside[512], path[512];

	path_of(pin_dir, NAME "-new", aside);
	path_of(pin_dir, NAME, path);
	unlink(aside);
	if (bpf_obj_pin(fd, aside))
		return -errno;
	if (!rename(aside, path))
		return 0;
	unlink(aside);
	return -errno;
}

void kept_repin(const char *pin_dir, int fd, struct repin *r)
{
	char path[512];

	path_of(pin_dir, NAME, path);
	repin_object(r, path, fd);
}

int kept_open(const char *pin_dir, uint64_t *ret_size_bytes)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	char path[512];
	int fd = -1;

	path_of(pin_dir, NAME, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	if (bpf_map_get_info_by_fd(fd, &info, &size) || info.value_size != ENTRY_BYTES) {
		close(fd);
		return -EBADMSG;
	}
	*ret_size_bytes = (uint64_t)info.max_entries * ENTRY_BYTES;
	return fd;
}

void kept_remove(const char *pin_dir)
{
	char path[512];

	path_of(pin_dir, NAME, path);
	unlink(path);
}

void *kept_map(int fd, uint64_t size_bytes)
{
	void *data = mmap(NULL, round_up(size_bytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return data == MAP_FAILED ? NULL : data;
}

void kept_unmap(void *data, uint64_t size_bytes)
{
	if (data)
		munmap(data, round_up(size_bytes));
}
