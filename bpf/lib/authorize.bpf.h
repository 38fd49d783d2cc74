/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 5: policy for one connection: who its ends are, what the steps say, and the records of it.
 * Emits VERDICT records for denials and notes; they may be lost when the ring is full (counted). */
#pragma once

#include "bpf/lib/identity.bpf.h"
#include "bpf/lib/policy.bpf.h"

#define AUTHORIZE_TRIES 4 /* generations that may come into force while a decision is made */

/* One connection: the question, in which the addresses and the port are given, and the answer. */
struct authorize {
	struct weft_policy_question question;
	struct weft_policy_answer answer;
	__u32 source; /* cells; IDENTITY_MANY: not known yet */
	__u32 target;
	__u32 source_number; /* found: of the workloads, WEFT_NUMBER_NONE */
	__u32 target_number;
};

static __always_inline void question_source(struct authorize *a, const struct mesh *m)
{
	struct weft_policy_question *q = &a->question;
	const struct weft_mesh_identity *who = NULL;

	q->source_open = a->source == IDENTITY_MANY;
	if (a->source && !q->source_open)
		who = mesh_cell(m->arena, a->source);
	q->namespace_number = who ? who->namespace_number : WEFT_NUMBER_NONE;
	q->principal_number = who ? who->principal_number : WEFT_NUMBER_NONE;
	q->class_number = who ? who->class_number : WEFT_NUMBER_NONE;
	a->source_number = who ? who->number : WEFT_NUMBER_NONE;
}

/* Fills in what the ends are in numbers. The step to begin at, 0: no policy. */
static __always_inline __u32 question_fill(struct authorize *a)
{
	const struct weft_mesh_identity *target;
	struct mesh m;

	if (!mesh_open(&m) || m.header->generation != a->question.generation)
		return 0;
	target = a->target ? mesh_cell(m.arena, a->target) : NULL;
	a->target_number = target ? target->number : WEFT_NUMBER_NONE;
	a->question.step = target ? target->policy : m.header->default_policy;
	question_source(a, &m);
	return a->question.step;
}

/* The policies of the target answer in |a->answer|: a WEFT_ACTION_*. */
static __always_inline int authorize_here(struct authorize *a)
{
	policy_answer_empty(&a->answer);
	if (question_fill(a))
		policy_walk(&a->question, &a->answer);
	return a->answer.action;
}

__weak __noinline int authorize_ask(struct authorize *a)
{
	return a ? authorize_here(a) : WEFT_ACTION_ALLOW;
}

/* The generation, when there are policies in it; 0: everything is allowed. */
static __always_inline __u64 policies_generation(void)
{
	struct mesh m;

	if (!mesh_open(&m) || !(m.header->flags & WEFT_MESH_POLICIES))
		return 0;
	return m.header->generation;
}

/* Whether |key| is the address of somebody who has policies. */
static __always_inline __u32 policies_concern(const struct weft_mesh_key *key, __u64 generation)
{
	const struct weft_mesh_identity *who;
	__u32 identity = identity_of_addr(key, generation);
	struct mesh m;

	if (!identity || !mesh_open(&m))
		return 0;
	who = mesh_cell(m.arena, identity);
	return who && who->policy ? identity : 0;
}

/* ---- records */

static __always_inline void verdict_fill(struct weft_verdict *v, const struct authorize *a)
{
	v->generation = a->question.generation;
	v->source = a->source_number;
	v->target = a->target_number;
	v->service = v->endpoint = WEFT_NUMBER_NONE;
	v->policy = a->answer.policy;
	v->rule = a->answer.rule;
	v->verdict = WEFT_VERDICT_DENIED;
}

/* Note |number| instead of the verdict. */
static __always_inline void verdict_note(struct weft_verdict *v, const struct authorize *a,
					 __u64 number)
{
	v->verdict = WEFT_VERDICT_ALLOWED;
	v->policy = v->rule = WEFT_NUMBER_NONE;
	if (number >= WEFT_POLICY_NOTES)
		return;
	asm volatile("" : "+r"(number));
	v->policy = a->answer.note[number].policy;
	v->rule = a->answer.note[number].rule;
}

/* How many records |a| is worth: its notes, and the denial. Those that were not kept are lost. */
static __always_inline __u32 verdicts_of(const struct authorize *a)
{
	__u32 notes = a->answer.notes;

	if (notes > WEFT_POLICY_NOTES) {
		count_add(WEFT_LOST_NOTES, notes - WEFT_POLICY_NOTES);
		count(WEFT_COUNT_LIFECYCLE_SEEN, notes - WEFT_POLICY_NOTES);
		notes = WEFT_POLICY_NOTES;
	}
	return notes;
}
