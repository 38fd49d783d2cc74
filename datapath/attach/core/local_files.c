// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Resolves paths in user space, one component at a time, so that a mount is known before it is
 * entered. A symbolic link starts the resolution again with its target. */
#include "datapath/attach/core/local_files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "datapath/attach/core/mount_tables.h"

#define STEPS_MAX 256 /* for one path, including its links */

struct local_files {
	struct mount_tables *tables;
	char refused[MOUNT_TYPE_MAX];
};

int local_files_new(struct local_files **ret, struct error *err)
{
	struct local_files *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return error_set(err, -ENOMEM, "no memory");
	r = mount_tables_new(&l->tables, err);
	if (r)
		local_files_free(l);
	else
		*ret = l;
	return r;
}

void local_files_free(struct local_files *l)
{
	if (!l)
		return;
	mount_tables_free(l->tables);
	free(l);
}

const char *local_files_refused(const struct local_files *l)
{
	return l->refused;
}

/* ---- checks */

static int refuse(struct local_files *l, struct slice type)
{
	slice_copy(type, l->refused, sizeof(l->refused));
	return -EREMOTE;
}

static int judge(struct local_files *l, const struct mount_entry *e)
{
	char type[MOUNT_TYPE_MAX];

	slice_copy(e->type, type, sizeof(type));
	if (mount_tables_is_local(l->tables, e))
		return 0;
	return refuse(l, (struct slice){type, strlen(type)});
}

/* The mount with |id| (0: none), or with this device number of the kernel. */
static int judge_mount(struct local_files *l, uint64_t id, uint32_t device_major,
		       uint32_t device_minor)
{
	struct mount_entry e;

	if (!mount_tables_find(l->tables, id, device_major, device_minor, &e))
		return refuse(l, SLICE(""));
	return judge(l, &e);
}

/* Only the kernel answers: statx() with AT_STATX_DONT_SYNC does not contact a remote file system.
 * While the O_PATH descriptor |fd| is open, its mount keeps its id. */
static int judge_opened(struct local_files *l, int fd)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &st))
		return -errno;
	return judge_mount(l, st.stx_mask & STATX_MNT_ID ? st.stx_mnt_id : 0, st.stx_dev_major,
			   st.stx_dev_minor);
}

