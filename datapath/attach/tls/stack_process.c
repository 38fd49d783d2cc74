// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Keeps file numbers, not the process: it may be gone before they are searched or it is
 * examined. */
#include "datapath/attach/tls/stack_process.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "datapath/attach/tls/libraries.h"
#include "datapath/attach/tls/library_names.h"

_Static_assert(STACK_MET_EACH <= STACK_PROCESS_FILES, "what was noted finds room");

struct look {
	const struct stack_files *files;
	struct stack_process *process;
};

static void note(struct stack_process *p, const struct stack_key *key)
{
	for (uint32_t i = 0; i < p->count; i++)
		if (!memcmp(&p->files[i], key, sizeof(*key)))
			return;
	if (p->count == STACK_PROCESS_FILES)
		p->more = true;
	else
		p->files[p->count++] = *key;
}

/* mapping_visit */
static void look_at(void *arg, const struct mapping *m)
{
	const struct look *look = arg;
	const struct stack_file *file;
	struct stack_key key;
	int fd cleanup_close = -1;

	look->process->met = true;
	if (m->end - m->start < LIBRARY_CODE_MIN_BYTES && !library_name_matters(m->path))
		return;
	if (library_name_is_loader(m->path))
		return;
	fd = mapping_open(stack_files_local(look->files), m);
	look->process->unread |= fd == -EREMOTE;
	if (fd < 0 || !stack_key_of(fd, &key))
		return;
	file = stack_files_find(look->files, &key);
	if (!file)
		look->process->opens = true;
	else if (file->fd >= 0 || file->stacks.count)
		note(look->process, &key);
}

void stack_process_look(const struct stack_files *s, uint32_t pid, struct stack_process *ret)
{
	struct look look = {s, ret};

	memset(ret, 0, sizeof(*ret));
	ret->pid = pid;
	mappings_scan_process(pid, look_at, &look);
	if (!ret->met)
		stack_process_recall(s, pid, ret);
}

void stack_process_recall(const struct stack_files *s, uint32_t pid, struct stack_process *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->pid = pid;
	ret->count = (uint32_t)stack_files_noted(s, pid, ret->files);
	ret->more = ret->count == STACK_MET_EACH;
}

bool stack_process_tell(const struct stack_files *s, const struct stack_process *p,
			enum tls_stack *ret)
{
	uint32_t found = 0; /* one bit per library */

	for (uint32_t i = 0; i < p->count; i++) {
		const struct stack_file *file = stack_files_find(s, &p->files[i]);

		if (file && file->fd >= 0)
			return false;
		for (uint32_t j = 0; file && j < file->stacks.count; j++)
			found |= 1u << file->stacks.at[j].stack;
	}
	if (p->more || found & (found - 1) || (!found && (!p->met || p->opens)))
		*ret = TLS_STACK_NONE;
	else if (!found)
		*ret = p->unread ? TLS_STACK_UNREAD : TLS_STACK_OTHER;
	else
		*ret = (enum tls_stack)__builtin_ctz(found);
	return true;
}
