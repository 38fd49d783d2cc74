// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A timer starts each step; the first pass tests whether a file contains TLS at all, the second
 * which library. */
#include "datapath/attach/tls/stack_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/descriptors.h"
#include "base/loop.h"
#include "base/process.h"
#include "base/table.h"
#include "datapath/attach/tls/library_names.h"
#include "datapath/attach/tls/stack_marks.h"

#define PIECE_BYTES (256u << 10)
#define NS_PER_S    1000000000ull
#define PAUSE_NS    10000000 /* after each piece */

/* State of the search. */
struct search {
	struct stack_file *file; /* NULL: no search */
	struct stack_ranges ranges;
	unsigned range;
	uint64_t done_bytes; /* of that range */
	bool named;	     /* it contains TLS: now the marks are searched, from the start */
	struct stack_marks marks;
};

struct stack_files {
	struct local_files *local;
	struct table *files; /* struct stack_file */
	struct stack_met *met;
	struct search search;
	unsigned waiting;
	uint32_t noted[STACK_NOTED_MAX];
	unsigned noted_count;
	int timer_fd;
	uint8_t *piece;
};

int stack_files_new(uint64_t seed, struct local_files *local, struct stack_files **ret,
		    struct error *err)
{
	struct stack_files *s = calloc(1, sizeof(*s));

	if (!s)
		return error_set(err, -ENOMEM, "no memory");
	s->local = local;
	s->timer_fd = loop_timer();
	s->files = table_new(STACK_FILES_MAX, sizeof(struct stack_file), sizeof(struct stack_key),
			     seed);
	s->piece = malloc(PIECE_BYTES + STACK_OVERLAP_BYTES);
	s->met = stack_met_new(seed);
	if (s->timer_fd < 0 || !s->files || !s->piece || !s->met) {
		stack_files_free(s);
		return error_set(err, -ENOMEM, "no memory for the table of TLS libraries");
	}
	*ret = s;
	return 0;
}

static void file_close(struct stack_files *s, struct stack_file *f)
{
	if (f->fd < 0)
		return;
	close(f->fd);
	f->fd = -1;
	s->waiting--;
	if (s->search.file == f)
		s->search.file = NULL;
}

void stack_files_free(struct stack_files *s)
{
	if (!s)
		return;
	for (struct stack_file *f = s->files ? table_oldest(s->files) : NULL; f;
	     f = table_next(s->files, f))
		file_close(s, f);
	table_free(s->files);
	stack_met_free(s->met);
	cleanup_close_fd(&s->timer_fd);
	free(s->piece);
	free(s);
}

int stack_files_fd(const struct stack_files *s)
{
	return s->timer_fd;
}

/* ---- files */

struct local_files *stack_files_local(const struct stack_files *s)
{
	return s->local;
}

bool stack_key_of(int fd, struct stack_key *ret)
{
	struct stat st;

	if (fstat(fd, &st))
		return false;
	ret->device = st.st_dev;
	ret->inode = st.st_ino;
	ret->size_bytes = (uint64_t)st.st_size;
	ret->changed_ns = (uint64_t)st.st_mtim.tv_sec * NS_PER_S + (uint64_t)st.st_mtim.tv_nsec;
	return true;
}

const struct stack_file *stack_files_find(const struct stack_files *s, const struct stack_key *key)
{
	return table_find(s->files, key);
}

const struct stack_file *stack_files_at(const struct stack_files *s, uint64_t device,
					uint64_t inode)
{
	const struct stack_file *found = NULL;

	for (const struct stack_file *f = table_oldest(s->files); f; f = table_next(s->files, f))
		if (f->key.device == device && f->key.inode == inode)
			found = f;
	return found;
}

void stack_files_visit(const struct stack_files *s, stack_file_visit *visit, void *arg)
{
	for (struct stack_file *f = table_oldest(s->files); f; f = table_next(s->files, f))
		if (f->stacks.count)
			visit(arg, f);
}

/* The timer runs while a file waits. */
static void timer_set(struct stack_files *s)
{
	loop_timer_set(s->timer_fd, s->waiting ? PAUSE_NS : 0);
}

void stack_files_meet(struct stack_files *s, const struct mapping *m)
{
	const struct stack_key *key = stack_met_file(s->met, m);
	struct stack_file *f = key ? table_find(s->files, key) : NULL;

	if (!f || (f->fd < 0 && !f->stacks.count))
		return;
	if (!f->program[0]) /* the first process was gone too soon */
		mapping_program(m, f->program, sizeof(f->program));
	stack_met_note(s->met, m->pid, key, process_now_ns());
	if (s->noted_count && s->noted[s->noted_count - 1] == m->pid)
		return;
	if (s->noted_count < STACK_NOTED_MAX)
		s->noted[s->noted_count++] = m->pid;
}

