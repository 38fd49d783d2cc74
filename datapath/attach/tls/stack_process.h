/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Determines which unsupported TLS library a process uses, by the files that it maps. */
#pragma once

#include "datapath/attach/tls/stack_files.h"

#include <stdbool.h>
#include <stdint.h>

#define STACK_PROCESS_FILES 48

/* Facts about a process that are kept after it is gone. */
struct stack_process {
	uint32_t pid;
	uint32_t count;
	bool met;    /* it existed */
	bool opens;  /* it maps code that was not searched: a probed library, or a file for which
			there was no room */
	bool unread; /* it maps code on a file system that is not read */
	bool more;   /* it maps more files than were recorded */
	struct stack_key files[STACK_PROCESS_FILES]; /* with a TLS library, or unsearched */
};

/* Examines the current mappings of process |pid|: reads /proc/PID/maps, and opens the large files
 * in it for their numbers. */
void stack_process_look(const struct stack_files *s, uint32_t pid, struct stack_process *ret);

/* Recalls what was recorded when process |pid| mapped its files. */
void stack_process_recall(const struct stack_files *s, uint32_t pid, struct stack_process *ret);

/* The library of |p|; TLS_STACK_UNREAD: it can only be in a file that is not read; TLS_STACK_OTHER:
 * none of the known ones; TLS_STACK_NONE: several are possible, or one that is decrypted. False: a
 * file still waits for its search. */
bool stack_process_tell(const struct stack_files *s, const struct stack_process *p,
			enum tls_stack *ret);
