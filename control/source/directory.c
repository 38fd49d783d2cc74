// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* inotify(7) reports that something happened, stat(2) what: an event is only a reason to check. */
#include "control/source/directory.h"

#include "base/cleanup.h"
#include "base/descriptors.h"
#include "base/loop.h"
#include "base/names.h"
#include "control/source/file_read.h"
#include "control/source/known.h"
#include "mesh-config/resolve/source.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>

#define SETTLE_RENAME_NS 300000
#define SETTLE_WRITE_NS	 10000000
#define SETTLE_DELETE_NS 50000000 /* `rm -r` removes the files first and then the directory */
#define SETTLE_MAX_NS	 100000000
#define FILL_QUIET_NS	 300000000  /* a replaced directory lacks files: copied in by then, */
#define FILL_MAX_NS	 5000000000 /* or by then, if other changes follow one another */
#define HOLD_LOOK_NS	 5000000
#define FILL_LOOK_NS	 20000000
#define HOLD_MAX_S	 5
#define AGAIN_NS	 500000000 /* delay of a later check */
#define WRITE_MAX_S	 10
#define INSIDE                                                                                     \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ATTRIB |        \
	 IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define ABOVE (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR)

struct directory {
	char *path;
	char *leaf; /* its last component */
	int watch_fd;
	int timer_fd;
	int epoll_fd;
	int inside;	      /* watch descriptor of the directory, -1 while it is gone */
	int above;	      /* of the folder it is in: links and directories are swapped there */
	void *files;	      /* struct known by name (tsearch(3)) */
	struct names touched; /* names in events */
	struct names later;   /* reported as unreadable: checked again soon */
	struct names written; /* files changed in place and not closed yet */
	unsigned visits;      /* since the start */
	unsigned missing;     /* files of the former directory that the present one lacks */
	bool walk;	      /* all files have to be checked */
	bool again;	      /* some could not be checked: repeat soon */
	bool replaced;	/* the files in |files| are of another directory, or of an earlier mount */
	long settle_ns; /* of pending changes; 0: none */
	struct timespec first; /* first event of the pending changes */
	struct timespec last;  /* and their latest */
	char problem[128];
};

static void touch(struct directory *d, const char *name)
{
	if (!names_add(&d->touched, name))
		d->walk = true; /* no memory for the name: check all */
}

bool directory_counts(const char *name)
{
	const char *dot = strrchr(name, '.');

	return name[0] != '.' && dot &&
	       (!strcasecmp(dot, ".yaml") || !strcasecmp(dot, ".yml") || !strcasecmp(dot, ".json"));
}

/* ---- watching */

/* The same directory has the same watch descriptor, and no other one has it later: unlike the
 * number of an inode. Returns whether it is another one now. */
static bool watch_inside(struct directory *d)
{
	int wd = inotify_add_watch(d->watch_fd, d->path, INSIDE);
	bool other = wd != d->inside;

	if (wd < 0)
		snprintf(d->problem, sizeof(d->problem), "%s", strerror(errno));
	else if (other)
		d->problem[0] = 0;
	if (!other)
		return false;
	if (d->inside >= 0)
		inotify_rm_watch(d->watch_fd, d->inside);
	names_clear(&d->written);
	d->walk = d->replaced = true;
	d->inside = wd;
	return true;
}

/* The folder of |path|, where its last component may be swapped. */
static int watch_above(struct directory *d)
{
	cleanup_free char *folder = strdup(d->path);
	int wd = folder ? inotify_add_watch(d->watch_fd, dirname(folder), ABOVE) : -1;

	if (d->above >= 0 && d->above != wd)
		inotify_rm_watch(d->watch_fd, d->above);
	d->above = wd;
	return wd < 0 ? -errno : 0;
}

static int name_leaf(struct directory *d)
{
	cleanup_free char *path = strdup(d->path);

	d->leaf = path ? strdup(basename(path)) : NULL;
	return d->leaf ? 0 : -ENOMEM;
}

static int start(struct directory *d)
{
	int r;

	d->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	d->timer_fd = loop_timer();
	d->epoll_fd = loop_new();
	if (d->watch_fd < 0 || d->timer_fd < 0 || d->epoll_fd < 0)
		return -errno;
	r = loop_watch(d->epoll_fd, d->watch_fd);
	r = r ? r : loop_watch(d->epoll_fd, d->timer_fd);
	r = r ? r : name_leaf(d);
	r = r ? r : watch_above(d);
	if (r)
		return r;
	watch_inside(d);
	return d->inside < 0 ? -errno : 0;
}

