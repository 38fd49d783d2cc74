// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Questions that cannot be answered yet are kept in a short list. */
#include "control/agent/stack_questions.h"

#include <string.h>

/* For a process that was not examined there is no answer. */
static bool answer(struct stack_questions *q, const struct stack_process *p, uint64_t now_ns)
{
	enum tls_stack stack;

	if (!stack_process_tell(q->files, p, &stack))
		return false;
	if (stack != TLS_STACK_NONE || p->met)
		stack_answers_put(q->answers, p->pid, stack, now_ns);
	return true;
}

/* Answers now, or keeps the question. */
static void answer_some_time(struct stack_questions *q, const struct stack_process *p,
			     uint64_t now_ns)
{
	unsigned i = 0;

	if (answer(q, p, now_ns))
		return;
	while (i < q->count && q->open[i].pid != p->pid)
		i++;
	if (i == STACK_QUESTIONS_MAX || (i < q->count && q->open[i].met && !p->met))
		return;
	q->open[i] = *p;
	q->count += i == q->count;
}

void stack_questions_take(struct stack_questions *q, const void *data, size_t data_bytes,
			  uint64_t now_ns)
{
	struct stack_process p;
	uint32_t pid;

	if (!q->files || !q->answers || data_bytes != sizeof(pid))
		return;
	memcpy(&pid, data, sizeof(pid));
	stack_process_look(q->files, pid, &p);
	answer_some_time(q, &p, now_ns);
}

void stack_questions_go_on(struct stack_questions *q, uint64_t now_ns)
{
	struct stack_process p;
	uint32_t pid;

	if (!q->files || !q->answers)
		return;
	for (unsigned i = q->count; i; i--)
		if (answer(q, &q->open[i - 1], now_ns))
			q->open[i - 1] = q->open[--q->count];
	while (stack_files_next_noted(q->files, &pid)) {
		stack_process_recall(q->files, pid, &p);
		answer_some_time(q, &p, now_ns);
	}
}
