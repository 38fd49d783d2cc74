/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The files that processes were seen to map, for processes that do not live long enough to be
 * examined. Bounded: the oldest are forgotten. */
#pragma once

#include "datapath/attach/tls/mappings.h"

#include <stddef.h>
#include <stdint.h>

/* A file, identified by fstat(). */
struct stack_key {
	uint64_t device;
	uint64_t inode;
	uint64_t size_bytes;
	uint64_t changed_ns;
};

#define STACK_MET_FILES	    8192 /* by the kernel's numbers for mapped files */
#define STACK_MET_PROCESSES 4096
#define STACK_MET_EACH	    16 /* files of a process; the first are kept */
#define STACK_MET_VALID_S   60 /* after that the pid may be reused */

struct stack_met;

/* NULL when memory is short. */
struct stack_met *stack_met_new(uint64_t seed);
void stack_met_free(struct stack_met *s);

/* Records that |m| maps the file |key|. */
void stack_met_learn(struct stack_met *s, const struct mapping *m, const struct stack_key *key);

/* The file that |m| maps, or NULL: not known. */
const struct stack_key *stack_met_file(const struct stack_met *s, const struct mapping *m);

/* Records that process |pid| has mapped the file |key|. */
void stack_met_note(struct stack_met *s, uint32_t pid, const struct stack_key *key,
		    uint64_t now_ns);

/* The files recently recorded for process |pid|. */
size_t stack_met_files(const struct stack_met *s, uint32_t pid, uint64_t now_ns,
		       struct stack_key ret[STACK_MET_EACH]);
