/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Identifies the TLS libraries in a file by strings that every build contains: labels of TLS key
 * derivation, then version texts, names of source files, the build information of Go. Needs no
 * symbols. Pure: the caller reads the file. */
#pragma once

#include "base/tls_stacks.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STACK_HEAD_BYTES     4096	  /* the start of a file, with its program headers */
#define STACK_FILE_MAX_BYTES (256u << 20) /* searched part of a file */
#define STACK_OVERLAP_BYTES  128	  /* overlap of consecutive pieces: no mark is longer */
#define STACK_RANGES_MAX     16

/* Parts of a file. */
struct stack_ranges {
	struct {
		uint64_t offset;
		uint64_t size_bytes;
	} at[STACK_RANGES_MAX];
	unsigned count;
};

/* The ranges of constants in the ELF file (64 bit, this byte order) that begins with |head|: its
 * segments without code, or all if none of these is read-only. At most STACK_FILE_MAX_BYTES
 * together. False: not such a file, or its program headers are not in |head|. */
bool stack_ranges_find(const uint8_t *head, size_t head_bytes, struct stack_ranges *ret);

/* Whether this piece contains one of the labels that every TLS library has. */
bool stack_names_tls(const uint8_t *piece, size_t piece_bytes);

/* The marks found so far. Zero it before the first piece. */
struct stack_marks {
	uint32_t met; /* 1 << enum of the table */
	char versions[TLS_STACK_MAX][TLS_STACK_VERSION_MAX];
};

/* Looks for marks in the next piece of a range, which begins with the last STACK_OVERLAP_BYTES of
 * the one before. */
void stack_marks_look(struct stack_marks *m, const uint8_t *piece, size_t piece_bytes);

/* The libraries that the marks of a complete file with TLS identify. */
struct tls_stacks stack_marks_say(const struct stack_marks *m);
