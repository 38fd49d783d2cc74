// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From mapping to probe: filter, open, look up, choose the instruction, attach. */
#include "datapath/attach/libraries.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/table.h"
#include "datapath/attach/elf_symbols.h"
#include "datapath/attach/mappings.h"

struct bpf_link;

/* A program with OpenSSL inside has at least this much code; smaller files are known
 * by name only. */
#define CODE_MIN_BYTES (1u << 20)
#define SEEN_MAX       8192
#define PIN_PREFIX     "libcrypto-"

/* Where libcrypto lies before anybody maps it. Attaching takes the kernel 10 to 20 ms, a small
 * client is through its first handshake by then: so these are probed when the first program of a
 * file system starts, which shows as a dynamic loader not seen before, and when
 * they are replaced. */
#define USUAL_NAME "libcrypto.so.3"
static const char *const usual_dirs[] = {
	"/usr/lib/x86_64-linux-gnu",
	"/usr/lib/aarch64-linux-gnu",
	"/usr/lib64",
	"/usr/lib",
	"/usr/local/lib64",
	"/usr/local/lib",
	"/lib",
};
#define USUAL_DIRS (sizeof(usual_dirs) / sizeof(usual_dirs[0]))

/* Files that are examined whatever their size, and what it means when they lack the function. */
#define KNOWN_NAMES(X)                                                                             \
	X("libcrypto",                                                                             \
	  "libcrypto without " LIBRARIES_SYMBOL " (older than OpenSSL 3, or not OpenSSL)")         \
	X("libgnutls", "GnuTLS: no probe for this library yet")                                    \
	X("libssl3.so", "NSS: no probe for this library yet")                                      \
	X("libmbedtls", "Mbed TLS: no probe for this library yet")                                 \
	X("libwolfssl", "wolfSSL: no probe for this library yet")                                  \
	X("libboringssl", "BoringSSL: no probe for this library yet")

static const struct known_name {
	const char *part;
	const char *reason;
} known_names[] = {
#define X(part, reason) {part, reason},
	KNOWN_NAMES(X)
#undef X
};

/* A mapped inode that needs no second look. */
struct seen {
	uint64_t device;
	uint64_t inode;
	uint64_t generation;
};

struct file {
	struct library shown; /* begins with the key */
	struct bpf_link *link;
	int watch; /* inotify, -1 = none */
	bool gone; /* not at its path any more */
	bool used;
};

struct libraries {
	struct uprobe_programs programs;
	char *pin_dir;
	struct mappings *mappings;
	struct table *seen;  /* struct seen */
	struct table *files; /* struct file */
	int inotify_fd;
	int epoll_fd;
	uint32_t host_pid;	     /* a process whose root is the machine's */
	int dir_watches[USUAL_DIRS]; /* of that root; -1 = none */
	bool sweep_due;		     /* a file was added since the last sweep */
	struct library_counts counts;
};

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const struct known_name *find_known(const char *path)
{
	const char *name = last_component(path);

	for (size_t i = 0; i < sizeof(known_names) / sizeof(known_names[0]); i++)
		if (strstr(name, known_names[i].part))
			return &known_names[i];
	return NULL;
}

/* ---- construction ---- */

static uint64_t random_seed(void)
{
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed ^= (uintptr_t)&seed;
	return seed;
}

static int watch_fd(struct libraries *l, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN};

	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static void watch_usual_dirs(struct libraries *l)
{
	l->host_pid = access("/proc/1/root/.", F_OK) ? (uint32_t)getpid() : 1;
	for (size_t i = 0; i < USUAL_DIRS; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%u/root%s", l->host_pid, usual_dirs[i]);
		l->dir_watches[i] = inotify_add_watch(l->inotify_fd, path,
						      IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR);
	}
}

