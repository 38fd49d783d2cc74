/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 4: evaluation of policy steps (bpf/abi_policy.h). A global function cannot take a map, so
 * it looks the generation up itself and returns STALE if that is not the generation of the
 * question. Kernels without bpf_loop (before 5.17) evaluate at most POLICY_UNROLLED steps; a longer
 * path denies and sets |broken|. */
#pragma once

#include "bpf/lib/mesh.bpf.h"

#define POLICY_UNROLLED 24
#define SEARCH_HALVES	17 /* of a list of 65,535 */

struct policy_walk {
	void *arena;
	const struct weft_policy_question *q;
	struct weft_policy_answer *a;
	__u32 at; /* cell, 0 = done */
};

/* ---- prefixes */

struct addr_words {
	__u64 high;
	__u64 low;
};

static __always_inline void addr_words_of(struct addr_words *out, const __u8 addr[16])
{
	__u32 w[4];

	__builtin_memcpy(w, __builtin_assume_aligned(addr, 4), 16);
	out->high = (__u64)bpf_ntohl(w[0]) << 32 | bpf_ntohl(w[1]);
	out->low = (__u64)bpf_ntohl(w[2]) << 32 | bpf_ntohl(w[3]);
}

/* Whether |a| begins with the first |bits| of |p|. */
static __always_inline bool addr_begins(const struct addr_words *a, const struct addr_words *p,
					__u32 bits)
{
	__u64 high = a->high ^ p->high, low = a->low ^ p->low;

	if (!bits)
		return true;
	if (bits < 64)
		return !(high >> (64 - bits));
	if (bits == 64)
		return !high;
	return !high && !(low >> ((128 - bits) & 63));
}

/* |values| + place * bytes, NULL if there is no such place. Between the barriers there is only the
 * bounds check: otherwise clang moves the addition before it and the verifier sees no bound. */
static __always_inline const void *value_at(const void *values, __u64 place, __u32 places,
					    __u32 bytes)
{
	if (!values)
		return NULL;
	asm volatile("" : "+r"(place), "+r"(values));
	if (place >= places)
		return NULL;
	asm volatile("" : "+r"(place), "+r"(values));
	return values + place * bytes;
}

static __always_inline const struct weft_mesh_prefix *
prefix_at(void *arena, const struct weft_mesh_step *step, __u32 number)
{
	__u32 cell = number / WEFT_CELL_PREFIXES;
	__u32 first = step->first;

	if (first)
		return value_at(mesh_cell(arena, first + cell), number - cell * WEFT_CELL_PREFIXES,
				WEFT_CELL_PREFIXES, sizeof(struct weft_mesh_prefix));
	return value_at(step->value.prefixes, number, WEFT_STEP_PREFIXES,
			sizeof(struct weft_mesh_prefix));
}

