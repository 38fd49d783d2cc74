// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A word for each place: process, second, library. */
#include "control/ipc/stack_answers.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

#define SECONDS_MASK 0xffffffu
#define NS_PER_S     1000000000u

struct stack_answers {
	_Atomic uint64_t places[STACK_ANSWERS_MAX];
};

struct stack_answers *stack_answers_new(void)
{
	struct stack_answers *a =
		mmap(NULL, sizeof(*a), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return a == MAP_FAILED ? NULL : a;
}

void stack_answers_free(struct stack_answers *a)
{
	if (a)
		munmap(a, sizeof(*a));
}

static uint64_t second_of(uint64_t now_ns)
{
	return now_ns / NS_PER_S & SECONDS_MASK;
}

void stack_answers_put(struct stack_answers *a, uint32_t pid, unsigned stack, uint64_t now_ns)
{
	atomic_store_explicit(&a->places[pid % STACK_ANSWERS_MAX],
			      (uint64_t)pid << 32 | second_of(now_ns) << 8 | (stack & 0xff),
			      memory_order_relaxed);
}

bool stack_answers_get(const struct stack_answers *a, uint32_t pid, uint64_t now_ns,
		       enum tls_stack *ret, bool *ret_fresh)
{
	uint64_t place =
		atomic_load_explicit(&a->places[pid % STACK_ANSWERS_MAX], memory_order_relaxed);
	uint64_t age_s = (second_of(now_ns) - (place >> 8)) & SECONDS_MASK;

	if (!pid || place >> 32 != pid || age_s > STACK_ANSWER_VALID_S ||
	    (place & 0xff) > TLS_STACK_OTHER)
		return false;
	*ret = (enum tls_stack)(place & 0xff);
	*ret_fresh = age_s <= STACK_ANSWER_FRESH_S;
	return true;
}