static int build(struct libraries *l, const struct libraries_options *options, struct error *err)
{
	int r;

	l->programs = options->programs;
	l->seen = table_new(SEEN_MAX, sizeof(struct seen), sizeof(struct seen), random_seed());
	l->files =
		table_new(LIBRARIES_MAX, sizeof(struct file), 2 * sizeof(uint64_t), random_seed());
	if (options->pin_dir)
		l->pin_dir = strdup(options->pin_dir);
	if (!l->seen || !l->files || (options->pin_dir && !l->pin_dir))
		return error_set(err, -ENOMEM, "no memory for the table of libraries");
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (l->epoll_fd < 0 || l->inotify_fd < 0)
		return error_set(err, -errno, "cannot watch libraries: %s", strerror(errno));
	watch_usual_dirs(l);
	r = mappings_new(&l->mappings, err);
	if (r)
		return r;
	r = watch_fd(l, mappings_fd(l->mappings));
	if (!r)
		r = watch_fd(l, l->inotify_fd);
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
	if (r) {
		libraries_free(l, false);
		return r;
	}
	*ret = l;
	return 0;
}

/* ---- files ---- */

static void file_drop(struct libraries *l, struct file *f, bool keep)
{
	if (f->watch >= 0)
		inotify_rm_watch(l->inotify_fd, f->watch);
	uprobe_link_close(f->link, keep);
	table_remove(l->files, f);
}

/* Everything is looked at anew: rare, after something that was known has changed. */
static void seen_forget(struct libraries *l)
{
	struct seen *s;

	while ((s = table_oldest(l->seen)))
		table_remove(l->seen, s);
}

static struct seen seen_key(const struct mapping *m)
{
	return (struct seen){(uint64_t)m->device_major << 32 | m->device_minor, m->inode,
			     m->generation};
}

static bool seen_before(struct libraries *l, const struct mapping *m)
{
	struct seen key = seen_key(m), *s = table_find(l->seen, &key);

	if (s)
		table_touch(l->seen, s);
	return s;
}

static void seen_add(struct libraries *l, const struct mapping *m)
{
	struct seen key = seen_key(m);

	if (table_find(l->seen, &key))
		return;
	if (table_count(l->seen) == table_capacity(l->seen))
		table_remove(l->seen, table_oldest(l->seen));
	table_insert(l->seen, &key);
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
	f->watch = -1;
	f->shown.pid = m->pid;
	snprintf(f->shown.path, sizeof(f->shown.path), "%s", m->path);
	return f;
}

/* ---- probing ---- */

static void pin_path(const struct libraries *l, const struct library *lib, char out[512])
{
	snprintf(out, 512, "%s/" PIN_PREFIX "%" PRIx64 "-%" PRIx64 "-%" PRIx64, l->pin_dir,
		 lib->device, lib->inode, lib->file_offset);
}

/* Where to put the probe, by what the function begins with. */
static void choose_site(int fd, const struct elf_function *function, struct library *lib)
{
	uint8_t code[PROBE_SITE_REACH_BYTES + 16];
	ssize_t n = pread(fd, code, sizeof(code), (off_t)function->file_offset);

	lib->site = probe_site_choose(function->machine, code, n > 0 ? (size_t)n : 0);
	if (function->size_bytes && lib->site.offset_bytes >= function->size_bytes)
		lib->site = (struct probe_site){0, PROBE_SITE_STEPPED};
	lib->symbol = LIBRARIES_SYMBOL;
	lib->file_offset = function->file_offset + lib->site.offset_bytes;
}

static int attach_or_adopt(struct libraries *l, int fd, struct file *f, struct error *err)
{
	char path[512];
	int r;

	if (!l->pin_dir)
		return uprobe_link_attach(&l->programs, fd, f->shown.file_offset, &f->link, err);
	pin_path(l, &f->shown, path);
	r = uprobe_link_adopt(&l->programs, path, &f->link);
	if (!r) {
		l->counts.adopted++;
		f->shown.pinned = true;
		return 0;
	}
	r = uprobe_link_attach(&l->programs, fd, f->shown.file_offset, &f->link, err);
	if (!r)
		f->shown.pinned = !uprobe_link_pin(f->link, path);
	return r;
}

