// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* PERF_RECORD_MMAP2 of every CPU. */
#include "datapath/attach/tls/mapping_events.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/loop.h"

#define RING_PAGES	 16 /* a power of two: about 500 mappings per CPU */
#define RECORD_MAX_BYTES 8192

/* PERF_RECORD_MMAP2: include/uapi/linux/perf_event.h */
struct mmap2_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t address, length, page_offset;
	uint32_t major, minor;
	uint64_t inode, generation;
	uint32_t protection, flags;
	char path[];
};

struct lost_record {
	struct perf_event_header header;
	uint64_t id, lost;
};

struct ring {
	int fd; /* -1: CPU is offline */
	struct perf_event_mmap_page *page;
};

struct mapping_events {
	int epoll_fd;
	unsigned ring_count;
	size_t page_bytes;
	struct ring *rings;
	uint64_t record[RECORD_MAX_BYTES / 8];
};

static size_t ring_bytes(const struct mapping_events *m)
{
	return RING_PAGES * m->page_bytes;
}

static int open_event(int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.sample_period = 1,
		.mmap = 1,
		.mmap2 = 1,
		.watermark = 1,
		.wakeup_watermark = 1,
		.exclude_kernel = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int open_ring(struct mapping_events *m, unsigned cpu, struct error *err)
{
	struct ring *r = &m->rings[cpu];
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = cpu};
	int fd = open_event((int)cpu);
	void *page;

	if (fd == -ENODEV || fd == -ENXIO)
		return 0;
	if (fd == -EACCES || fd == -EPERM)
		return error_set(err, fd,
				 "cannot see which libraries are mapped: this kernel attaches no "
				 "BPF program there, and refuses perf events (%s): CAP_PERFMON is "
				 "needed, or CAP_SYS_ADMIN where kernel.perf_event_paranoid is 3",
				 strerror(-fd));
	if (fd < 0)
		return error_set(err, fd, "cannot watch mappings on CPU %u: %s", cpu,
				 strerror(-fd));
	r->fd = fd;
	page = mmap(NULL, m->page_bytes + ring_bytes(m), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return error_set(err, -errno, "cannot map the events of CPU %u: %s", cpu,
				 strerror(errno));
	r->page = page;
	if (epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, fd, &ev))
		return error_set(err, -errno, "cannot wait for events: %s", strerror(errno));
	return 0;
}

static struct mapping_events *allocate(void)
{
	struct mapping_events *m = calloc(1, sizeof(*m));
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	if (!m)
		return NULL;
	m->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	m->epoll_fd = loop_new();
	m->ring_count = cpus > 0 ? (unsigned)cpus : 1;
	m->rings = calloc(m->ring_count, sizeof(*m->rings));
	if (!m->rings || m->epoll_fd < 0) {
		m->ring_count = 0;
		mapping_events_free(m);
		return NULL;
	}
	for (unsigned i = 0; i < m->ring_count; i++)
		m->rings[i].fd = -1;
	return m;
}

int mapping_events_new(struct mapping_events **ret, struct error *err)
{
	struct mapping_events *m = allocate();
	int r = 0;

	if (!m)
		return error_set(err, -ENOMEM, "cannot watch mappings: no memory");
	for (unsigned cpu = 0; cpu < m->ring_count && !r; cpu++)
		r = open_ring(m, cpu, err);
	if (r)
		mapping_events_free(m);
	else
		*ret = m;
	return r;
}

void mapping_events_free(struct mapping_events *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < m->ring_count; i++) {
		if (m->rings[i].page)
			munmap(m->rings[i].page, m->page_bytes + ring_bytes(m));
		cleanup_close_fd(&m->rings[i].fd);
	}
	cleanup_close_fd(&m->epoll_fd);
	free(m->rings);
	free(m);
}

int mapping_events_fd(const struct mapping_events *m)
{
	return m->epoll_fd;
}

/* Copies |size_bytes| from ring position |at|, around its end where needed. */
static void ring_copy(const struct mapping_events *m, const struct ring *r, uint64_t at, void *to,
		      size_t size_bytes)
{
	const char *data = (const char *)r->page + m->page_bytes;
	size_t start = at & (ring_bytes(m) - 1);
	size_t first = ring_bytes(m) - start;

	if (first > size_bytes)
		first = size_bytes;
	memcpy(to, data + start, first);
	memcpy((char *)to + first, data, size_bytes - first);
}

/* Processes the record in m->record; returns the number of events that it reports as lost. */
static uint64_t handle_record(struct mapping_events *m, mapping_visit *visit, void *arg)
{
	struct perf_event_header *h = (void *)m->record;
	const struct mmap2_record *r = (void *)m->record;

	if (h->type == PERF_RECORD_LOST && h->size >= sizeof(struct lost_record))
		return ((struct lost_record *)h)->lost;
	if (h->type != PERF_RECORD_MMAP2 || h->size <= sizeof(*r))
		return 0;
	((char *)h)[h->size - 1] = 0;
	if (r->path[0] == '/')
		visit(arg, &(struct mapping){
				   .pid = r->pid,
				   .start = r->address,
				   .end = r->address + r->length,
				   .device_major = r->major,
				   .device_minor = r->minor,
				   .inode = r->inode,
				   .generation = r->generation,
				   .path = r->path,
			   });
	return 0;
}

static uint64_t ring_handle(struct mapping_events *m, struct ring *r, mapping_visit *visit,
			    void *arg)
{
	uint64_t head = __atomic_load_n(&r->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = r->page->data_tail, lost = 0;

	while (tail < head) {
		struct perf_event_header h;

		ring_copy(m, r, tail, &h, sizeof(h));
		if (h.size < sizeof(h)) { /* never seen; there is no next record */
			h.size = sizeof(h);
			lost++;
		}
		if (h.size <= sizeof(m->record)) {
			ring_copy(m, r, tail, m->record, h.size);
			lost += handle_record(m, visit, arg);
		} else {
			lost++;
		}
		tail += h.size;
		__atomic_store_n(&r->page->data_tail, tail, __ATOMIC_RELEASE);
	}
	return lost;
}

uint64_t mapping_events_handle(struct mapping_events *m, mapping_visit *visit, void *arg)
{
	struct epoll_event ready[16];
	uint64_t lost = 0;

	while (epoll_wait(m->epoll_fd, ready, 16, 0) == 16)
		;
	for (unsigned i = 0; i < m->ring_count; i++)
		if (m->rings[i].page)
			lost += ring_handle(m, &m->rings[i], visit, arg);
	return lost;
}
