// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From mapping to probe: filter, open, look up, select the instruction, attach. */
#include "datapath/attach/tls/libraries.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/descriptors.h"
#include "base/loop.h"
#include "base/seed.h"
#include "base/table.h"
#include "datapath/attach/tls/library_foreign.h"
#include "datapath/attach/tls/library_names.h"
#include "datapath/attach/tls/library_probe.h"
#include "datapath/attach/core/local_files.h"
#include "datapath/attach/tls/mappings.h"
#include "datapath/attach/tls/stack_files.h"
#include "datapath/attach/tls/uprobe_links.h"

#define SEEN_MAX 8192

struct bpf_link;

struct file {
	struct library shown; /* its first fields are the key */
	struct bpf_link *links[UPROBE_PLACES_MAX];
	int watch; /* inotify, -1 = none */
	int fd; /* of files without a probe: keeps the inode number from being reused. -1 = none */
	uint64_t cover[2]; /* key of the file that is probed instead */
	bool gone;	   /* removed from its path */
	bool used;
};

struct libraries {
	struct uprobe_programs derives;
	struct uprobe_programs logs;
	char *pin_dir;
	struct local_files *local;
	struct stat own; /* the program itself */
	struct mappings *mappings;
	bool again;	    /* see libraries_retry */
	bool later;	    /* the current file has to be retried */
	struct table *seen; /* struct mapping_inode: mapped files that need not be examined again */
	struct table *files; /* struct file */
	struct stack_files *stacks;
	struct library_foreign foreign;
	int inotify_fd;
	int epoll_fd;
	struct library_dirs dirs;
	bool sweep_due;	  /* a file was added since the last sweep */
	bool uncover_due; /* a file that covered others is gone */
	bool scan_due;	  /* a scan has to replace it at once */
	bool cover_none;  /* a process uses TLS with a libcrypto that may be covered */
	struct library_counts counts;
};

/* ---- construction ---- */

static int build(struct libraries *l, const struct libraries_options *options, struct error *err)
{
	int r;

	l->derives = options->derives;
	l->logs = options->logs;
	l->cover_none = !l->logs.multi && !l->logs.single;
	l->seen = table_new(SEEN_MAX, sizeof(struct mapping_inode), sizeof(struct mapping_inode),
			    seed_random());
	l->files =
		table_new(LIBRARIES_MAX, sizeof(struct file), 2 * sizeof(uint64_t), seed_random());
	if (options->pin_dir)
		l->pin_dir = strdup(options->pin_dir);
	if (!l->seen || !l->files || (options->pin_dir && !l->pin_dir))
		return error_set(err, -ENOMEM, "no memory for the table of libraries");
	if (stat("/proc/self/exe", &l->own))
		l->own.st_ino = 0;
	l->epoll_fd = loop_new();
	l->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (l->epoll_fd < 0 || l->inotify_fd < 0)
		return error_set(err, -errno, "cannot watch libraries: %s", strerror(errno));
	r = local_files_new(&l->local, err);
	r = r ? r : mappings_new(&options->mappings, &l->mappings, err);
	r = r ? r : stack_files_new(seed_random(), l->local, &l->stacks, err);
	if (r)
		return r;
	/* Attaching takes 10 to 20 ms, in which a small client can finish its first handshake. So
	 * libraries in library_dirs are probed when the first program of a file system starts (a
	 * new dynamic loader is mapped), and when they are replaced. */
	library_dirs_watch(&l->dirs, l->local, l->inotify_fd);
	r = loop_watch(l->epoll_fd, mappings_fd(l->mappings));
	r = r ? r : loop_watch(l->epoll_fd, stack_files_fd(l->stacks));
	r = r ? r : loop_watch(l->epoll_fd, l->inotify_fd);
	return r ? error_set(err, r, "cannot watch libraries: %s", strerror(-r)) : 0;
}