static void file_probe(struct libraries *l, int fd, struct file *f,
		       const struct elf_function *function)
{
	struct error err = {0};

	choose_site(fd, function, &f->shown);
	if (attach_or_adopt(l, fd, f, &err)) {
		f->shown.state = LIBRARY_FAILED;
		snprintf(f->shown.reason, sizeof(f->shown.reason), "%.120s", err.text);
		return;
	}
	l->counts.probed++;
	f->shown.state = LIBRARY_PROBED;
}

static void file_refuse(struct libraries *l, const struct mapping *m, const struct stat *st,
			const struct known_name *known, const struct error *err)
{
	struct file *f = file_add(l, m, st);

	if (!f)
		return;
	f->shown.state = LIBRARY_UNSUPPORTED;
	if (err->code == -ENOENT)
		snprintf(f->shown.reason, sizeof(f->shown.reason), "%s", known->reason);
	else
		snprintf(f->shown.reason, sizeof(f->shown.reason), "%.120s", err->text);
}

/* Code that is rewritten in place no longer has an instruction where the probe sits: watched from
 * before it is read. */
static int watch_writes(struct libraries *l, int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return inotify_add_watch(l->inotify_fd, path, IN_MODIFY);
}

static void examine_new(struct libraries *l, const struct mapping *m, int fd, const struct stat *st)
{
	const struct known_name *known = find_known(m->path);
	struct elf_function function;
	struct error err = {0};
	int watch = watch_writes(l, fd);
	struct file *f;

	l->counts.examined++;
	if (elf_function_find(fd, LIBRARIES_SYMBOL, &function, &err)) {
		if (watch >= 0)
			inotify_rm_watch(l->inotify_fd, watch);
		if (known)
			file_refuse(l, m, st, known, &err);
		return;
	}
	f = file_add(l, m, st);
	if (!f)
		return;
	f->watch = watch;
	file_probe(l, fd, f, &function);
	l->sweep_due = true;
}

static void examine(struct libraries *l, const struct mapping *m, int fd)
{
	uint64_t key[2];
	struct stat st;

	if (fstat(fd, &st))
		return;
	key[0] = st.st_dev;
	key[1] = st.st_ino;
	if (!table_find(l->files, key))
		examine_new(l, m, fd, &st);
}

static void examine_path(struct libraries *l, uint32_t pid, const char *dir, const char *name)
{
	int fd cleanup_close = -1;
	struct mapping m = {.pid = pid};
	char path[320];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	m.path = path;
	fd = mapping_open_path(pid, path);
	if (fd >= 0)
		examine(l, &m, fd);
}

static bool is_loader(const char *path)
{
	return !strncmp(last_component(path), "ld-", 3);
}

/* mapping_visit: one executable mapping, at start or as it happens. */
static void meet(void *arg, const struct mapping *m)
{
	struct libraries *l = arg;
	int fd cleanup_close = -1;

	l->counts.mappings++;
	if (m->end - m->start < CODE_MIN_BYTES && !find_known(m->path) && !is_loader(m->path))
		return;
	if (seen_before(l, m))
		return;
	if (is_loader(m->path)) {
		for (size_t i = 0; i < USUAL_DIRS; i++)
			examine_path(l, m->pid, usual_dirs[i], USUAL_NAME);
		seen_add(l, m);
		return;
	}
	fd = mapping_open(m);
	if (fd < 0) {
		l->counts.gone++;
		return;
	}
	examine(l, m, fd);
	seen_add(l, m);
}

/* ---- files that nobody can use any more ---- */

static bool is_at_path(const struct library *lib, uint32_t pid)
{
	int fd cleanup_close = mapping_open_path(pid, lib->path);
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) && st.st_dev == lib->device && st.st_ino == lib->inode;
}

