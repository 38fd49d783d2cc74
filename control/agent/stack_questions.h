/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The loader's half: processes whose TLS library the worker asked for. */
#pragma once

#include "control/ipc/stack_answers.h"
#include "datapath/attach/stack_process.h"

#define STACK_QUESTIONS_MAX 64 /* processes with a file that still waits for its search */

struct stack_questions {
	struct stack_files *files; /* these two NULL: nothing is answered */
	struct stack_answers *answers;
	struct stack_process open[STACK_QUESTIONS_MAX];
	unsigned count;
};

/* Looks at the process whose number |data| is and answers, or notes it until its files are
 * searched.
 */
void stack_questions_take(struct stack_questions *q, const void *data, size_t data_bytes,
			  uint64_t now_ns);

/* Answers those whose files are searched now, and, before they are asked for, processes that have
 * just mapped a file with a library in it: they may not live long. */
void stack_questions_go_on(struct stack_questions *q, uint64_t now_ns);
