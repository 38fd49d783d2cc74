/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The owner of a socket and its program, which is identified by the path, the name and the owners
 * of its file. Part of bpf/abi.h, which is what others include. */
#pragma once

/* Components of a path that is hashed; a deeper path is not known. */
#define WEFT_PATH_COMPONENTS 32u

/* The last component in clear text, with a NUL; longer names are truncated. */
#define WEFT_NAME_BYTES 64u

/* A path is identified by 96 bits of an unkeyed hash: a preimage takes 2^96 trials. 0: not
 * known. */
struct weft_program {
	__u64 name;	 /* hash of the last component */
	__u64 path;	 /* hash of the path, 0 = not known, see bpf/lib/program.bpf.h */
	__u32 path_more; /* 32 more bits of the path's hash */
	__u32 owner; /* the user who may change the file or a directory above it beside root, 0 =
			none, WEFT_OWNERS_MANY; undefined without a path */
};

#define WEFT_OWNERS_MANY 0xffffffffu

/* The owner of a socket: the process that connected or listened (accepted sockets inherit it), or
 * that a walk found holding it. */
struct weft_owner {
	__u64 cgroup_id; /* cgroup v2, 0 = not known */
	__u64 start_ns;	 /* start of the process, CLOCK_BOOTTIME: distinguishes a reused pid */
	__u32 pid;	 /* thread group id in the initial namespace, 0 = not known */
	__u32 uid;
	char comm[16];		   /* of the group leader or of the calling thread, NUL-padded */
	char exe[WEFT_NAME_BYTES]; /* last component of the executable's path, NUL-padded */
	struct weft_program program;
};

/* Whether the program's file is at the path with the hash |path|, |more|. */
static inline int weft_program_is(const struct weft_program *p, __u64 path, __u32 more)
{
	return p->path == path && p->path_more == more;
}

/* Whether only root and the user |uid| may change the file. */
static inline int weft_program_owned(const struct weft_program *p, __u32 uid)
{
	return p->path && (!p->owner || p->owner == uid);
}

/* The state of SipHash, with four rounds for each word. The input is, from the last component of a
 * path to the first, the bytes of each, padded with zeros to words, and then their number, so that
 * two paths never give the same words. */
struct weft_path_hash {
	__u64 v[4];
};

static inline __u64 weft_rotate(__u64 word, __u32 bits)
{
	return word << bits | word >> (64 - bits);
}

static inline void weft_path_round(__u64 v[4])
{
	v[0] += v[1];
	v[1] = weft_rotate(v[1], 13) ^ v[0];
	v[0] = weft_rotate(v[0], 32);
	v[2] += v[3];
	v[3] = weft_rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = weft_rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = weft_rotate(v[1], 17) ^ v[2];
	v[2] = weft_rotate(v[2], 32);
}

static inline void weft_path_rounds(__u64 v[4], __u32 rounds)
{
	for (__u32 i = 0; i < rounds; i++)
		weft_path_round(v);
}

static inline void weft_path_begin(struct weft_path_hash *h)
{
	h->v[0] = 0x736f6d6570736575ull;
	h->v[1] = 0x646f72616e646f6dull ^ 0xee;
	h->v[2] = 0x6c7967656e657261ull;
	h->v[3] = 0x7465646279746573ull;
}

static inline void weft_path_word(struct weft_path_hash *h, __u64 word)
{
	h->v[3] ^= word;
	weft_path_rounds(h->v, 4);
	h->v[0] ^= word;
}

/* Never 0. */
static inline __u64 weft_path_end(struct weft_path_hash *h)
{
	__u64 end;

	h->v[2] ^= 0xee;
	weft_path_rounds(h->v, 8);
	end = h->v[0] ^ h->v[1] ^ h->v[2] ^ h->v[3];
	return end ? end : 1;
}

/* After weft_path_end. */
static inline __u32 weft_path_more(struct weft_path_hash *h)
{
	h->v[1] ^= 0xdd;
	weft_path_rounds(h->v, 8);
	return (__u32)(h->v[0] ^ h->v[1] ^ h->v[2] ^ h->v[3]);
}

_Static_assert(sizeof(struct weft_path_hash) == 32, "path hash");
_Static_assert(sizeof(struct weft_program) == 24, "program");
_Static_assert(sizeof(struct weft_owner) == 128, "owner");
