// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Links of the sk_lookup program, one in each network namespace. The hook does not tell its
 * namespace; so each namespace has a small program that stores the namespace and tail-calls the one
 * that decides. */
#include "datapath/attach/mesh/lookups.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/descriptors.h"
#include "datapath/attach/core/attach.h"

struct lookup {
	ino_t netns_ino;
	int link_fd;
	bool met; /* seen in the current walk */
};

struct lookups {
	int here_fd;   /* weft_here */
	int decide_fd; /* program array with the program that decides */
	struct lookup items[LOOKUPS_MAX];
	uint32_t count;
};

/* ---- the program of one namespace */

#define INSN(op, dst, src, offset, value)                                                          \
	((struct bpf_insn){.code = (op),                                                           \
			   .dst_reg = (dst),                                                       \
			   .src_reg = (src),                                                       \
			   .off = (offset),                                                        \
			   .imm = (__s32)(value)})
#define MOVE(dst, src)	   INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define MOVE_VALUE(dst, v) INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, v)
#define CALL(helper)	   INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
/* two instructions */
#define LOAD_MAP(dst, fd)                                                                          \
	INSN(BPF_LD | BPF_DW | BPF_IMM, dst, BPF_PSEUDO_MAP_FD, 0, fd), INSN(0, 0, 0, 0, 0)

/* Sets weft_here of this CPU to |netns_ino|, then tail-calls the program in |decide_fd|; passes if
 * that fails. Returns a descriptor or the kernel's error. */
static int namespace_program(const struct lookups *l, uint32_t netns_ino)
{
	const struct bpf_insn program[] = {
		MOVE(BPF_REG_6, BPF_REG_1),
		INSN(BPF_ST | BPF_W | BPF_MEM, BPF_REG_10, 0, -4, 0),
		LOAD_MAP(BPF_REG_1, l->here_fd),
		MOVE(BPF_REG_2, BPF_REG_10),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4),
		CALL(BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0),
		MOVE_VALUE(BPF_REG_1, netns_ino),
		INSN(BPF_STX | BPF_W | BPF_MEM, BPF_REG_0, BPF_REG_1, 0, 0),
		MOVE(BPF_REG_1, BPF_REG_6),
		LOAD_MAP(BPF_REG_2, l->decide_fd),
		MOVE_VALUE(BPF_REG_3, 0),
		CALL(BPF_FUNC_tail_call),
		MOVE_VALUE(BPF_REG_0, SK_PASS),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_SK_LOOKUP);

	return bpf_prog_load(BPF_PROG_TYPE_SK_LOOKUP, "weft_here", "GPL", program,
			     sizeof(program) / sizeof(program[0]), &opts);
}

/* ---- all of them */

int lookups_new(struct attach *a, struct lookups **ret_lookups, struct error *err)
{
	struct bpf_program *program = attach_program(a, PROGRAM_mesh_lookup);
	__u32 zero = 0, program_fd;
	struct lookups *l;

	if (!program)
		return error_set(err, -ENOENT, "the kernel half has no socket lookup program");
	l = calloc(1, sizeof(*l));
	if (!l)
		return error_set(err, -ENOMEM, "no memory");
	program_fd = (__u32)bpf_program__fd(program);
	l->here_fd = attach_map_fd(a, "weft_here");
	l->decide_fd = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "weft_decide", sizeof(__u32),
				      sizeof(__u32), 1, NULL);
	if (l->decide_fd < 0 || bpf_map_update_elem(l->decide_fd, &zero, &program_fd, BPF_ANY)) {
		int r = -errno;

		lookups_free(l);
		return error_set(err, r, "no table for the socket lookup program: %s",
				 strerror(-r));
	}
	*ret_lookups = l;
	return 0;
}

void lookups_free(struct lookups *l)
{
	if (!l)
		return;
	for (uint32_t i = 0; i < l->count; i++)
		close(l->items[i].link_fd);
	cleanup_close_fd(&l->decide_fd);
	free(l);
}

uint32_t lookups_count(const struct lookups *l)
{
	return l->count;
}

/* A known namespace is met. */
static bool is_known(struct lookups *l, ino_t netns_ino)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (l->items[i].netns_ino == netns_ino) {
			l->items[i].met = true;
			return true;
		}
	return false;
}

int lookups_add(struct lookups *l, int fd)
{
	int program_fd cleanup_close = -1;
	struct stat st;
	int link_fd = -1;

	if (fstat(fd, &st))
		return -errno;
	if (is_known(l, st.st_ino))
		return -EEXIST;
	if (l->count == LOOKUPS_MAX)
		return -ENOSPC;
	if (!descriptors_spare())
		return -EMFILE; /* it is retried at the next walk */
	program_fd = namespace_program(l, (uint32_t)st.st_ino);
	if (program_fd < 0)
		return program_fd;
	link_fd = bpf_link_create(program_fd, fd, BPF_SK_LOOKUP, NULL);
	if (link_fd < 0)
		return link_fd;
	l->items[l->count++] = (struct lookup){st.st_ino, link_fd, true};
	return 0;
}

static void process_visit(struct lookups *l, const char *pid)
{
	int fd cleanup_close = -1;
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%.16s/ns/net", pid);
	if (stat(path, &st) || is_known(l, st.st_ino))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		lookups_add(l, fd);
}

uint32_t lookups_refresh(struct lookups *l)
{
	DIR *proc cleanup_closedir = opendir("/proc");
	struct dirent *entry;
	uint32_t kept = 0;

	if (!proc)
		return l->count;
	for (uint32_t i = 0; i < l->count; i++)
		l->items[i].met = false;
	while ((entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			process_visit(l, entry->d_name);
	for (uint32_t i = 0; i < l->count; i++) {
		if (l->items[i].met)
			l->items[kept++] = l->items[i];
		else
			close(l->items[i].link_fd);
	}
	return l->count = kept;
}