/* Opens the file of the O_PATH descriptor |fd| for reading; its file system is local. */
static int reopen(int fd)
{
	char path[32];
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

/* A process that has ended has no mount table. */
static int enter(struct local_files *l, uint32_t pid)
{
	int r = mount_tables_enter(l->tables, pid);

	return r == -EINVAL || r == -ESRCH ? -ENOENT : r;
}

/* ---- mapped files */

int local_files_judge(struct local_files *l, uint32_t pid, uint32_t device_major,
		      uint32_t device_minor)
{
	int r = enter(l, pid);

	if (r)
		return r;
	r = judge_mount(l, 0, device_major, device_minor);
	mount_tables_leave(l->tables);
	return r;
}

static int open_mapped(struct local_files *l, const char *link, uint32_t device_major,
		       uint32_t device_minor)
{
	int fd cleanup_close = -1;
	int r = judge_mount(l, 0, device_major, device_minor);

	if (r)
		return r;
	fd = open(link, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = judge_opened(l, fd);
	return r ? r : reopen(fd);
}

int local_files_open_mapped(struct local_files *l, uint32_t pid, uint64_t start, uint64_t end,
			    uint32_t device_major, uint32_t device_minor)
{
	char link[80];
	int r = enter(l, pid);

	if (r)
		return r;
	snprintf(link, sizeof(link), "/proc/%u/map_files/%" PRIx64 "-%" PRIx64, pid, start, end);
	r = open_mapped(l, link, device_major, device_minor);
	mount_tables_leave(l->tables);
	return r;
}

/* ---- paths */

/* State of the resolution: |at|, without links, is resolved; |rest| is not yet. */
struct walk {
	struct local_files *local;
	int root; /* O_PATH, like the others */
	int fd;	  /* of |at|; -1: |root| */
	char at[PATH_MAX];
	char rest[PATH_MAX];
};

/* Truncated paths are refused, as they would be other paths. */
static int set_rest(struct walk *w, const char *before, const char *middle, const char *after)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s/%s", before, middle, after);

	if (n < 0 || n >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(w->rest, path, (size_t)n + 1);
	return 0;
}

static void to_root(struct walk *w)
{
	cleanup_close_fd(&w->fd);
	w->fd = -1;
	w->at[0] = 0;
}

/* Removes the next component from |rest|: 1, 0 at the end, -ENAMETOOLONG. */
static int next_component(struct walk *w, char ret[NAME_MAX + 1])
{
	size_t begin = strspn(w->rest, "/"), size = strcspn(w->rest + begin, "/");

	if (size > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(ret, w->rest + begin, size);
	ret[size] = 0;
	memmove(w->rest, w->rest + begin + size, strlen(w->rest + begin + size) + 1);
	return size != 0;
}

/* Whether there is a mount at |path|: 1, 0, or -EREMOTE: one that may not be entered. Every mount
 * there is checked, as one covers the other. */
static int look_at_mounts(struct walk *w, const char *path)
{
	struct slice text = mount_tables_text(w->local->tables);
	struct mount_entry e;
	int found = 0;

	while (mount_text_next(&text, &e)) {
		if (!mount_entry_is_at(&e, path))
			continue;
		if (judge(w->local, &e))
			return -EREMOTE;
		found = 1;
	}
	return found;
}

static int step_into(struct walk *w, const char *name, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
			       .resolve = RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV};
	int crosses = look_at_mounts(w, path), fd, r;

	if (crosses < 0)
		return crosses;
	if (crosses)
		how.resolve = RESOLVE_NO_MAGICLINKS;
	fd = (int)syscall(SYS_openat2, w->fd < 0 ? w->root : w->fd, name, &how, sizeof(how));
	if (fd < 0)
		return errno == EXDEV ? refuse(w->local, SLICE("")) : -errno;
	r = crosses ? judge_opened(w->local, fd) : 0;
	if (r) {
		close(fd);
		return r;
	}
	cleanup_close_fd(&w->fd);
	w->fd = fd;
	return 0;
}

static int go_up(struct walk *w)
{
	char above[PATH_MAX];
	char *slash = strrchr(w->at, '/');

	snprintf(above, sizeof(above), "%.*s", slash ? (int)(slash - w->at) : 0, w->at);
	to_root(w);
	return set_rest(w, above, "", w->rest);
}

/* Enters a name, or replaces a link by its target. */
static int step(struct walk *w, const char *name)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct stat st;
	ssize_t n;
	int r;

	if (snprintf(path, sizeof(path), "%s/%s", w->at, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	r = step_into(w, name, path);
	if (r)
		return r;
	if (fstat(w->fd, &st))
		return -errno;
	if (!S_ISLNK(st.st_mode)) {
		memcpy(w->at, path, sizeof(path));
		return 0;
	}
	n = readlinkat(w->fd, "", target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = 0;
	r = set_rest(w, target[0] == '/' ? "" : w->at, target, w->rest);
	to_root(w);
	return r;
}

static int walk_on(struct walk *w)
{
	char name[NAME_MAX + 1];
	int r = 0;

	for (unsigned i = 0; i < STEPS_MAX && !r; i++) {
		r = next_component(w, name);
		if (r <= 0)
			return r;
		r = 0;
		if (!strcmp(name, ".."))
			r = go_up(w);
		else if (strcmp(name, ".") != 0)
			r = step(w, name);
	}
	return r ? r : -ELOOP;
}

/* After chroot() to a directory that is no mount point, the process's mount table does not list the
 * mount of its root. */
static int judge_root(struct walk *w, const char *link)
{
	struct slice text = mount_tables_text(w->local->tables);
	char path[PATH_MAX];
	struct mount_entry e;
	ssize_t n;

	if (mount_text_above(text, "/", &e))
		return judge(w->local, &e);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = 0;
	mount_tables_enter(w->local->tables, (uint32_t)getpid());
	if (!mount_text_above(mount_tables_text(w->local->tables), path, &e))
		return refuse(w->local, SLICE(""));
	return judge(w->local, &e);
}

static int open_root(struct walk *w, uint32_t pid)
{
	char link[32];
	int r;

	snprintf(link, sizeof(link), "/proc/%u/root", pid);
	r = judge_root(w, link);
	if (r)
		return r;
	r = enter(w->local, pid);
	if (r)
		return r;
	w->root = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return w->root < 0 ? -errno : judge_opened(w->local, w->root);
}

/* Returns an O_PATH descriptor. */
static int find_path(struct local_files *l, uint32_t pid, const char *path)
{
	struct walk w = {.local = l, .root = -1, .fd = -1};
	int r = enter(l, pid);

	r = r ? r : open_root(&w, pid);
	r = r ? r : set_rest(&w, "", path, "");
	r = r ? r : walk_on(&w);
	mount_tables_leave(l->tables);
	if (!r && w.fd < 0)
		w.fd = take_fd(&w.root);
	cleanup_close_fd(&w.root);
	if (r)
		cleanup_close_fd(&w.fd);
	return r ? r : w.fd;
}

int local_files_open(struct local_files *l, uint32_t pid, const char *path)
{
	int fd cleanup_close = find_path(l, pid, path);

	return fd < 0 ? fd : reopen(fd);
}

int local_files_open_directory(struct local_files *l, uint32_t pid, const char *path)
{
	int fd cleanup_close = find_path(l, pid, path);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st))
		return -errno;
	return S_ISDIR(st.st_mode) ? take_fd(&fd) : -ENOTDIR;
}

bool local_files_is_at(struct local_files *l, uint32_t pid, const char *path, uint64_t device,
		       uint64_t inode)
{
	int fd cleanup_close = find_path(l, pid, path);
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_dev == device &&
	       st.st_ino == inode;
}