int libraries_new(const struct libraries_options *options, struct libraries **ret,
		  struct error *err)
{
	struct libraries *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return error_set(err, -ENOMEM, "no memory for the table of libraries");
	l->epoll_fd = l->inotify_fd = -1;
	r = build(l, options, err);
	if (r)
		libraries_free(l, false);
	else
		*ret = l;
	return r;
}

/* ---- files ---- */

static void seen_add(struct libraries *l, const struct mapping *m)
{
	struct mapping_inode inode = mapping_inode_of(m);

	table_use(l->seen, &inode);
}

/* All files are examined again: rare, when known facts have changed. */
static void seen_forget(struct libraries *l)
{
	void *oldest;

	while ((oldest = table_oldest(l->seen)))
		table_remove(l->seen, oldest);
}

static void file_drop(struct libraries *l, struct file *f, bool keep)
{
	if (f->watch >= 0)
		inotify_rm_watch(l->inotify_fd, f->watch);
	cleanup_close_fd(&f->fd);
	l->uncover_due |= library_probe_is_log(&f->shown);
	for (unsigned i = 0; i < UPROBE_PLACES_MAX; i++)
		uprobe_link_close(f->links[i], keep);
	table_remove(l->files, f);
}

static struct file *file_add(struct libraries *l, const struct mapping *m, const struct stat *st)
{
	const uint64_t key[2] = {st->st_dev, st->st_ino};
	struct file *f;

	if (table_count(l->files) == table_capacity(l->files)) {
		l->counts.evicted++;
		file_drop(l, table_oldest(l->files), false);
		seen_forget(l);
	}
	f = table_insert(l->files, key);
	if (!f)
		return NULL;
	f->watch = f->fd = -1;
	f->shown.pid = m->pid;
	snprintf(f->shown.path, sizeof(f->shown.path), "%s", m->path);
	mapping_program(m, f->shown.program, sizeof(f->shown.program));
	return f;
}

/* ---- probing ---- */

static void file_refuse(struct libraries *l, const struct mapping *m, const struct stat *st,
			const char *reason, const struct error *err)
{
	struct file *f = file_add(l, m, st);

	if (!f)
		return;
	f->shown.state = LIBRARY_UNSUPPORTED;
	if (err->code == -ENOENT)
		snprintf(f->shown.reason, sizeof(f->shown.reason), "%s", reason);
	else
		snprintf(f->shown.reason, sizeof(f->shown.reason), "%.120s", err->text);
}

static struct file *file_find(struct libraries *l, int fd, struct stat *st)
{
	uint64_t key[2];

	if (fstat(fd, st))
		return NULL;
	key[0] = st->st_dev;
	key[1] = st->st_ino;
	return table_find(l->files, key);
}

static void examine(struct libraries *l, const struct mapping *m, int fd);

/* Examines the file next to |m|'s, which is |st|, whose name has |to| in place of |from|: as the
 * process sees it, or, if that has ended, as the host does. Returns its entry, or NULL. */
static struct file *examine_beside(struct libraries *l, const struct mapping *m,
				   const struct stat *st, const char *from, const char *to)
{
	struct mapping beside = {.pid = m->pid};
	int fd cleanup_close = -1;
	char path[320];
	struct stat found;

	if (!openssl_path_beside(m->path, from, to, path))
		return NULL;
	if (!local_files_is_at(l->local, m->pid, m->path, st->st_dev, st->st_ino) &&
	    local_files_is_at(l->local, l->dirs.host_pid, m->path, st->st_dev, st->st_ino))
		beside.pid = l->dirs.host_pid;
	beside.path = path;
	fd = local_files_open(l->local, beside.pid, path);
	if (fd < 0)
		return NULL;
	examine(l, &beside, fd);
	return file_find(l, fd, &found);
}

