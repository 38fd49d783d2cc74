// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Run by hand (BPF_PROG_TEST_RUN, syscall program): what the policies in force answer, by the code
 * that decides connections. Emits nothing, counts nothing. */
#include "bpf/lib/policy.bpf.h"

SEC("syscall")
int mesh_policy(struct weft_policy_probe *probe)
{
	struct weft_policy_question question = probe->question;
	struct weft_policy_answer answer = {};

	policy_walk(&question, &answer);
	probe->answer = answer;
	return 0;
}
