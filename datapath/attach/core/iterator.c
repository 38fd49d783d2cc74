// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads in pieces of the size that the iterator needs, and splits them into records. */
#include "datapath/attach/core/iterator.h"

#include <linux/types.h>

#include "base/cleanup.h"
#include "bpf/abi.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAP_BYTES (32 * 1024) /* the kernel's maximum for one read */

bool iterator_maps_supported(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_ITER);
	/* r0 = 0; exit */
	const struct bpf_insn code[] = {{.code = 0xb7}, {.code = 0x95}};
	int type = libbpf_find_vmlinux_btf_id("bpf_sk_storage_map", BPF_TRACE_ITER);
	cleanup_close int program = -1;

	if (type < 0)
		return false;
	opts.attach_btf_id = (__u32)type;
	program = bpf_prog_load(BPF_PROG_TYPE_TRACING, NULL, "GPL", code, 2, &opts);
	return program >= 0;
}

struct bpf_link *iterator_attach(struct bpf_program *program, int map_fd)
{
	union bpf_iter_link_info info = {.map.map_fd = (__u32)map_fd};
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);

	if (map_fd >= 0) {
		opts.link_info = &info;
		opts.link_info_len = sizeof(info);
	}
	return bpf_program__attach_iter(program, &opts);
}

/* The size of a read. Large for an iterator over a map: it holds no files, and each read starts at
 * the beginning of its bucket again. */
static size_t read_bytes(const struct bpf_link *link)
{
	struct bpf_link_info info = {0};
	__u32 size = sizeof(info);

	if (bpf_link_get_info_by_fd(bpf_link__fd(link), &info, &size) || !info.iter.map.map_id)
		return WEFT_WALK_BYTES;
	return MAP_BYTES;
}

/* Returns the bytes of complete records; |*ret_on|: whether to continue. */
static size_t records_split(char *data, size_t size, ring_record_fn event, void *arg, bool *ret_on)
{
	size_t at = 0;

	*ret_on = true;
	while (size - at >= sizeof(struct weft_event) && *ret_on) {
		struct weft_event *record = (struct weft_event *)(data + at);
		size_t step = record->size_bytes;

		if (step < sizeof(*record) || step > size - at)
			break;
		*ret_on = record->kind == WEFT_EVENT_PAUSE || !event || !event(arg, record, step);
		at += step;
	}
	return at;
}

int iterator_read(const struct bpf_link *link, ring_record_fn event, void *arg)
{
	cleanup_close int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -ENOENT;
	size_t most = link ? read_bytes(link) : 0, kept = 0;
	cleanup_free char *buffer = malloc(2 * MAP_BYTES);
	bool on = true;
	ssize_t n = 0;

	if (fd < 0 || !buffer)
		return fd < 0 ? fd : -ENOMEM;
	/* EAGAIN: a million objects without output (bpf_seq_read) */
	while (on && ((n = read(fd, buffer + kept, most)) > 0 || (n < 0 && errno == EAGAIN))) {
		size_t size = kept + (n > 0 ? (size_t)n : 0);
		size_t used = records_split(buffer, size, event, arg, &on);

		kept = size - used;
		if (kept > MAP_BYTES)
			return -EPROTO;
		memmove(buffer, buffer + used, kept);
	}
	return on && n < 0 ? -errno : 0;
}