int directory_new(const char *path, struct directory **ret, struct error *err)
{
	struct directory *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return error_set(err, -ENOMEM, "no memory");
	d->watch_fd = d->timer_fd = d->epoll_fd = d->inside = d->above = -1;
	d->path = strdup(path);
	r = d->path ? start(d) : -ENOMEM;
	if (!r) {
		*ret = d;
		return 0;
	}
	directory_free(d);
	return error_set(err, r, "cannot follow the directory %s: %s", path, strerror(-r));
}

void directory_free(struct directory *d)
{
	if (!d)
		return;
	known_free_all(&d->files);
	names_clear(&d->touched);
	names_clear(&d->later);
	names_clear(&d->written);
	cleanup_close_fd(&d->watch_fd);
	cleanup_close_fd(&d->timer_fd);
	cleanup_close_fd(&d->epoll_fd);
	free(d->leaf);
	free(d->path);
	free(d);
}

int directory_fd(const struct directory *d)
{
	return d->epoll_fd;
}

const char *directory_problem(const struct directory *d)
{
	return d->problem[0] ? d->problem : NULL;
}

/* ---- reports */

struct reporting {
	struct directory *d;
	directory_visit *visit;
	void *arg;
};

static void report(const struct reporting *t, const char *name, struct slice bytes, bool removed,
		   const char *problem)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s/%s", t->d->path, name);
	t->d->visits++;
	t->visit(t->arg, &(struct directory_change){full, bytes, removed, problem});
}

static void report_removed(const struct reporting *t, const char *name)
{
	struct known *k = known_get(t->d->files, name);

	if (!k)
		return;
	report(t, name, (struct slice){0}, true, NULL);
	known_drop(&t->d->files, k);
}

/* A temporary failure to open it: until then it is reported as unreadable. */
static void look_again(const struct reporting *t, struct known *k, const char *name)
{
	const char *problem = strerror(errno);

	k->modified.tv_nsec = -1;
	if (!names_add(&t->d->later, name))
		t->d->walk = true;
	t->d->again = true;
	report(t, name, (struct slice){"", 0}, false, problem);
}

/* It was removed; or it is a link with a missing or unreachable target, which removes nothing. */
static void look_at_nothing(const struct reporting *t, struct known *k, const char *name,
			    const char *path)
{
	int error = errno;
	struct stat link;

	if (lstat(path, &link))
		return report_removed(t, name);
	k = k ? k : known_make(&t->d->files, name);
	errno = error;
	if (k)
		look_again(t, k, name);
}

/* Whether it is being written, so that a close will follow. Not if it has not changed for long:
 * truncate(2) closes nothing. */
static bool is_written_now(const struct directory *d, const char *name, const struct stat *s)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return names_has(&d->written, name) && now.tv_sec >= s->st_mtim.tv_sec &&
	       now.tv_sec - s->st_mtim.tv_sec <= WRITE_MAX_S;
}

/* Why the content is not accepted, if this is the same file as in the last report. */
static const char *emptied(struct known *k, bool same_file, struct slice bytes)
{
	bool blank = mesh_text_is_blank(bytes);

	if (same_file && k->filled && blank)
		return DIRECTORY_EMPTIED;
	k->filled = !blank;
	return NULL;
}

/* Checks one file and reports its change. */
static void look(const struct reporting *t, const char *name)
{
	struct directory *d = t->d;
	struct known *k = known_get(d->files, name);
	cleanup_free char *bytes = NULL;
	cleanup_close int fd = -1;
	const char *problem = NULL;
	struct slice content;
	char path[PATH_MAX];
	struct stat s, after;
	bool same_file;

	snprintf(path, sizeof(path), "%s/%s", d->path, name);
	if (stat(path, &s)) {
		look_at_nothing(t, k, name, path);
		return;
	}
	if (k && known_is_same(k, &s))
		return;
	if (is_written_now(d, name, &s)) {
		touch(d, name);
		return;
	}
	k = k ? k : known_make(&d->files, name);
	if (!k)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && descriptors_short(-errno)) {
		look_again(t, k, name);
		return;
	}
	if (fd < 0 || fstat(fd, &s))
		problem = strerror(errno);
	else
		problem = file_read(fd, &s, &bytes);
	if (!problem && (fstat(fd, &after) || after.st_size != s.st_size ||
			 after.st_mtim.tv_nsec != s.st_mtim.tv_nsec)) {
		touch(d, name); /* written while it was read: its close will come */
		return;
	}
	content = (struct slice){bytes ? bytes : "", bytes ? (size_t)s.st_size : 0};
	same_file = k->device == s.st_dev && k->inode == s.st_ino;
	known_remember(k, &s);
	problem = problem ? problem : emptied(k, same_file, content);
	report(t, name, problem ? (struct slice){"", 0} : content, false, problem);
}

