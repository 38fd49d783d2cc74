// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* flock(2) on directories; /proc/locks tells the holder. */
#include "datapath/attach/core/pin_lock.h"

#include "base/cleanup.h"
#include "datapath/attach/core/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define TRIES 5

struct pin_lock {
	char dir[512];
	int below_fd; /* the directory on which a bpf file system is mounted for the pins; -1: none
		       */
	int fd;
	bool made;
};

/* ---- the holder */

/* Field 22 of /proc/PID/stat: clock ticks since boot. */
static uint64_t started_s(pid_t pid)
{
	unsigned long long ticks = 0;
	cleanup_fclose FILE *f = NULL;
	char path[64], line[1024];
	struct timespec boot, now;
	const char *rest;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	rest = f && fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	if (!rest || sscanf(rest + 1,
			    " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
			    "%*d %*d %*d %llu",
			    &ticks) != 1)
		return 0;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)(now.tv_sec - boot.tv_sec) + ticks / (uint64_t)sysconf(_SC_CLK_TCK);
}

static void name_of(pid_t pid, char out[16])
{
	cleanup_fclose FILE *f = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	f = fopen(path, "re");
	out[0] = 0;
	if (f && fgets(out, 16, f))
		out[strcspn(out, "\n")] = 0;
}

static void holder_find(int fd, struct pin_lock_holder *ret)
{
	cleanup_fclose FILE *locks = fopen("/proc/locks", "re");
	unsigned int major_number, minor_number;
	unsigned long inode;
	char line[256];
	struct stat st;
	int pid;

	*ret = (struct pin_lock_holder){0};
	if (!locks || fstat(fd, &st))
		return;
	while (!ret->pid && fgets(line, sizeof(line), locks))
		if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%lu", &pid, &major_number,
			   &minor_number, &inode) == 4 &&
		    inode == st.st_ino && major_number == major(st.st_dev) &&
		    minor_number == minor(st.st_dev) && pid > 0)
			ret->pid = pid;
	if (!ret->pid)
		return;
	name_of(ret->pid, ret->name);
	ret->started_s = started_s(ret->pid);
}

static int say_busy(const char *dir, const struct pin_lock_holder *holder, struct error *err)
{
	char since[32] = "an unknown time";
	time_t started = (time_t)holder->started_s;
	struct tm tm;

	if (!holder->pid)
		return error_set(err, -EBUSY,
				 "%s belongs to a process of another PID namespace: one agent at a "
				 "time can have it",
				 dir);
	if (started)
		strftime(since, sizeof(since), "%Y-%m-%d %H:%M:%S", localtime_r(&started, &tm));
	return error_set(
		err, -EBUSY, "%s belongs to %s (pid %d, since %s): one agent at a time can have it",
		dir, holder->name[0] ? holder->name : "a process", (int)holder->pid, since);
}

/* ---- taking it */

static int open_locked(const char *dir, int *ret_fd)
{
	cleanup_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		int r = errno == EWOULDBLOCK ? -EBUSY : -errno;

		if (r == -EBUSY)
			*ret_fd = take_fd(&fd); /* to find out the holder */
		return r;
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Whether |dir| is still the directory of |fd|: the former holder may have removed it, or mounted
 * something on it. */
static bool is_still(const char *dir, int fd)
{
	struct stat there, here;

	return !stat(dir, &there) && !fstat(fd, &here) && there.st_dev == here.st_dev &&
	       there.st_ino == here.st_ino;
}

static void let_go(int *fd)
{
	cleanup_close_fd(fd);
	*fd = -1;
}

/* Locks the directory itself before a file system is mounted on it: of two that start at the same
 * time only one continues. */
static int lock_once(struct pin_lock *l, struct error *err)
{
	bool made = false;
	int r = mounts_make_directory(l->dir, &made, err);

	l->made |= made;
	if (r)
		return r;
	r = open_locked(l->dir, &l->fd);
	if (r || mounts_is_bpffs(l->dir))
		return r;
	if (!is_still(l->dir, l->fd))
		return -EAGAIN;
	r = mounts_mount_bpffs(l->dir, err);
	if (r)
		return r;
	l->made = true;
	l->below_fd = take_fd(&l->fd);
	return open_locked(l->dir, &l->fd);
}

static int lock(struct pin_lock *l, struct pin_lock_holder *holder, struct error *err)
{
	int r = -EAGAIN;

	for (int i = 0; i < TRIES && r == -EAGAIN; i++) {
		let_go(&l->below_fd);
		let_go(&l->fd);
		r = lock_once(l, err);
		if (!r && !is_still(l->dir, l->fd))
			r = -EAGAIN;
	}
	if (r == -EBUSY) {
		holder_find(l->fd, holder);
		return say_busy(l->dir, holder, err);
	}
	return r && !err->code ? error_set(err, r, "cannot lock %s: %s", l->dir, strerror(-r)) : r;
}

int pin_lock_take(const char *dir, struct pin_lock **ret, struct pin_lock_holder *ret_holder,
		  struct error *err)
{
	struct pin_lock *l = calloc(1, sizeof(*l));
	struct pin_lock_holder holder = {0};
	struct error why = {0};
	int r;

	if (!l)
		return error_set(err, -ENOMEM, "no memory");
	snprintf(l->dir, sizeof(l->dir), "%s", dir);
	l->fd = l->below_fd = -1;
	r = lock(l, &holder, &why);
	if (ret_holder)
		*ret_holder = holder;
	if (!r) {
		*ret = l;
		return 0;
	}
	if (r == -EBUSY)
		l->made = false; /* the other process owns it now */
	pin_lock_free(l);
	return error_set(err, r, "%s", why.text);
}

/* ---- letting go */

void pin_lock_free(struct pin_lock *l)
{
	if (!l)
		return;
	if (l->made && !mounts_has_entries(l->dir))
		mounts_release_bpffs(l->dir);
	pin_lock_forget(l);
}

void pin_lock_forget(struct pin_lock *l)
{
	if (!l)
		return;
	cleanup_close_fd(&l->fd);
	cleanup_close_fd(&l->below_fd);
	free(l);
}
