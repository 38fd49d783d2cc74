// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Executable mappings as they happen, from the source that works here, and from /proc. */
#include "datapath/attach/tls/mappings.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "datapath/attach/core/local_files.h"
#include "datapath/attach/tls/mapping_events.h"
#include "datapath/attach/tls/mapping_trace.h"

/* Exactly one of the two is set. */
struct mappings {
	struct mapping_trace *trace;
	struct mapping_events *events;
};

int mappings_new(const struct mappings_source *source, struct mappings **ret, struct error *err)
{
	struct mappings *m = calloc(1, sizeof(*m));
	struct error ignored;
	int r = 0;

	if (!m)
		return error_set(err, -ENOMEM, "cannot watch mappings: no memory");
	if (mapping_trace_new(source, &m->trace, &ignored))
		r = mapping_events_new(&m->events, err);
	if (r)
		mappings_free(m);
	else
		*ret = m;
	return r;
}

void mappings_free(struct mappings *m)
{
	if (!m)
		return;
	mapping_trace_free(m->trace);
	mapping_events_free(m->events);
	free(m);
}

int mappings_fd(const struct mappings *m)
{
	return m->trace ? mapping_trace_fd(m->trace) : mapping_events_fd(m->events);
}

uint64_t mappings_handle(struct mappings *m, mapping_visit *visit, void *arg)
{
	return m->trace ? mapping_trace_handle(m->trace, visit, arg)
			: mapping_events_handle(m->events, visit, arg);
}

/* One line of /proc/PID/maps: "start-end perms offset major:minor inode   path". */
static bool parse_line(char *line, struct mapping *m)
{
	char permissions[5];
	int path_at = 0;

	line[strcspn(line, "\n")] = 0;
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %x:%x %" SCNu64 " %n", &m->start, &m->end,
		   permissions, &m->device_major, &m->device_minor, &m->inode, &path_at) < 6)
		return false;
	m->path = line + path_at;
	return path_at && permissions[2] == 'x' && m->path[0] == '/';
}

/* The length of the prefix that paths of a process with another root have. */
static size_t root_bytes(uint32_t pid, char out[PATH_MAX])
{
	char name[32];
	ssize_t n;

	snprintf(name, sizeof(name), "/proc/%u/root", pid);
	n = readlink(name, out, PATH_MAX);
	return n > 1 && n < PATH_MAX ? (size_t)n : 0;
}

/* The kernel writes paths relative to the root of the reader, or of the mount namespace if the
 * reader is in another one: |visit| gets them relative to the root of the process. */
void mappings_scan_process(uint32_t pid, mapping_visit *visit, void *arg)
{
	char name[32], root[PATH_MAX], *line cleanup_free = NULL;
	size_t skip = root_bytes(pid, root);
	FILE *maps cleanup_fclose = NULL;
	size_t size = 0;

	snprintf(name, sizeof(name), "/proc/%u/maps", pid);
	maps = fopen(name, "re");
	if (!maps)
		return;
	while (getline(&line, &size, maps) > 0) {
		struct mapping m = {.pid = pid};

		if (!parse_line(line, &m))
			continue;
		if (skip && !strncmp(m.path, root, skip) && m.path[skip] == '/')
			m.path += skip;
		visit(arg, &m);
	}
}

struct place {
	uint64_t address;
	char *out;
	size_t size;
	bool found;
};

/* mapping_visit */
static void place_match(void *arg, const struct mapping *m)
{
	struct place *p = arg;

	if (p->address < m->start || p->address >= m->end)
		return;
	snprintf(p->out, p->size, "%s", m->path);
	p->found = true;
}

int mapping_find_path(const struct mapping *m, char *out, size_t size)
{
	struct place p = {.address = m->start, .out = out, .size = size};

	mappings_scan_process(m->pid, place_match, &p);
	return p.found ? 0 : -ENOENT;
}

int mappings_scan(mapping_visit *visit, void *arg)
{
	DIR *proc cleanup_closedir = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		return -errno;
	while ((entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			mappings_scan_process((uint32_t)strtoul(entry->d_name, NULL, 10), visit,
					      arg);
	return 0;
}

void mapping_program(const struct mapping *m, char *out, size_t size)
{
	char name[32];
	int fd cleanup_close = -1;
	ssize_t n = 0;

	snprintf(name, sizeof(name), "/proc/%u/comm", m->pid);
	if (m->end)
		fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, out, size - 1);
	out[n > 0 ? n : 0] = 0;
	out[strcspn(out, "\n")] = 0;
}

int mapping_open(struct local_files *local, const struct mapping *m)
{
	int fd cleanup_close = local_files_open_mapped(local, m->pid, m->start, m->end,
						       m->device_major, m->device_minor);
	struct stat st;

	if (fd >= 0 || fd == -EREMOTE || fd == -EINVAL)
		return take_fd(&fd);
	fd = local_files_open(local, m->pid, m->path);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st))
		return -errno;
	/* the file at the path may have been replaced */
	return !m->inode || st.st_ino == m->inode ? take_fd(&fd) : -ENOENT;
}
