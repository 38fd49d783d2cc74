/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Searches mapped files for TLS libraries (datapath/attach/tls/stack_marks.h) in the background:
 * one piece at a time, with a pause after each, every file once. A file is identified by device,
 * inode, size and modification time. */
#pragma once

#include "base/error.h"
#include "base/tls_stacks.h"
#include "datapath/attach/tls/mappings.h"
#include "datapath/attach/tls/stack_met.h"

#include <stdbool.h>
#include <stdint.h>

/* Maximum number of known files; the least recently seen is forgotten. */
#define STACK_FILES_MAX	  2048
/* Maximum number of files that wait; each has a descriptor. */
#define STACK_WAITING_MAX 256
/* Maximum number of noted processes; others are only examined on request. */
#define STACK_NOTED_MAX	  64

struct stack_file {
	struct stack_key key;
	struct tls_stacks stacks; /* empty while |fd| is open */
	uint32_t pid;		  /* of the first process that mapped it */
	char path[256];		  /* as that process sees it, truncated */
	char program[16];	  /* its name */
	int fd;			  /* -1: searched */
};

struct stack_files;

struct local_files;

/* |local| must outlive it. 0, or -ENOMEM, -EMFILE. */
int stack_files_new(uint64_t seed, struct local_files *local, struct stack_files **ret,
		    struct error *err);
void stack_files_free(struct stack_files *s);

/* Readable when stack_files_handle has work. Owned by |s|. */
int stack_files_fd(const struct stack_files *s);

/* Searches one piece of a file: some hundred microseconds. */
void stack_files_handle(struct stack_files *s);

/* Queues the file |fd|, which |m| maps, for the search. False: too many wait, try again later. */
bool stack_files_add(struct stack_files *s, int fd, const struct mapping *m);

/* Process |m->pid| maps a file that was added before: it is noted if the file contains, or may
 * contain, a library. */
void stack_files_meet(struct stack_files *s, const struct mapping *m);

/* Stores the next process noted since the last call, false when there is none. */
bool stack_files_next_noted(struct stack_files *s, uint32_t *ret_pid);

/* The files noted for a process, at most STACK_MET_EACH. */
size_t stack_files_noted(const struct stack_files *s, uint32_t pid,
			 struct stack_key ret[STACK_MET_EACH]);

/* The opener of files that it uses. */
struct local_files *stack_files_local(const struct stack_files *s);

/* The key of the file |fd|. False: not available. */
bool stack_key_of(int fd, struct stack_key *ret);

/* The entry of a file, or NULL. */
const struct stack_file *stack_files_find(const struct stack_files *s, const struct stack_key *key);

/* The entry of the file with these numbers, of any version. */
const struct stack_file *stack_files_at(const struct stack_files *s, uint64_t device,
					uint64_t inode);

/* Visits the files that contain a library. */
typedef void stack_file_visit(void *arg, const struct stack_file *file);
void stack_files_visit(const struct stack_files *s, stack_file_visit *visit, void *arg);
