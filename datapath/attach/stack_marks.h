/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which TLS libraries a file has inside, by what every build of them keeps: names that TLS derives
 * keys with, and then version texts, names of sources, the build information of Go. Symbols are not
 * needed. Pure: the caller reads the file. */
#pragma once

#include "base/tls_stacks.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STACK_HEAD_BYTES     4096	  /* the start of a file, with its table of segments */
#define STACK_FILE_MAX_BYTES (256u << 20) /* of a file that are looked at; the rest is not */
#define STACK_OVERLAP_BYTES  128 /* that neighbouring pieces of a file share: no mark is longer */
#define STACK_RANGES_MAX     16

/* Parts of a file. */
struct stack_ranges {
	struct {
		uint64_t offset;
		uint64_t size_bytes;
	} at[STACK_RANGES_MAX];
	unsigned count;
};

/* Where the constants of an ELF file (64 bit, this byte order) are that begins with |head|: its
 * segments without code, or all if none of these is read-only. At most STACK_FILE_MAX_BYTES
 * together. False: not such a file, or its table of segments lies elsewhere. */
bool stack_ranges_find(const uint8_t *head, size_t head_bytes, struct stack_ranges *ret);

/* Whether this piece has one of the names in it without which there is no TLS. */
bool stack_names_tls(const uint8_t *piece, size_t piece_bytes);

/* Marks that were met. Begin with a zeroed one. */
struct stack_marks {
	uint32_t met; /* 1 << enum of the table */
	char versions[TLS_STACK_MAX][TLS_STACK_VERSION_MAX];
};

/* Looks for marks in the next piece of a range, which begins with the last STACK_OVERLAP_BYTES of
 * the one before. */
void stack_marks_look(struct stack_marks *m, const uint8_t *piece, size_t piece_bytes);

/* What the marks of a whole file that names TLS say. */
struct tls_stacks stack_marks_say(const struct stack_marks *m);
