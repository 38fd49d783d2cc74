/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 1: the path of the executable of a process, and the owners of the file and its directories.
 * It is read from the dentries: from the file up to the root of the mount namespace in which it was
 * found. A file that was replaced or removed meanwhile keeps its path.
 *
 * There is no path for a file that was never in a directory (memfd), that is deeper than
 * WEFT_PATH_COMPONENTS, or that is in a mount namespace of a user namespace: its creator may mount
 * anything anywhere in it. */
#pragma once

#include "bpf/lib/kernel.bpf.h"

#define PATH_STEPS  48 /* components and mounts */
#define NAME_CHUNKS 8  /* per component: NAME_MAX is 255 */
#define CHUNK_BYTES 32

#define OTHERS_WRITE 0022 /* the bits of group and others in inode.i_mode */

#define PATH_UP	  0
#define PATH_ROOT 1
#define PATH_NONE 2

struct path_walk {
	__u64 dentry; /* addresses */
	__u64 mount;
	__u64 top;   /* dentry of the mount's root */
	__u64 below; /* parent mount; itself: none */
	struct weft_path_hash hash;
	__u64 root; /* root dentry of the mount of the last component */
	__u32 owner;
	__u16 components;
	__u16 is_fed; /* the name of |dentry| is in |hash| already */
};

/* A chunk of a component. */
struct path_chunk {
	char text[CHUNK_BYTES];
	__u64 end; /* for the NUL */
};

/* Global functions, so that each is verified once. */
__weak __noinline int path_word(struct weft_path_hash *h, __u64 word)
{
	if (h)
		weft_path_word(h, word);
	return 0;
}

__weak __noinline int path_chunk(struct weft_path_hash *h, const struct path_chunk *chunk,
				 __u32 bytes)
{
	__u64 words[CHUNK_BYTES / 8];

	if (!h || !chunk)
		return 0;
	__builtin_memcpy(words, chunk->text, sizeof(words));
	for (__u32 i = 0; i < CHUNK_BYTES / 8; i++)
		if (i * 8 < bytes)
			path_word(h, words[i]);
	return 0;
}

__weak __noinline __u64 path_end(struct weft_path_hash *h)
{
	return h ? weft_path_end(h) : 0;
}

/* Hashes one component. Negative: it is too long, or cannot be read. */
__weak __noinline int path_name(struct weft_path_hash *h, __u64 name)
{
	__u32 length = 0;
	long read;

	if (!h)
		return -1;
	for (int i = 0; i < NAME_CHUNKS; i++) {
		struct path_chunk chunk = {};

		read = bpf_probe_read_kernel_str(&chunk, CHUNK_BYTES + 1,
						 (const void *)(name + length));
		if (read < 1)
			return -1;
		path_chunk(h, &chunk, read - 1);
		length += read - 1;
		if (read <= CHUNK_BYTES)
			break;
	}
	if (!length || length >= NAME_CHUNKS * CHUNK_BYTES)
		return -1;
	return path_word(h, length);
}

/* Adds the users who may change the current dentry to those who may change what lies below. */
__weak __noinline int path_owner(struct path_walk *w)
{
	const struct dentry *dentry;
	const struct inode *inode;
	__u32 uid;

	if (!w || w->owner == WEFT_OWNERS_MANY)
		return 0;
	dentry = (const void *)w->dentry;
	inode = BPF_CORE_READ(dentry, d_inode);
	uid = BPF_CORE_READ(inode, i_uid.val);
	if (!inode || BPF_CORE_READ(inode, i_mode) & OTHERS_WRITE)
		w->owner = WEFT_OWNERS_MANY;
	else if (uid && w->owner != uid)
		w->owner = w->owner ? WEFT_OWNERS_MANY : uid;
	return 0;
}

static __always_inline void path_enter(struct path_walk *w, __u64 address)
{
	const struct mount *mount = (const void *)address;

	w->mount = address;
	w->top = (__u64)BPF_CORE_READ(mount, mnt.mnt_root);
	w->below = (__u64)BPF_CORE_READ(mount, mnt_parent);
}

