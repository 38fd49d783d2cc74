/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which TLS library processes use that is not opened: the worker asks, never waits, and later finds
 * the loader's answer in memory that both have. The loader writes it and never reads it. */
#pragma once

#include "base/tls_stacks.h"

#include <stdbool.h>
#include <stdint.h>

#define STACK_ANSWERS_MAX    8192 /* two processes whose numbers differ by it share a place */
#define STACK_ANSWER_VALID_S 60	  /* later the number may be another process's */
#define STACK_ANSWER_FRESH_S 10	  /* later it is asked for again */

struct stack_answers;

/* Loader: memory behind |*ret_fd| (the caller's), by which no other process can write to it. NULL,
 * and -1, if there is none. */
struct stack_answers *stack_answers_new(int *ret_fd);

/* Worker: what is behind |fd|, to be read. NULL if it cannot be mapped. */
struct stack_answers *stack_answers_open(int fd);
void stack_answers_free(struct stack_answers *a);

/* Loader: |stack| as stack_process_tell says. */
void stack_answers_put(struct stack_answers *a, uint32_t pid, unsigned stack, uint64_t now_ns);

/* Worker: false if there is no answer, or one that is too old. */
bool stack_answers_get(const struct stack_answers *a, uint32_t pid, uint64_t now_ns,
		       enum tls_stack *ret, bool *ret_fresh);