static unsigned mark_gone(struct libraries *l)
{
	unsigned gone = 0;

	for (struct file *f = table_oldest(l->files); f; f = table_next(l->files, f)) {
		f->gone =
			!is_at_path(&f->shown, l->host_pid) && !is_at_path(&f->shown, f->shown.pid);
		f->used = false;
		gone += f->gone;
	}
	return gone;
}

/* mapping_visit. In doubt a file is used. */
static void mark_used(void *arg, const struct mapping *m)
{
	struct libraries *l = arg;

	for (struct file *f = table_oldest(l->files); f; f = table_next(l->files, f))
		if (f->shown.inode == m->inode ||
		    !strncmp(f->shown.path, m->path, strlen(f->shown.path)))
			f->used = true;
}

/* A probe holds its file: deleted libraries and ended containers would keep their disk space. */
static void sweep(struct libraries *l)
{
	struct file *next;

	l->sweep_due = false;
	if (!mark_gone(l) || mappings_scan(mark_used, l))
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

/* A file was moved or written into one of the usual directories. */
static void file_arrived(struct libraries *l, int watch, const char *name)
{
	for (size_t i = 0; i < USUAL_DIRS; i++)
		if (l->dir_watches[i] == watch && !strncmp(name, "libcrypto", 9))
			examine_path(l, l->host_pid, usual_dirs[i], name);
}

static void handle_changes(struct libraries *l)
{
	char buffer[4096] __attribute__((aligned(8)));
	const struct inotify_event *ev;
	ssize_t n;

	while ((n = read(l->inotify_fd, buffer, sizeof(buffer))) > 0) {
		for (char *at = buffer; at < buffer + n; at += sizeof(*ev) + ev->len) {
			ev = (const struct inotify_event *)at;
			if (ev->mask & IN_MODIFY)
				file_rewritten(l, ev->wd);
			else if (ev->len)
				file_arrived(l, ev->wd, ev->name);
		}
	}
}

void libraries_handle(struct libraries *l)
{
	uint64_t lost;

	handle_changes(l);
	lost = mappings_handle(l->mappings, meet, l);
	l->counts.lost += lost;
	if (lost)
		mappings_scan(meet, l);
	if (l->sweep_due)
		sweep(l);
}

int libraries_fd(const struct libraries *l)
{
	return l->epoll_fd;
}

/* ---- pins ---- */

static bool is_ours(const char *name)
{
	return !strncmp(name, PIN_PREFIX, strlen(PIN_PREFIX));
}

static bool pin_is_used(const struct libraries *l, const char *name)
{
	for (struct file *f = table_oldest(l->files); f; f = table_next(l->files, f)) {
		char path[512];

		pin_path(l, &f->shown, path);
		if (f->link && f->shown.pinned && !strcmp(last_component(path), name))
			return true;
	}
	return false;
}

/* Removes our pins below |dir|, those in use by |l| (may be NULL) excepted. */
static int pins_remove(const char *dir_path, const struct libraries *l)
{
	DIR *dir cleanup_closedir = opendir(dir_path);
	struct dirent *entry;
	int removed = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (!is_ours(entry->d_name) || (l && pin_is_used(l, entry->d_name)))
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0))
			return -errno;
		removed++;
	}
	return removed;
}

int libraries_detach_all(const char *pin_dir)
{
	return pins_remove(pin_dir, NULL);
}

int libraries_scan(struct libraries *l)
{
	int r = mappings_scan(meet, l);

	/* What nobody maps needs no probe: whoever maps it later is met then. */
	if (!r && l->pin_dir)
		pins_remove(l->pin_dir, l);
	return r;
}

/* ---- reading, end ---- */

void libraries_visit(const struct libraries *l, library_visit *visit, void *arg)
{
	for (struct file *f = table_oldest(l->files); f; f = table_next(l->files, f))
		visit(arg, &f->shown);
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
	table_free(l->files);
	table_free(l->seen);
	if (l->inotify_fd >= 0)
		close(l->inotify_fd);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	free(l->pin_dir);
	free(l);
}