/* Hashes the name of the current dentry, unless that was done. */
static __always_inline int path_feed(struct path_walk *w)
{
	const struct dentry *dentry = (const void *)w->dentry;
	bool is_fed = w->is_fed;

	w->is_fed = 0;
	return is_fed ? 0 : path_name(&w->hash, (__u64)BPF_CORE_READ(dentry, d_name.name));
}

/* From the root of a mount to its mount point. */
static __always_inline void path_leave(struct path_walk *w)
{
	const struct mount *mount = (const void *)w->mount;

	w->dentry = (__u64)BPF_CORE_READ(mount, mnt_mountpoint);
	path_enter(w, w->below);
}

/* One step up. */
__weak __noinline int path_step(struct path_walk *w)
{
	const struct dentry *dentry;
	bool is_root, is_last;
	__u64 parent;

	if (!w)
		return PATH_NONE;
	is_root = w->dentry == w->top;
	is_last = w->below == w->mount;
	if (!is_root || !is_last || w->root == w->dentry) /* else a mount covers it */
		path_owner(w);
	if (is_root && is_last)
		return PATH_ROOT;
	if (is_root) {
		path_leave(w);
		return PATH_UP;
	}
	dentry = (const void *)w->dentry;
	parent = (__u64)BPF_CORE_READ(dentry, d_parent);
	if (parent == w->dentry || w->components++ >= WEFT_PATH_COMPONENTS || path_feed(w))
		return PATH_NONE;
	w->dentry = parent;
	w->root = w->top;
	return PATH_UP;
}

/* The initial user namespace, of which only root creates namespaces and devices. */
static __always_inline bool user_is_initial(const struct user_namespace *user)
{
	int level = -1;

	return user && !bpf_core_read(&level, sizeof(level), &user->level) && !level;
}

static __always_inline bool mount_counts(const struct mount *mount)
{
	return user_is_initial(BPF_CORE_READ(mount, mnt_ns, user_ns));
}

/* The hash of the file's name, 0: it has none. The path ends with it, too, unless something is
 * mounted on the file. */
__weak __noinline __u64 program_name(struct path_walk *w)
{
	struct weft_path_hash hash;

	if (!w)
		return 0;
	weft_path_begin(&w->hash);
	if (path_feed(w))
		return 0;
	hash = w->hash;
	if (w->dentry == w->top)
		weft_path_begin(&w->hash);
	else
		w->is_fed = 1;
	return path_end(&hash);
}

/* Whether it has a path, which is then in |w->hash|. */
static __always_inline bool program_path(struct path_walk *w)
{
	int step = PATH_UP;

	if (!mount_counts((const void *)w->mount))
		return false;
	for (int i = 0; i < PATH_STEPS && step == PATH_UP; i++)
		step = path_step(w);
	return step == PATH_ROOT && w->components;
}

/* Name, path and owner of the file |dentry| on |mount|. Fields that stay the same are not changed
 * in between, as others may read them at the same time. */
__weak __noinline int program_place(struct weft_program *ret, __u64 dentry, __u64 mount)
{
	struct path_walk w = {.dentry = dentry};
	__u64 name;
	bool found;

	if (!ret)
		return 0;
	path_enter(&w, mount);
	name = program_name(&w);
	found = name && program_path(&w);
	ret->name = name;
	ret->path = found ? path_end(&w.hash) : 0;
	ret->path_more = found ? weft_path_more(&w.hash) : 0;
	ret->owner = found ? w.owner : 0;
	return 0;
}

/* The executable of the process |task| (an address). */
static __always_inline void program_of(struct weft_program *ret, __u64 task)
{
	const struct file *file = BPF_CORE_READ((const struct task_struct *)task, mm, exe_file);

	if (file)
		program_place(ret, (__u64)BPF_CORE_READ(file, f_path.dentry),
			      (__u64)BPF_CORE_READ(file, f_path.mnt) -
				      bpf_core_field_offset(struct mount, mnt));
	else
		__builtin_memset(ret, 0, sizeof(*ret));
}