/* Stores the key of the libssl in which a probe sees the secrets that are derived in this file. */
static void find_cover(struct libraries *l, const struct mapping *m, const struct stat *st,
		       uint64_t ret[2])
{
	struct file *log =
		l->cover_none ? NULL : examine_beside(l, m, st, LIBRARY_CRYPTO, LIBRARY_SSL);

	if (!log || !library_probe_is_log(&log->shown) || log->shown.state != LIBRARY_PROBED)
		return;
	ret[0] = log->shown.device;
	ret[1] = log->shown.inode;
}

/* A libssl without a known key log site: the libcrypto that it uses must be probed. That is next to
 * it, or any if there is none. */
static void uncover_for(struct libraries *l, const struct mapping *m, const struct stat *st)
{
	struct file *crypto = examine_beside(l, m, st, LIBRARY_SSL, LIBRARY_CRYPTO);

	if (l->cover_none || (crypto && crypto->shown.state != LIBRARY_COVERED))
		return;
	l->uncover_due = l->scan_due = true;
	if (crypto)
		memset(crypto->cover, 0, sizeof(crypto->cover));
	else
		l->cover_none = true;
}

/* Probes |f|, or marks it as covered by another file. */
static void file_take(struct libraries *l, int fd, const struct openssl_place *place,
		      struct file *f)
{
	const struct uprobe_programs *programs = &l->derives;
	struct error err = {0};
	int r;

	f->shown.place = *place;
	if (table_find(l->files, f->cover) || !place->symbol) {
		f->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		f->shown.state = LIBRARY_COVERED;
		snprintf(f->shown.reason, sizeof(f->shown.reason), "its secrets are seen in %s",
			 place->symbol ? "the libssl beside it" : "the libcrypto that it uses");
		return;
	}
	l->sweep_due = true;
	if (library_probe_is_log(&f->shown))
		programs = &l->logs;
	r = library_probe_attach(programs, l->pin_dir, fd, &f->shown, f->links, &err);
	if (r < 0) {
		f->shown.state = LIBRARY_FAILED;
		snprintf(f->shown.reason, sizeof(f->shown.reason), "%.120s", err.text);
		return;
	}
	l->counts.adopted += r;
	l->counts.probed++;
	f->shown.state = LIBRARY_PROBED;
}

static void examine_new(struct libraries *l, const struct mapping *m, int fd, const struct stat *st)
{
	/* Watches the file before it is read: if code is rewritten in place, the probed instruction
	 * is lost. */
	int watch = library_watch(l->inotify_fd, fd, IN_MODIFY);
	struct openssl_place place;
	struct error err = {0};
	uint64_t cover[2] = {0};
	char reason[128];
	struct stat again;
	struct file *f;

	l->counts.examined++;
	if (openssl_place_find(fd, &place, &err)) {
		if (watch >= 0)
			inotify_rm_watch(l->inotify_fd, watch);
		if (library_name_reason(m->path, reason))
			file_refuse(l, m, st, reason, &err);
		if (!stack_files_add(l->stacks, fd, m))
			l->again = l->later = true;
		return;
	}
	if (place.kind == OPENSSL_LOGS && l->cover_none)
		place = (struct openssl_place){.kind = OPENSSL_USES};
	if (place.kind == OPENSSL_DERIVES)
		find_cover(l, m, st, cover);
	if (file_find(l, fd, &again)) /* examined meanwhile as the file next to another */
		return;
	f = file_add(l, m, st);
	if (!f)
		return;
	f->watch = watch;
	memcpy(f->cover, cover, sizeof(cover));
	file_take(l, fd, &place, f);
	if (place.kind == OPENSSL_USES)
		uncover_for(l, m, st);
}

static void examine(struct libraries *l, const struct mapping *m, int fd)
{
	struct stat st = {0};

	if (!file_find(l, fd, &st) && st.st_ino)
		examine_new(l, m, fd, &st);
}

static void examine_path(struct libraries *l, uint32_t pid, const char *dir, const char *name)
{
	int fd cleanup_close = -1;
	struct mapping m = {.pid = pid};
	char path[320];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	m.path = path;
	fd = local_files_open(l->local, pid, path);
	if (fd >= 0)
		examine(l, &m, fd);
}

