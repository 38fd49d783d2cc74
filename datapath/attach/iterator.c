// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reading, cut into records. */
#include "datapath/attach/iterator.h"

#include "base/cleanup.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#define READ_BYTES (64 * 1024)
#define PASS_BYTES 4

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

/* The iterators write whole records, and a read returns whole records. Returns whether to go on. */
static bool records_split(void *data, size_t size, attach_event_fn event, void *arg)
{
	struct weft_event *record = data;

	while (size >= sizeof(*record) && record->size_bytes >= sizeof(*record) &&
	       record->size_bytes <= size) {
		size_t step = record->size_bytes;

		if (event(arg, record, step))
			return false;
		size -= step;
		record = (struct weft_event *)((char *)record + step);
	}
	return true;
}

int iterator_read(struct bpf_link *link, attach_event_fn event, void *arg)
{
	cleanup_close int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -ENOENT;
	cleanup_free char *buffer = malloc(READ_BYTES);
	ssize_t n;

	if (fd < 0 || !buffer)
		return fd < 0 ? fd : -ENOMEM;
	/* EAGAIN: it went over a million of objects and had nothing to write (bpf_seq_read) */
	while ((n = read(fd, buffer, READ_BYTES)) > 0 || (n < 0 && errno == EAGAIN))
		if (n > 0 && event && !records_split(buffer, (size_t)n, event, arg))
			return 0;
	return n < 0 ? -errno : 0;
}

int iterator_pass(const struct bpf_link *link)
{
	cleanup_close int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -ENOENT;
	char said[PASS_BYTES];
	ssize_t n;

	if (fd < 0)
		return fd;
	while ((n = read(fd, said, sizeof(said))) > 0)
		;
	return n < 0 ? -errno : 0;
}
