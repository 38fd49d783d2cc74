/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which TLS library a process speaks TLS with that is not opened: by the files that it maps. */
#pragma once

#include "datapath/attach/stack_files.h"

#include <stdbool.h>
#include <stdint.h>

#define STACK_PROCESS_FILES 48

/* What is to be known of a process after it is gone. */
struct stack_process {
	uint32_t pid;
	uint32_t count;
	bool met;    /* it was there */
	bool opens;  /* it maps code that was not searched: a library that is probed, or one that
			found no room */
	bool unread; /* it maps code on a file system that is not read */
	bool more;   /* files, of which there was no note */
	struct stack_key files[STACK_PROCESS_FILES]; /* with a TLS library, or still waiting */
};

/* Looks at what process |pid| maps now: /proc/PID/maps is read, and the large files in it are
 * opened for their numbers. */
void stack_process_look(const struct stack_files *s, uint32_t pid, struct stack_process *ret);

/* What was noted of process |pid| when it mapped its files. */
void stack_process_recall(const struct stack_files *s, uint32_t pid, struct stack_process *ret);

/* The library of |p|; TLS_STACK_UNREAD: it can only be in a file that is not read; TLS_STACK_OTHER:
 * none of those that are known; TLS_STACK_NONE: more than one could be it, or one that is opened.
 * False: a file still waits for its search. */
bool stack_process_tell(const struct stack_files *s, const struct stack_process *p,
			enum tls_stack *ret);