/* Handles a file |m| that cannot be opened. */
static void look_away(struct libraries *l, const struct mapping *m, int error)
{
	const char *type = local_files_refused(l->local);

	if (error != -EREMOTE) {
		l->counts.gone++;
		return;
	}
	l->counts.foreign++;
	library_foreign_note(&l->foreign, m, type);
	if (type[0])
		seen_add(l, m);
}

static void look_into(struct libraries *l, const struct mapping *m)
{
	int fd cleanup_close = -1;

	if (library_name_is_loader(m->path)) {
		for (size_t i = 0; i < LIBRARY_DIRS; i++)
			examine_path(l, m->pid, library_dirs[i], LIBRARY_CRYPTO_3);
		seen_add(l, m);
		return;
	}
	fd = mapping_open(l->local, m);
	if (fd < 0) {
		look_away(l, m, fd);
		return;
	}
	examine(l, m, fd);
	if (!l->later)
		seen_add(l, m);
	l->later = false;
}

/* It has the texts by which a program that makes TLS is recognized, and makes none. */
static bool is_own(const struct libraries *l, const struct mapping *m)
{
	return m->inode && m->inode == l->own.st_ino &&
	       makedev(m->device_major, m->device_minor) == l->own.st_dev;
}

/* mapping_visit: one executable mapping, at start or as it happens. */
static void meet(void *arg, const struct mapping *m)
{
	struct libraries *l = arg;
	struct mapping whole = *m;
	struct mapping_inode inode = mapping_inode_of(m);
	char path[PATH_MAX];

	l->counts.mappings++;
	if (m->end - m->start < LIBRARY_CODE_MIN_BYTES && !library_name_matters(m->path))
		return;
	stack_files_meet(l->stacks, m);
	if (is_own(l, m))
		return;
	if (table_find(l->seen, &inode)) {
		seen_add(l, m);
		return;
	}
	if (!descriptors_spare()) {
		l->again = true;
		return;
	}
	if (m->path[0] != '/') {
		int r = local_files_judge(l->local, m->pid, m->device_major, m->device_minor);

		r = r ? r : mapping_find_path(m, path, sizeof(path));
		if (r) {
			look_away(l, m, r);
			return;
		}
		whole.path = path;
	}
	look_into(l, &whole);
}

/* ---- unused files */

/* mapping_visit. When in doubt a file counts as used. */
static void mark_used(void *arg, const struct mapping *m)
{
	struct libraries *l = arg;

	for (struct file *f = table_oldest(l->files); f; f = table_next(l->files, f))
		if (f->shown.inode == m->inode ||
		    !strncmp(f->shown.path, m->path, strlen(f->shown.path)))
			f->used = true;
}

/* Releases files that are deleted and not mapped: a probe holds its file, so that it would keep its
 * disk space. */
static void sweep(struct libraries *l)
{
	struct file *next;
	unsigned gone = 0;

	l->sweep_due = false;
	for (struct file *f = table_oldest(l->files); f; f = table_next(l->files, f)) {
		const struct library *lib = &f->shown;

		f->gone =
			!local_files_is_at(l->local, l->dirs.host_pid, lib->path, lib->device,
					   lib->inode) &&
			!local_files_is_at(l->local, lib->pid, lib->path, lib->device, lib->inode);
		f->used = false;
		gone += f->gone;
	}
	if (!gone || mappings_scan(mark_used, l))
		return;
	for (struct file *f = table_oldest(l->files); f; f = next) {
		next = table_next(l->files, f);
		if (!f->gone || f->used)
			continue;
		l->counts.released++;
		file_drop(l, f, false);
	}
	seen_forget(l);
}

/* Files that are no longer covered are examined again at their next mapping. */
static void uncover(struct libraries *l)
{
	struct file *next;

	l->uncover_due = false;
	for (struct file *f = table_oldest(l->files); f; f = next) {
		next = table_next(l->files, f);
		if (f->shown.state == LIBRARY_COVERED &&
		    (l->cover_none || !table_find(l->files, f->cover)))
			file_drop(l, f, false);
	}
	seen_forget(l);
	if (l->scan_due) {
		l->scan_due = false;
		mappings_scan(meet, l);
	}
}

