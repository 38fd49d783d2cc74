// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* poll() reports a change of a mount table. */
#include "datapath/attach/core/mount_tables.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"

#define TABLE_MAX_BYTES	     (64u << 20)
#define PLACE_MAX	     128
#define TABLE_FIRST_BYTES    (64u << 10)
#define FIRST_USER_NAMESPACE 0xEFFFFFFDu /* include/linux/proc_ns.h: PROC_USER_INIT_INO */

enum { TABLE_OWN, TABLE_FIRST, TABLE_ENTERED, TABLES };

struct mounts_table {
	int fd; /* mountinfo; -1: it does not exist */
	uint32_t pid;
	char place[PLACE_MAX]; /* its namespace and root, which determine the table */
	char *data;
	size_t bytes;
	size_t room;
	bool read;
};

struct mount_tables {
	struct mounts_table at[TABLES];
	dev_t own;    /* device of this program's file; 0: not known */
	dev_t memory; /* device of memfd_create() files, which is in no table */
};

/* "" if it cannot be determined. */
static void place_read(uint32_t pid, char ret[PLACE_MAX])
{
	static const char *const links[] = {"ns/mnt", "root"};
	size_t used = 0;

	for (size_t i = 0; i < 2; i++) {
		char path[48];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%u/%s", pid, links[i]);
		n = readlink(path, ret + used, PLACE_MAX - used);
		used = n < 0 ? PLACE_MAX : used + (size_t)n;
		if (used >= PLACE_MAX)
			break;
	}
	ret[used < PLACE_MAX ? used : 0] = 0;
}

static int table_open(struct mounts_table *t, uint32_t pid)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%u/mountinfo", pid);
	t->fd = open(path, O_RDONLY | O_CLOEXEC);
	t->pid = pid;
	t->bytes = 0;
	t->read = false;
	place_read(pid, t->place);
	return t->fd < 0 ? -errno : 0;
}

static void table_close(struct mounts_table *t)
{
	cleanup_close_fd(&t->fd);
	t->fd = -1;
	t->bytes = 0;
}

static bool table_grow(struct mounts_table *t)
{
	size_t room = t->room ? 2 * t->room : TABLE_FIRST_BYTES;
	char *data = room <= TABLE_MAX_BYTES ? realloc(t->data, room) : NULL;

	if (!data)
		return false;
	t->data = data;
	t->room = room;
	return true;
}

/* Reads the whole table or nothing. */
static void table_read(struct mounts_table *t)
{
	ssize_t n = 1;

	t->bytes = 0;
	t->read = true;
	while (n > 0) {
		if (t->bytes == t->room && !table_grow(t))
			break;
		n = pread(t->fd, t->data + t->bytes, t->room - t->bytes, (off_t)t->bytes);
		t->bytes += n > 0 ? (size_t)n : 0;
	}
	if (n)
		t->bytes = 0;
}

static struct slice table_known(struct mounts_table *t)
{
	if (t->fd >= 0 && !t->read)
		table_read(t);
	return (struct slice){t->data, t->bytes};
}

/* The current table: text that is read after poll() is as new as its answer. Invalidates earlier
 * text. */
static struct slice table_now(struct mounts_table *t)
{
	struct pollfd changed = {.fd = t->fd, .events = POLLPRI};

	if (t->fd >= 0 && poll(&changed, 1, 0) > 0)
		t->read = false;
	return table_known(t);
}

/* ---- this program's file system */

static void learn_devices(struct mount_tables *t)
{
	int program cleanup_close = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	int memory cleanup_close = memfd_create("weft", MFD_CLOEXEC);
	struct mount_entry e;
	struct statx stx;
	struct stat st;

	if (program >= 0 &&
	    !statx(program, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &stx) &&
	    mount_tables_find(t, stx.stx_mask & STATX_MNT_ID ? stx.stx_mnt_id : 0,
			      stx.stx_dev_major, stx.stx_dev_minor, &e))
		t->own = makedev(e.device_major, e.device_minor);
	if (memory >= 0 && !fstat(memory, &st))
		t->memory = st.st_dev;
}

