// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A word for each place: process, second, library. */
#include "control/ipc/stack_answers.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#define SECONDS_MASK 0xffffffu
#define NS_PER_S     1000000000u

struct stack_answers {
	_Atomic uint64_t places[STACK_ANSWERS_MAX];
};

static struct stack_answers *map(int fd, int protection)
{
	struct stack_answers *a = mmap(NULL, sizeof(*a), protection, MAP_SHARED, fd, 0);

	return a == MAP_FAILED ? NULL : a;
}

struct stack_answers *stack_answers_new(int *ret_fd)
{
	int fd = memfd_create("stack-answers", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stack_answers *a = NULL;

	if (fd >= 0 && !ftruncate(fd, sizeof(*a)))
		a = map(fd, PROT_READ | PROT_WRITE);
	if (a)
		fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE);
	else
		cleanup_close_fd(&fd);
	*ret_fd = a ? fd : -1;
	return a;
}

struct stack_answers *stack_answers_open(int fd)
{
	return map(fd, PROT_READ);
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
