// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The link of code_mapped, its ring and the count of lost records. */
#include "datapath/attach/tls/mapping_trace.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/types.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/abi.h"
#include "datapath/attach/core/ring.h"

struct mapping_trace {
	struct bpf_link *link;
	struct ring *ring;
	int ring_fd;
	int lost_fd;
	uint64_t lost; /* at the last read */
	mapping_visit *visit;
	void *arg;
};

/* r0 = 0; exit. It is attached for a moment, as some kernels load such a program and cannot attach
 * it. */
bool mapping_trace_supported(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, load, .expected_attach_type = BPF_TRACE_FENTRY);
	const struct bpf_insn code[] = {{.code = 0xb7}, {.code = 0x95}};
	int function = libbpf_find_vmlinux_btf_id("perf_event_mmap", BPF_TRACE_FENTRY);
	cleanup_close int program = -1, link = -1;

	if (function <= 0)
		return false;
	load.attach_btf_id = (__u32)function;
	program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "weft_probe", "GPL", code, 2, &load);
	if (program >= 0)
		link = bpf_raw_tracepoint_open(NULL, program);
	return link >= 0;
}

static uint64_t lost_read(const struct mapping_trace *t)
{
	uint32_t zero = 0;
	uint64_t lost = 0;

	return bpf_map_lookup_elem(t->lost_fd, &zero, &lost) ? t->lost : lost;
}

int mapping_trace_new(const struct mappings_source *source, struct mapping_trace **ret,
		      struct error *err)
{
	struct mapping_trace *t;
	int r;

	if (!source->program || bpf_program__fd(source->program) < 0)
		return error_set(err, -ENOENT, "code_mapped is not loaded");
	t = calloc(1, sizeof(*t));
	if (!t)
		return error_set(err, -ENOMEM, "no memory");
	t->ring_fd = source->ring_fd;
	t->lost_fd = source->lost_fd;
	r = ring_new(t->ring_fd, WEFT_MAPPED_RING_BYTES, sizeof(struct weft_mapping), &t->ring);
	if (!r) {
		t->lost = lost_read(t);
		t->link = bpf_program__attach(source->program);
		r = t->link ? 0 : -errno;
	}
	if (r) {
		mapping_trace_free(t);
		return error_set(err, r, "cannot watch mappings: %s", strerror(-r));
	}
	*ret = t;
	return 0;
}

void mapping_trace_free(struct mapping_trace *t)
{
	if (!t)
		return;
	bpf_link__destroy(t->link);
	ring_free(t->ring);
	free(t);
}

int mapping_trace_fd(const struct mapping_trace *t)
{
	return t->ring_fd;
}

/* ring_record_fn */
static int deliver(void *arg, void *record, size_t size_bytes)
{
	const struct weft_mapping *r = record;
	struct mapping_trace *t = arg;
	struct mapping m;

	if (size_bytes < sizeof(*r))
		return 0;
	m = (struct mapping){
		.pid = r->pid,
		.start = r->start,
		.end = r->end,
		.device_major = r->device_major,
		.device_minor = r->device_minor,
		.inode = r->inode,
		.generation = r->generation,
		.path = r->name,
	};
	t->visit(t->arg, &m);
	return 0;
}

uint64_t mapping_trace_handle(struct mapping_trace *t, mapping_visit *visit, void *arg)
{
	uint64_t before = t->lost;

	t->visit = visit;
	t->arg = arg;
	ring_consume(t->ring, deliver, t);
	t->lost = lost_read(t);
	return t->lost - before;
}