static void mark_unseen(const void *node, VISIT which, int depth)
{
	(void)depth;
	if (which == postorder || which == leaf)
		(*(struct known *const *)node)->seen = false;
}

/* Makes every check find a difference. */
static void mark_changed(const void *node, VISIT which, int depth)
{
	(void)depth;
	if (which == postorder || which == leaf)
		(*(struct known *const *)node)->modified.tv_nsec = -1;
}

static void touch_unseen(const void *node, VISIT which, void *arg)
{
	const struct known *k = *(struct known *const *)node;

	if ((which == postorder || which == leaf) && !k->seen)
		touch(arg, k->name);
}

static void count_missing(const void *node, VISIT which, void *arg)
{
	const struct known *k = *(struct known *const *)node;
	struct directory *d = arg;
	char path[PATH_MAX];
	struct stat s;

	if (which != postorder && which != leaf)
		return;
	snprintf(path, sizeof(path), "%s/%s", d->path, k->name);
	d->missing += stat(path, &s) || (k->size && !s.st_size);
}

static int64_t since_ns(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - then->tv_sec) * 1000000000L + now.tv_nsec - then->tv_nsec;
}

/* Whether files are still being copied into a directory that has replaced another one. */
static bool is_filling(struct directory *d)
{
	if (!d->replaced || since_ns(&d->last) > FILL_QUIET_NS || since_ns(&d->first) > FILL_MAX_NS)
		return false;
	d->missing = 0;
	twalk_r(d->files, count_missing, d);
	return d->missing;
}

/* Checks the files that are there. Returns their number. */
static unsigned look_at_each(const struct reporting *t, DIR *dir)
{
	struct dirent *entry;
	unsigned count = 0;

	while ((entry = readdir(dir))) {
		struct known *k;

		if (!directory_counts(entry->d_name))
			continue;
		count++;
		look(t, entry->d_name);
		k = known_get(t->d->files, entry->d_name);
		if (k)
			k->seen = true;
	}
	return count;
}

/* Checks every file, and finds removed ones. In another directory none is removed before there is a
 * file: it looks like one that is not mounted. */
static void walk(const struct reporting *t)
{
	struct directory *d = t->d;
	cleanup_closedir DIR *dir = opendir(d->path);
	int error = errno;

	if (!dir) {
		d->again = descriptors_short(-error);
		d->replaced |= !d->again;
		d->walk = true;
		snprintf(d->problem, sizeof(d->problem), "%s", strerror(error));
		return;
	}
	d->walk = is_filling(d);
	twalk(d->files, mark_unseen);
	if (d->walk || (!look_at_each(t, dir) && d->replaced && d->files)) {
		d->walk = true;
		snprintf(d->problem, sizeof(d->problem), "%s", DIRECTORY_REPLACED);
		return;
	}
	d->problem[0] = 0;
	d->replaced = false;
	twalk_r(d->files, touch_unseen, d);
}

static void report_all(const struct reporting *t)
{
	struct directory *d = t->d;
	struct names touched;
	char *name;

	if (d->walk)
		walk(t);
	if (d->problem[0]) { /* it checks all of them when the directory can be read */
		names_clear(&d->touched);
		names_clear(&d->later);
		return;
	}
	touched = d->touched;
	d->touched = (struct names){0};
	while ((name = names_take(&touched))) {
		if (!names_has(&d->later, name)) /* else the walk has just reported it */
			look(t, name);
		free(name);
	}
}

/* Checks postponed names again: a shortage may be over, a writer may have ended without a close. */
static void look_later(struct directory *d)
{
	char *name;

	while ((name = names_take(&d->later))) {
		touch(d, name);
		free(name);
	}
	if (d->again || d->touched.root)
		loop_timer_set(d->timer_fd, AGAIN_NS);
	d->again = false;
}

