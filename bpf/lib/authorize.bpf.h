/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Layer 5: policy for one connection: the workloads at its ends, the evaluation, and its records.
 * Emits VERDICT records for denials and notes; they may be lost when the ring is full (counted). */
#pragma once

#include "bpf/lib/identity.bpf.h"
#include "bpf/lib/policy.bpf.h"

#define AUTHORIZE_TRIES 4 /* generation changes tolerated during one decision */

/* One connection: the question, whose addresses and port the caller fills, and the answer. */
struct authorize {
	struct weft_policy_question question;
	struct weft_policy_answer answer;
	__u32 source; /* cells; IDENTITY_MANY: one of several */
	__u32 target;
	__u32 source_number; /* result: numbers of the workloads, WEFT_NUMBER_NONE */
	__u32 target_number;
};

/* Whether this result stands for all pairs of ends. */
static __always_inline bool is_final(__u8 action)
{
	return action == WEFT_ACTION_DENY || action == WEFT_ACTION_STALE;
}

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
	a->source = who ? who->next : 0;
}

/* Fills in the numbers of both ends. |a->source| advances to the next workload that the source may
 * be. Returns the next that the target may be. */
static __always_inline __u32 question_fill(struct authorize *a, const struct mesh *m)
{
	const struct weft_mesh_identity *target = NULL;

	if (a->target)
		target = mesh_cell(m->arena, a->target);
	a->target_number = target ? target->number : WEFT_NUMBER_NONE;
	a->question.step = target ? target->policy : 0;
	question_source(a, m);
	return target ? target->next : 0;
}

/* Evaluates one target candidate's policies for one source candidate. Returns the next target. */
__weak __noinline int authorize_pair(struct authorize *a)
{
	struct mesh m;
	__u32 next;

	if (!a)
		return 0;
	policy_answer_empty(&a->answer);
	if (!mesh_open(&m) || m.header->generation != a->question.generation) {
		a->answer.action = WEFT_ACTION_STALE;
		return 0;
	}
	next = question_fill(a, &m);
	if (a->question.step) /* else no policy selects it */
		policy_walk(&a->question, &a->answer);
	return next;
}

/* Evaluates the policies of |target| for every candidate of |source|. Returns as authorize_pair. */
static __always_inline __u32 authorize_sources(struct authorize *a, __u32 source, bool *open)
{
	__u32 next = 0;

	a->source = source;
	for (__u32 i = 0; i < WEFT_MESH_IDENTITIES; i++) {
		next = authorize_pair(a);
		*open |= a->answer.action == WEFT_ACTION_OPEN;
		if (!a->source || is_final(a->answer.action))
			break;
	}
	return next;
}

/* Evaluates the policies of the target into |a->answer|: a WEFT_ACTION_*. If an end may be one of
 * several workloads, every pair must be allowed; |a->source| and |a->target| are consumed. */
static __always_inline int authorize_here(struct authorize *a)
{
	__u32 source = a->source;
	bool open = false;

	for (__u32 i = 0; i < WEFT_MESH_IDENTITIES; i++) {
		a->target = authorize_sources(a, source, &open);
		if (!a->target || is_final(a->answer.action))
			break;
	}
	if (open && !is_final(a->answer.action))
		a->answer.action = WEFT_ACTION_OPEN;
	return a->answer.action;
}

__weak __noinline int authorize_decide(struct authorize *a)
{
	return a ? authorize_here(a) : WEFT_ACTION_ALLOW;
}

/* The generation in force if it has policies; 0: everything is allowed. */
static __always_inline __u64 policies_generation(void)
{
	struct mesh m;

	if (!mesh_open(&m) || !(m.header->flags & WEFT_MESH_POLICIES))
		return 0;
	return m.header->generation;
}

/* Returns the workload at |key| if it, or one of several there, has policies; else 0. */
static __always_inline __u32 policies_concern(const struct weft_mesh_key *key, __u64 generation)
{
	const struct weft_mesh_identity *who;
	__u32 identity = identity_of_addr(key, generation);
	struct mesh m;

	if (!identity || !mesh_open(&m))
		return 0;
	who = mesh_cell(m.arena, identity);
	return who && (who->policy || who->next) ? identity : 0;
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

/* Turns the record into one of note |number|. */
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

/* The number of records for notes; notes that were not kept are counted as lost. */
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
