// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two tables: from the kernel's inode numbers to files, from processes to files. */
#include "datapath/attach/tls/stack_met.h"

#include <stdlib.h>
#include <string.h>

#include "base/table.h"

#define NS_PER_S 1000000000ull

struct numbers {
	uint64_t device;
	uint64_t inode;
};

struct numbered {
	struct numbers numbers;
	struct stack_key key;
};

struct process {
	uint64_t pid;
	uint64_t noted_ns;
	size_t count;
	struct stack_key files[STACK_MET_EACH];
};

struct stack_met {
	struct table *files;	 /* struct numbered */
	struct table *processes; /* struct process */
};

struct stack_met *stack_met_new(uint64_t seed)
{
	struct stack_met *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->files =
		table_new(STACK_MET_FILES, sizeof(struct numbered), sizeof(struct numbers), seed);
	s->processes =
		table_new(STACK_MET_PROCESSES, sizeof(struct process), sizeof(uint64_t), seed);
	if (s->files && s->processes)
		return s;
	stack_met_free(s);
	return NULL;
}

void stack_met_free(struct stack_met *s)
{
	if (!s)
		return;
	table_free(s->files);
	table_free(s->processes);
	free(s);
}

static struct numbers numbers_of(const struct mapping *m)
{
	return (struct numbers){(uint64_t)m->device_major << 32 | m->device_minor, m->inode};
}

void stack_met_learn(struct stack_met *s, const struct mapping *m, const struct stack_key *key)
{
	struct numbers numbers = numbers_of(m);
	struct numbered *n = m->inode ? table_use(s->files, &numbers) : NULL;

	if (n)
		n->key = *key;
}

const struct stack_key *stack_met_file(const struct stack_met *s, const struct mapping *m)
{
	struct numbers numbers = numbers_of(m);
	const struct numbered *n = table_find(s->files, &numbers);

	return n ? &n->key : NULL;
}

void stack_met_note(struct stack_met *s, uint32_t pid, const struct stack_key *key, uint64_t now_ns)
{
	uint64_t number = pid;
	struct process *p = table_use(s->processes, &number);

	if (!p)
		return;
	if (now_ns > p->noted_ns + STACK_MET_VALID_S * NS_PER_S)
		p->count = 0;
	p->noted_ns = now_ns;
	for (size_t i = 0; i < p->count; i++)
		if (!memcmp(&p->files[i], key, sizeof(*key)))
			return;
	if (p->count < STACK_MET_EACH)
		p->files[p->count++] = *key;
}

size_t stack_met_files(const struct stack_met *s, uint32_t pid, uint64_t now_ns,
		       struct stack_key ret[STACK_MET_EACH])
{
	uint64_t number = pid;
	const struct process *p = table_find(s->processes, &number);

	if (!p || now_ns > p->noted_ns + STACK_MET_VALID_S * NS_PER_S)
		return 0;
	memcpy(ret, p->files, p->count * sizeof(ret[0]));
	return p->count;
}