bool stack_files_next_noted(struct stack_files *s, uint32_t *ret_pid)
{
	if (!s->noted_count)
		return false;
	*ret_pid = s->noted[--s->noted_count];
	return true;
}

size_t stack_files_noted(const struct stack_files *s, uint32_t pid,
			 struct stack_key ret[STACK_MET_EACH])
{
	return stack_met_files(s->met, pid, process_now_ns(), ret);
}

/* Waiting files leave a larger reserve of descriptors than other uses. */
static bool has_room(void)
{
	struct descriptors d = descriptors_count();

	return d.used + 2 * descriptors_reserve(d.limit) < d.limit;
}

bool stack_files_add(struct stack_files *s, int fd, const struct mapping *m)
{
	struct stack_file *f;
	struct stack_key key;

	if (!stack_key_of(fd, &key))
		return true;
	stack_met_learn(s->met, m, &key);
	f = table_find(s->files, &key);
	if (f) {
		table_touch(s->files, f);
		stack_files_meet(s, m);
		return true;
	}
	if (s->waiting == STACK_WAITING_MAX || !has_room())
		return false;
	if (table_count(s->files) == table_capacity(s->files)) {
		file_close(s, table_oldest(s->files));
		table_remove(s->files, table_oldest(s->files));
	}
	f = table_insert(s->files, &key);
	f->pid = m->pid;
	snprintf(f->path, sizeof(f->path), "%s", m->path);
	mapping_program(m, f->program, sizeof(f->program));
	f->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (f->fd >= 0 && !s->waiting++)
		timer_set(s);
	stack_files_meet(s, m);
	return true;
}

/* ---- the search */

/* Falls back to the name if the content does not tell. */
static void file_end(struct stack_files *s, struct stack_file *f)
{
	enum tls_stack named = f->stacks.count ? TLS_STACK_NONE : library_name_stack(f->path);

	if (named) {
		f->stacks.count = 1;
		f->stacks.at[0].stack = (uint8_t)named;
	}
	file_close(s, f);
}

static void search_begin(struct stack_files *s, struct stack_file *f)
{
	ssize_t n = pread(f->fd, s->piece, STACK_HEAD_BYTES, 0);

	memset(&s->search, 0, sizeof(s->search));
	if (n > 0 && stack_ranges_find(s->piece, (size_t)n, &s->search.ranges))
		s->search.file = f;
	else
		file_end(s, f);
}

/* Reads the next piece of the file, overlapping the one before. Returns its size, 0 at the end. */
static size_t piece_read(struct stack_files *s)
{
	struct search *search = &s->search;
	uint64_t before = search->done_bytes ? STACK_OVERLAP_BYTES : 0, left;
	ssize_t n;

	if (search->range == search->ranges.count)
		return 0;
	left = search->ranges.at[search->range].size_bytes - search->done_bytes;
	n = pread(search->file->fd, s->piece, before + (left < PIECE_BYTES ? left : PIECE_BYTES),
		  (off_t)(search->ranges.at[search->range].offset + search->done_bytes - before));
	if (n <= (ssize_t)before || left <= PIECE_BYTES) {
		search->range++;
		search->done_bytes = 0;
	} else {
		search->done_bytes += (uint64_t)n - before;
	}
	return n > 0 ? (size_t)n : piece_read(s);
}

static void search_go_on(struct stack_files *s)
{
	struct search *search = &s->search;
	size_t n = piece_read(s);

	if (!search->named && n && stack_names_tls(s->piece, n)) {
		search->named = true;
		search->range = 0;
		search->done_bytes = 0;
	} else if (search->named) {
		stack_marks_look(&search->marks, s->piece, n);
	}
	if (n)
		return;
	if (search->named)
		search->file->stacks = stack_marks_say(&search->marks);
	file_end(s, search->file);
}

void stack_files_handle(struct stack_files *s)
{
	struct stack_file *f;

	if (!loop_timer_due(s->timer_fd))
		return;
	f = s->search.file ? NULL : table_oldest(s->files);
	while (f && f->fd < 0)
		f = table_next(s->files, f);
	if (f)
		search_begin(s, f);
	if (s->search.file)
		search_go_on(s);
	timer_set(s);
}
