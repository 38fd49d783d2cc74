// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Run by user space (BPF_PROG_TEST_RUN, syscall programs): evaluates the policies in force with the
 * code that decides about connections. Emits nothing, counts nothing. */
#include "bpf/lib/authorize.bpf.h"

SEC("syscall")
int mesh_policy(struct weft_policy_probe *probe)
{
	struct weft_policy_question question = probe->question;
	struct weft_policy_answer answer = {};

	policy_walk(&question, &answer);
	probe->answer = answer;
	return 0;
}

/* Looks up the workloads that are not given, by address, as for a connection. */
static __always_inline void explanation_ends(struct authorize *a)
{
	struct weft_mesh_key key = {};

	if (!a->target) {
		__builtin_memcpy(key.addr, a->question.target_addr, 16);
		key.port = a->question.target_port;
		a->target = identity_of_addr(&key, a->question.generation);
	}
	if (!a->source && !addr_unknown(a->question.source_addr)) {
		__builtin_memcpy(key.addr, a->question.source_addr, 16);
		key.port = 0;
		a->source = identity_of_addr(&key, a->question.generation);
	}
}

SEC("syscall")
int mesh_explain(struct weft_explanation *e)
{
	struct authorize a = {.question = e->question, .source = e->source, .target = e->target};

	explanation_ends(&a);
	authorize_decide(&a);
	e->answer = a.answer;
	e->source_number = a.source_number;
	e->target_number = a.target_number;
	return 0;
}