void directory_visit_all(struct directory *d, directory_visit *visit, void *arg)
{
	struct reporting t = {d, visit, arg};

	twalk(d->files, mark_changed);
	watch_inside(d);
	if (d->inside >= 0)
		walk(&t);
	look_later(d);
}

/* ---- events */

static void settle_after(struct directory *d, long delay_ns)
{
	clock_gettime(CLOCK_MONOTONIC, &d->last);
	if (!d->settle_ns)
		d->first = d->last;
	if (delay_ns > d->settle_ns)
		d->settle_ns = delay_ns;
	loop_timer_set(d->timer_fd, since_ns(&d->first) + d->settle_ns > SETTLE_MAX_NS
					    ? 1
					    : (uint64_t)d->settle_ns);
}

/* The directory may have been replaced by another one, or by a link to one. */
static void event_above(struct directory *d, const struct inotify_event *e)
{
	if (!e->len || strcmp(e->name, d->leaf) != 0)
		return;
	watch_inside(d);
	settle_after(d, SETTLE_RENAME_NS);
}

/* A link is complete at once: it is not written and closed. */
static bool is_link(const struct directory *d, const char *name)
{
	char path[PATH_MAX];
	struct stat s;

	snprintf(path, sizeof(path), "%s/%s", d->path, name);
	return !lstat(path, &s) && (S_ISLNK(s.st_mode) || s.st_nlink > 1);
}

static void event_inside(struct directory *d, const struct inotify_event *e)
{
	if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) {
		watch_inside(d);
		settle_after(d, SETTLE_RENAME_NS);
		return;
	}
	if (e->len && e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE))
		names_drop(&d->written, e->name);
	if (e->len && e->mask & IN_MODIFY && directory_counts(e->name))
		names_add(&d->written, e->name);
	if (!e->len || e->mask & IN_MODIFY || ((e->mask & IN_CREATE) && !is_link(d, e->name)))
		return; /* a new file, or one being written: its close follows */
	if (directory_counts(e->name))
		touch(d, e->name);
	else if (e->mask & IN_MOVED_TO)
		d->walk = true; /* links may lead to another directory now */
	else
		return;
	settle_after(d, e->mask & IN_DELETE			 ? SETTLE_DELETE_NS
			: e->mask & (IN_CLOSE_WRITE | IN_ATTRIB) ? SETTLE_WRITE_NS
								 : SETTLE_RENAME_NS);
}

static void event(struct directory *d, const struct inotify_event *e)
{
	if (e->mask & IN_Q_OVERFLOW) {
		names_clear(&d->written);
		d->walk = true;
		settle_after(d, SETTLE_WRITE_NS);
	} else if (e->wd == d->above) {
		event_above(d, e);
	} else if (e->wd == d->inside) {
		event_inside(d, e);
	}
}

static void take_events(struct directory *d)
{
	char buffer[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n;

	while ((n = read(d->watch_fd, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(buffer + at);

			event(d, e);
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	}
}

/* Whether a program is changing several files (DIRECTORY_HOLD). */
static bool is_held(const struct directory *d)
{
	char path[PATH_MAX];
	struct timespec now;
	struct stat s;

	snprintf(path, sizeof(path), "%s/" DIRECTORY_HOLD, d->path);
	if (stat(path, &s))
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec >= s.st_mtim.tv_sec && now.tv_sec - s.st_mtim.tv_sec <= HOLD_MAX_S;
}

bool directory_handle(struct directory *d, directory_visit *visit, void *arg)
{
	struct reporting t = {d, visit, arg};
	uint64_t later_ns;
	unsigned visits;

	take_events(d);
	if (!loop_timer_due(d->timer_fd))
		return false;
	later_ns = is_held(d) ? HOLD_LOOK_NS : is_filling(d) ? FILL_LOOK_NS : 0;
	if (later_ns) {
		loop_timer_set(d->timer_fd, later_ns);
		return false;
	}
	d->settle_ns = 0;
	if (d->inside < 0)
		return true;
	visits = d->visits;
	report_all(&t);
	look_later(d);
	return d->visits != visits || !d->touched.root;
}

void directory_look(struct directory *d)
{
	watch_above(d);
	if (watch_inside(d))
		settle_after(d, SETTLE_RENAME_NS);
}