/* Prefixes are sorted and disjoint: only the last one that is not above |addr| can contain it. */
static __noinline bool prefixes_have(struct policy_walk *w, const struct weft_mesh_step *step,
				     const __u8 addr[16])
{
	__u32 low = 0, high = step->count, middle;
	const struct weft_mesh_prefix *p;
	struct addr_words a, b;
	bool holds = false;

	addr_words_of(&a, addr);
	for (int i = 0; i < SEARCH_HALVES && low < high; i++) {
		middle = (low + high) / 2;
		p = prefix_at(w->arena, step, middle);
		if (!p)
			return false;
		addr_words_of(&b, p->addr);
		if (b.high < a.high || (b.high == a.high && b.low <= a.low)) {
			holds = addr_begins(&a, &b, p->bits);
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return holds;
}

/* ---- bitmaps, ports */

static __always_inline bool bitmap_has(struct policy_walk *w, const struct weft_mesh_step *step,
				       __u32 number)
{
	__u32 first = step->first;
	const __u8 *byte;

	if (number >= step->value.bitmap.bits)
		return false;
	if (first)
		byte = value_at(mesh_cell(w->arena, first + number / WEFT_CELL_BITS),
				number % WEFT_CELL_BITS / 8, WEFT_CELL_BITS / 8, 1);
	else
		byte = value_at(step->value.bitmap.bytes, number / 8, WEFT_STEP_BITS / 8, 1);
	return byte && *byte >> (number & 7) & 1;
}

static __always_inline bool ports_have(struct policy_walk *w, const struct weft_mesh_step *step,
				       __u16 port)
{
	if (step->first)
		return bitmap_has(w, step, port);
	for (__u32 i = 0; i < WEFT_STEP_PORTS && i < step->count; i++)
		if (step->value.ports[i] == port)
			return true;
	return false;
}

/* ---- steps */

static __always_inline bool addr_unknown(const __u8 addr[16])
{
	__u64 words[2];

	__builtin_memcpy(words, addr, 16);
	return !words[0] && !words[1];
}

static __always_inline bool step_is_open(const struct weft_policy_question *q, __u8 kind)
{
	if (kind == WEFT_STEP_SOURCE_IP)
		return addr_unknown(q->source_addr);
	return q->source_open && (kind == WEFT_STEP_NAMESPACE || kind == WEFT_STEP_PRINCIPAL ||
				  kind == WEFT_STEP_CLASS);
}

static __always_inline bool step_matches(struct policy_walk *w, const struct weft_mesh_step *step)
{
	const struct weft_policy_question *q = w->q;
	__u8 kind = step->kind;

	if (kind == WEFT_STEP_PORT)
		return ports_have(w, step, q->target_port);
	if (kind == WEFT_STEP_SOURCE_IP || kind == WEFT_STEP_TARGET_IP)
		return prefixes_have(w, step,
				     kind == WEFT_STEP_SOURCE_IP ? q->source_addr : q->target_addr);
	return bitmap_has(w, step,
			  kind == WEFT_STEP_NAMESPACE	? q->namespace_number
			  : kind == WEFT_STEP_PRINCIPAL ? q->principal_number
							: q->class_number);
}

static __always_inline void step_note(struct weft_policy_answer *a,
				      const struct weft_mesh_step *step)
{
	__u64 place = a->notes;

	a->notes = place + 1;
	asm volatile("" : "+r"(place));
	if (place >= WEFT_POLICY_NOTES)
		return;
	a->note[place].policy = step->value.verdict.policy;
	a->note[place].rule = step->value.verdict.rule;
}

static __always_inline void step_speak(struct weft_policy_answer *a,
				       const struct weft_mesh_step *step)
{
	a->action = step->action;
	a->policy = step->value.verdict.policy;
	a->rule = step->value.verdict.rule;
	a->ends = step->value.verdict.ends;
}

/* Evaluates one step. Returns 1 at the end. */
static long policy_step(__u32 index, void *walk)
{
	struct policy_walk *w = walk;
	const struct weft_mesh_step *step;

	if (!w->at)
		return 1;
	step = mesh_cell(w->arena, w->at);
	if (!step)
		return 1;
	w->a->steps++;
	if (step->kind == WEFT_STEP_VERDICT && step->action == WEFT_ACTION_NOTE) {
		step_note(w->a, step);
		w->at = step->yes;
	} else if (step->kind == WEFT_STEP_VERDICT) {
		step_speak(w->a, step);
		w->at = 0;
	} else if (step_is_open(w->q, step->kind)) {
		w->a->action = WEFT_ACTION_OPEN;
		w->at = 0;
	} else {
		w->at = step_matches(w, step) ? step->yes : step->no;
	}
	return 0;
}

static __always_inline void policy_answer_empty(struct weft_policy_answer *a)
{
	__builtin_memset(a, 0, sizeof(*a));
	a->policy = WEFT_NUMBER_NONE;
}

/* mesh_open with a key that exists already, to save stack. False: not the question's generation. */
static __always_inline bool walk_open(struct policy_walk *w)
{
	const struct weft_mesh_header *header;

	w->at = 0;
	w->arena = bpf_map_lookup_elem(&weft_mesh, &w->at);
	header = w->arena ? bpf_map_lookup_elem(w->arena, &w->at) : NULL;
	return header && header->magic == WEFT_MESH_MAGIC && header->generation == w->q->generation;
}

/* Answers |q|. Always 0. */
__weak __noinline int policy_walk(const struct weft_policy_question *q,
				  struct weft_policy_answer *a)
{
	struct policy_walk w = {.q = q, .a = a};

	if (!q || !a)
		return 0;
	policy_answer_empty(a);
	if (!walk_open(&w)) {
		a->action = WEFT_ACTION_STALE;
		return 0;
	}
	w.at = q->step;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop))
		bpf_loop(WEFT_MESH_STEPS, policy_step, &w, 0);
	else
		for (int i = 0; i < POLICY_UNROLLED; i++)
			if (policy_step(i, &w))
				break;
	if (w.at) {
		a->action = WEFT_ACTION_DENY;
		a->broken = 1;
	}
	return 0;
}