int mount_tables_new(struct mount_tables **ret, struct error *err)
{
	struct mount_tables *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return error_set(err, -ENOMEM, "no memory for the table of mounts");
	for (unsigned i = 0; i < TABLES; i++)
		t->at[i].fd = -1;
	r = table_open(&t->at[TABLE_OWN], (uint32_t)getpid());
	if (r) {
		mount_tables_free(t);
		return error_set(err, r, "cannot read /proc/self/mountinfo: %s", strerror(-r));
	}
	table_open(&t->at[TABLE_FIRST], 1);
	learn_devices(t);
	*ret = t;
	return 0;
}

void mount_tables_free(struct mount_tables *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < TABLES; i++) {
		table_close(&t->at[i]);
		free(t->at[i].data);
	}
	free(t);
}

/* ---- another process */

int mount_tables_enter(struct mount_tables *t, uint32_t pid)
{
	mount_tables_leave(t);
	for (unsigned i = 0; i < TABLE_ENTERED; i++)
		table_now(&t->at[i]);
	return table_open(&t->at[TABLE_ENTERED], pid);
}

void mount_tables_leave(struct mount_tables *t)
{
	table_close(&t->at[TABLE_ENTERED]);
}

/* The table may be the node's, which is long and was read already. */
struct slice mount_tables_text(struct mount_tables *t)
{
	struct mounts_table *entered = &t->at[TABLE_ENTERED];

	for (unsigned i = 0; i < TABLE_ENTERED; i++)
		if (t->at[i].fd >= 0 && entered->place[0] &&
		    !strcmp(t->at[i].place, entered->place))
			return table_known(&t->at[i]);
	return table_known(entered);
}

/* ---- questions */

bool mount_tables_find(struct mount_tables *t, uint64_t id, uint32_t device_major,
		       uint32_t device_minor, struct mount_entry *ret)
{
	for (unsigned i = 0; id && i < TABLES; i++)
		if (mount_text_by_id(table_now(&t->at[i]), id, ret))
			return true;
	for (unsigned i = 0; i < TABLES; i++)
		if (mount_text_by_device(table_now(&t->at[i]), device_major, device_minor, ret))
			return true;
	*ret = (struct mount_entry){
		.device_major = device_major, .device_minor = device_minor, .type = SLICE("tmpfs")};
	return t->memory && t->memory == makedev(device_major, device_minor);
}

static bool is_own(const struct mount_tables *t, const struct mount_entry *e)
{
	return t->own && t->own == makedev(e->device_major, e->device_minor);
}

/* Relative paths of layers are relative to the upper layer's directory. */
static bool layers_are_local(const struct mount_tables *t, struct slice text,
			     const struct mount_entry *overlay)
{
	struct mount_layers layers = {overlay->options, {0}};
	struct mount_entry e;
	char layer[PATH_MAX];

	while (mount_layer_next(&layers, layer))
		if (layer[0] == '/' && (!mount_text_above(text, layer, &e) ||
					(!mount_type_is_local(e.type) && !is_own(t, &e))))
			return false;
	return true;
}

/* Whether only root can have made the mounts of the entered process: in a user namespace any user
 * can, and the paths of overlay layers may have meant something else at that time. */
static bool is_roots(const struct mount_tables *t)
{
	cleanup_close int mounts = -1, users = -1;
	struct stat st;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%u/ns/mnt", t->at[TABLE_ENTERED].pid);
	mounts = open(path, O_RDONLY | O_CLOEXEC);
	users = mounts < 0 ? -1 : ioctl(mounts, NS_GET_USERNS);
	return users >= 0 && !fstat(users, &st) && st.st_ino == FIRST_USER_NAMESPACE;
}

static bool overlay_is_local(struct mount_tables *t, const struct mount_entry *overlay)
{
	struct mount_entry e;

	for (unsigned i = 0; i < TABLES; i++) {
		struct slice text = table_known(&t->at[i]);

		if (mount_text_by_device(text, overlay->device_major, overlay->device_minor, &e))
			return (i != TABLE_ENTERED || is_roots(t)) && layers_are_local(t, text, &e);
	}
	return false;
}

bool mount_tables_is_local(struct mount_tables *t, const struct mount_entry *entry)
{
	if (is_own(t, entry))
		return true;
	return mount_type_is_local(entry->type) &&
	       (!mount_type_is_overlay(entry->type) || overlay_is_local(t, entry));
}