/* ---- events ---- */

static void file_rewritten(struct libraries *l, int watch)
{
	for (struct file *f = table_oldest(l->files); f; f = table_next(l->files, f)) {
		if (f->watch != watch)
			continue;
		l->counts.rewritten++;
		file_drop(l, f, false);
		seen_forget(l);
		return;
	}
}

static void handle_changes(struct libraries *l)
{
	char buffer[4096] __attribute__((aligned(8)));
	const struct inotify_event *ev;
	const char *dir;
	ssize_t n;

	while ((n = read(l->inotify_fd, buffer, sizeof(buffer))) > 0) {
		for (char *at = buffer; at < buffer + n; at += sizeof(*ev) + ev->len) {
			ev = (const struct inotify_event *)at;
			dir = ev->len ? library_dirs_find(&l->dirs, ev->wd, ev->name) : NULL;
			if (ev->mask & IN_MODIFY)
				file_rewritten(l, ev->wd);
			else if (dir) /* moved or written there */
				examine_path(l, l->dirs.host_pid, dir, ev->name);
		}
	}
}

void libraries_handle(struct libraries *l)
{
	uint64_t lost;

	handle_changes(l);
	stack_files_handle(l->stacks);
	lost = mappings_handle(l->mappings, meet, l);
	l->counts.lost += lost;
	if (lost)
		mappings_scan(meet, l);
	if (l->sweep_due)
		sweep(l);
	if (l->uncover_due)
		uncover(l);
}

int libraries_fd(const struct libraries *l)
{
	return l->epoll_fd;
}

/* ---- pins ---- */

/* library_pin_is_used */
static bool pin_is_used(void *arg, const char *name)
{
	struct libraries *l = arg;

	for (struct file *f = table_oldest(l->files); f; f = table_next(l->files, f))
		if (library_probe_is_pin(&f->shown, name))
			return true;
	return false;
}

int libraries_scan(struct libraries *l)
{
	int r = mappings_scan(meet, l);

	if (l->uncover_due)
		uncover(l);
	/* A library that no process maps needs no probe: a later mapping is seen. */
	if (!r && l->pin_dir)
		library_probe_unpin(l->pin_dir, pin_is_used, l);
	return r;
}

void libraries_retry(struct libraries *l)
{
	if (!l->again || !descriptors_spare())
		return;
	l->again = false;
	mappings_scan(meet, l);
}

void libraries_repin(const struct libraries *l, struct repin *r)
{
	for (struct file *f = table_oldest(l->files); f; f = table_next(l->files, f))
		for (unsigned i = 0; i < UPROBE_PLACES_MAX; i++)
			uprobe_link_repin(f->links[i], r);
}

/* ---- reading, end ---- */

void libraries_visit(const struct libraries *l, library_visit *visit, void *arg)
{
	for (struct file *f = table_oldest(l->files); f; f = table_next(l->files, f))
		visit(arg, &f->shown);
	library_foreign_visit(&l->foreign, visit, arg);
}

struct stack_files *libraries_stacks(const struct libraries *l)
{
	return l->stacks;
}

struct library_counts libraries_counts(const struct libraries *l)
{
	return l->counts;
}

void libraries_free(struct libraries *l, bool keep_attached)
{
	struct file *f;

	if (!l)
		return;
	while (l->files && (f = table_oldest(l->files)))
		file_drop(l, f, keep_attached);
	mappings_free(l->mappings);
	stack_files_free(l->stacks);
	local_files_free(l->local);
	table_free(l->files);
	table_free(l->seen);
	cleanup_close_fd(&l->inotify_fd);
	cleanup_close_fd(&l->epoll_fd);
	free(l->pin_dir);
	free(l);
}
