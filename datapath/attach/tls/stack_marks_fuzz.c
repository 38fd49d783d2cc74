// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Fuzzes program headers and marks of TLS libraries: ranges are bounded, and a file read in pieces
 * gives the same result as the whole. */
#include "datapath/attach/tls/stack_marks.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_ranges(const uint8_t *head, size_t bytes)
{
	struct stack_ranges r;
	uint64_t sum = 0;

	if (!stack_ranges_find(head, bytes, &r))
		return;
	for (unsigned i = 0; i < r.count; i++)
		sum += r.at[i].size_bytes;
	if (!r.count || r.count > STACK_RANGES_MAX || !sum || sum > STACK_FILE_MAX_BYTES)
		abort();
}

static uint32_t marks_of(const uint8_t *bytes, size_t size_bytes, size_t step)
{
	struct stack_marks m = {0};
	struct tls_stacks s;

	for (size_t at = 0; at < size_bytes; at += step) {
		size_t n = size_bytes - at;

		stack_marks_look(&m, bytes + at,
				 n < step + STACK_OVERLAP_BYTES ? n : step + STACK_OVERLAP_BYTES);
	}
	s = stack_marks_say(&m);
	for (unsigned i = 0; i < s.count; i++)
		if (!tls_stack_name(s.at[i].stack) ||
		    !memchr(s.at[i].version, 0, sizeof(s.at[i].version)))
			abort();
	return m.met;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	uint8_t *copy = malloc(size_bytes ? size_bytes : 1);
	uint32_t whole;

	if (!copy)
		abort();
	if (size_bytes)
		memcpy(copy, data, size_bytes);
	check_ranges(copy, size_bytes);
	stack_names_tls(copy, size_bytes);
	whole = marks_of(copy, size_bytes, size_bytes + 1);
	if (marks_of(copy, size_bytes, 64) != whole)
		abort();
	free(copy);
	return 0;
}
