/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which processes were seen to map which files: what a process did not live long enough to be
 * looked at for. Bounded: the oldest are forgotten. */
#pragma once

#include "datapath/attach/mappings.h"

#include <stddef.h>
#include <stdint.h>

/* A file, as fstat() says. */
struct stack_key {
	uint64_t device;
	uint64_t inode;
	uint64_t size_bytes;
	uint64_t changed_ns;
};

#define STACK_MET_FILES	    8192 /* by the numbers that the kernel has for mapped files */
#define STACK_MET_PROCESSES 4096
#define STACK_MET_EACH	    16 /* files of a process; the first stay */
#define STACK_MET_VALID_S   60 /* later the number may be another process's */

struct stack_met;

/* NULL without memory. */
struct stack_met *stack_met_new(uint64_t seed);
void stack_met_free(struct stack_met *s);

/* What |m| maps is the file |key|. */
void stack_met_learn(struct stack_met *s, const struct mapping *m, const struct stack_key *key);

/* The file that |m| maps, or NULL: it was not learned. */
const struct stack_key *stack_met_file(const struct stack_met *s, const struct mapping *m);

/* The process of |m| has mapped the file |key|. */
void stack_met_note(struct stack_met *s, uint32_t pid, const struct stack_key *key,
		    uint64_t now_ns);

/* The files that process |pid| was noted with lately. */
size_t stack_met_files(const struct stack_met *s, uint32_t pid, uint64_t now_ns,
		       struct stack_key ret[STACK_MET_EACH]);
