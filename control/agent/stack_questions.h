/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The loader's half: the worker's questions about the TLS library of processes. */
#pragma once

#include "control/ipc/stack_answers.h"
#include "datapath/attach/tls/stack_process.h"

#define STACK_QUESTIONS_MAX 64 /* processes with a file that is not searched yet */

struct stack_questions {
	struct stack_files *files; /* either NULL: there are no answers */
	struct stack_answers *answers;
	struct stack_process open[STACK_QUESTIONS_MAX];
	unsigned count;
};

/* Examines the process whose pid |data| contains and answers, or keeps the question until its files
 * are searched. */
void stack_questions_take(struct stack_questions *q, const void *data, size_t data_bytes,
			  uint64_t now_ns);

/* Answers questions whose files are searched now. Also answers, without a question, for processes
 * that have just mapped a file with a library, as they may not live long. */
void stack_questions_go_on(struct stack_questions *q, uint64_t now_ns);
