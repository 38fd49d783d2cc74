// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Prints for each program of a BPF object the most stack that functions which call each other take, and how many they are,
 * as Linux 5.15 to 6.8 count (kernel/bpf/verifier.c, check_max_stack_depth): each frame is rounded up to 32 bytes, a
 * callback is a call. Newer kernels round to 16, so what loads there may be refused elsewhere. Then the functions, outermost
 * first, with their own bytes. Loads the object: only that joins a program and what it calls.
 * Usage: stack_depth OBJECT */
#include <linux/types.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTIONS_MAX 128
#define ROUND	      32
#define FRAME	      BPF_REG_10

struct function {
	size_t first, end; /* instructions */
	unsigned bytes;
};

struct program {
	const struct bpf_insn *insns;
	size_t count;
	struct function functions[FUNCTIONS_MAX];
	unsigned function_count;
};

static bool is_wide(const struct bpf_insn *i)
{
	return i->code == (BPF_LD | BPF_IMM | BPF_DW);
}

/* Where a call leads, or a callback; 0: it is neither (nothing calls the first instruction). */
static size_t target_of(const struct program *p, size_t at)
{
	const struct bpf_insn *i = &p->insns[at];

	if ((i->code == (BPF_JMP | BPF_CALL) && i->src_reg == BPF_PSEUDO_CALL) ||
	    (is_wide(i) && i->src_reg == BPF_PSEUDO_FUNC))
		return at + (size_t)(i->imm + 1);
	return 0;
}

static int by_first(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static void function_add(struct program *p, size_t first)
{
	for (unsigned i = 0; i < p->function_count; i++)
		if (p->functions[i].first == first)
			return;
	if (p->function_count == FUNCTIONS_MAX)
		exit(1);
	p->functions[p->function_count++] = (struct function){.first = first};
}

static void at_least(struct function *f, int offset)
{
	if (offset < 0 && (unsigned)-offset > f->bytes)
		f->bytes = (unsigned)-offset;
}

/* The farthest that is reached from the frame pointer, by itself or by a copy that is moved. */
static void measure(const struct program *p, struct function *f)
{
	bool copy[16] = {false};

	for (size_t at = f->first; at < f->end; at++) {
		const struct bpf_insn *i = &p->insns[at];
		__u8 class = BPF_CLASS(i->code);

		if ((class == BPF_LDX && i->src_reg == FRAME) ||
		    ((class == BPF_STX || class == BPF_ST) && i->dst_reg == FRAME))
			at_least(f, i->off);
		if (i->code == (BPF_ALU64 | BPF_ADD | BPF_K) && copy[i->dst_reg])
			at_least(f, i->imm);
		if (class == BPF_ALU64 || class == BPF_ALU || class == BPF_LDX || class == BPF_LD)
			copy[i->dst_reg] = i->code == (BPF_ALU64 | BPF_MOV | BPF_X) && i->src_reg == FRAME;
		at += is_wide(i);
	}
}

static void functions_find(struct program *p)
{
	function_add(p, 0);
	for (size_t at = 0; at < p->count; at += 1 + is_wide(&p->insns[at]))
		if (target_of(p, at))
			function_add(p, target_of(p, at));
	qsort(p->functions, p->function_count, sizeof(p->functions[0]), by_first);
	for (unsigned i = 0; i < p->function_count; i++) {
		struct function *f = &p->functions[i];

		f->end = i + 1 < p->function_count ? f[1].first : p->count;
		measure(p, f);
	}
}

/* A way through functions, outermost first. */
struct way {
	unsigned bytes, frames;
	unsigned functions[FUNCTIONS_MAX];
};

static struct way deepest(const struct program *p, unsigned number, unsigned frames)
{
	const struct function *f = &p->functions[number];
	struct way found = {0}, way;

	for (size_t at = f->first; at < f->end && frames < 32; at += 1 + is_wide(&p->insns[at])) {
		size_t first = target_of(p, at);
		unsigned callee = 0;

		if (!first)
			continue;
		while (p->functions[callee].first != first)
			callee++;
		way = deepest(p, callee, frames + 1);
		if (way.bytes > found.bytes)
			found = way;
	}
	memmove(found.functions + 1, found.functions, found.frames * sizeof(unsigned));
	found.functions[0] = number;
	found.frames++;
	found.bytes += (f->bytes ? f->bytes + ROUND - 1 : ROUND) / ROUND * ROUND;
	return found;
}

static void show(const struct bpf_program *program)
{
	struct program p = {.insns = bpf_program__insns(program), .count = bpf_program__insn_cnt(program)};
	struct way way;

	functions_find(&p);
	way = deepest(&p, 0, 0);
	printf("%s %u %u", bpf_program__name(program), way.bytes, way.frames);
	for (unsigned i = 0; i < way.frames; i++)
		printf(" %u", p.functions[way.functions[i]].bytes);
	putchar('\n');
}

static struct bpf_object *load(const char *path, bool maps_walked)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;

	if (!object)
		return NULL;
	bpf_object__for_each_program(program, object)
		if (!maps_walked && !strcmp(bpf_program__section_name(program), "iter/bpf_sk_storage_map"))
			bpf_program__set_autoload(program, false);
	if (!bpf_object__load(object))
		return object;
	bpf_object__close(object);
	return NULL;
}

int main(int argc, char **argv)
{
	struct bpf_object *object = argc == 2 ? load(argv[1], true) : NULL;
	struct bpf_program *program;

	if (!object && argc == 2)
		object = load(argv[1], false);
	if (!object)
		return 1;
	bpf_object__for_each_program(program, object)
		if (bpf_program__autoload(program))
			show(program);
	bpf_object__close(object);
	return 0;
}
