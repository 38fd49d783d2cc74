/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Mapped files that are searched for TLS libraries (datapath/attach/stack_marks.h), in the
 * background: a piece at a time, with a pause after each, every file once. A file is known by its
 * device, inode, size and the time of its last change. */
#pragma once

#include "base/error.h"
#include "base/tls_stacks.h"
#include "datapath/attach/mappings.h"
#include "datapath/attach/stack_met.h"

#include <stdbool.h>
#include <stdint.h>

/* What is known of so many files; beyond that the one not met for longest is forgotten. */
#define STACK_FILES_MAX	  2048
/* Files that wait for their turn; each has a descriptor. */
#define STACK_WAITING_MAX 256
/* Processes that were noted and not asked for; what comes beyond is only found when it is asked
 * for.
 */
#define STACK_NOTED_MAX	  64

struct stack_file {
	struct stack_key key;
	struct tls_stacks stacks; /* empty while |fd| is open */
	uint32_t pid;		  /* of the process that was met with it first */
	char path[256];		  /* as that process saw it, cut */
	char program[16];	  /* its name */
	int fd;			  /* -1: searched */
};

struct stack_files;

struct local_files;

/* |local| must stay. 0, or -ENOMEM, -EMFILE. */
int stack_files_new(uint64_t seed, struct local_files *local, struct stack_files **ret,
		    struct error *err);
void stack_files_free(struct stack_files *s);

/* Readable when stack_files_handle has work. Owned by |s|. */
int stack_files_fd(const struct stack_files *s);

/* Searches one piece of what waits: some hundred microseconds. */
void stack_files_handle(struct stack_files *s);

/* Sees to it that the file |fd|, which |m| maps, is searched. False: too many wait, ask again
 * later.
 */
bool stack_files_add(struct stack_files *s, int fd, const struct mapping *m);

/* Process |m->pid| maps a file that was added before: it is noted if that has, or may have, a
 * library in it. */
void stack_files_meet(struct stack_files *s, const struct mapping *m);

/* Stores a process that was noted since the last call, false when there is none. */
bool stack_files_next_noted(struct stack_files *s, uint32_t *ret_pid);

/* The files that were noted of a process, at most STACK_MET_EACH. */
size_t stack_files_noted(const struct stack_files *s, uint32_t pid,
			 struct stack_key ret[STACK_MET_EACH]);

/* What opens files for it. */
struct local_files *stack_files_local(const struct stack_files *s);

/* The key of the file |fd|. False: it cannot be had. */
bool stack_key_of(int fd, struct stack_key *ret);

/* What is known of a file, or NULL. */
const struct stack_file *stack_files_find(const struct stack_files *s, const struct stack_key *key);

/* What is known of the file with these numbers, whatever its version. */
const struct stack_file *stack_files_at(const struct stack_files *s, uint64_t device,
					uint64_t inode);

/* Visits the files with a library in them. */
typedef void stack_file_visit(void *arg, const struct stack_file *file);
void stack_files_visit(const struct stack_files *s, stack_file_visit *visit, void *arg);
