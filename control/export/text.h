/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text that grows up to a maximum; a write beyond it marks the text as failed, which is checked
 * once, at the end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *data; /* not NUL-terminated; NULL while empty */
	size_t used;
	size_t size;
	size_t limit;
	bool failed; /* something did not fit, or memory was short */
};

/* An empty text of at most |limit| bytes. Free with text_free. */
static inline struct text text_new(size_t limit)
{
	return (struct text){.limit = limit};
}

void text_free(struct text *t);

/* Empties it and keeps its memory. */
void text_clear(struct text *t);

void text_add(struct text *t, const void *data, size_t size_bytes);
void text_string(struct text *t, const char *s);
void text_char(struct text *t, char c);
/* Adds |s| as the content of double quotes: '"' and '\\' get a backslash; |unsafe| writes each byte
 * that utf8_safe refuses. */
void text_escaped(struct text *t, const char *s, void (*unsafe)(struct text *t, char c));
void text_number(struct text *t, uint64_t n);
/* At most 511 bytes at a time. */
void text_format(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* |n| / 10^|decimals| (at most 18) exactly, without trailing zeros: 1500000 with 6 is "1.5". */
void text_decimal(struct text *t, uint64_t n, unsigned decimals);
