// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A growing buffer with a maximum. */
#include "control/export/text.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 1024

void text_free(struct text *t)
{
	free(t->data);
	*t = text_new(t->limit);
}

void text_clear(struct text *t)
{
	t->used = 0;
	t->failed = false;
}

static bool reserve(struct text *t, size_t more_bytes)
{
	size_t size = t->size ? t->size : FIRST_BYTES;
	char *grown;

	if (t->failed || more_bytes > t->limit - t->used)
		return false;
	if (t->used + more_bytes <= t->size)
		return true;
	while (size < t->used + more_bytes)
		size *= 2;
	if (size > t->limit)
		size = t->limit;
	grown = realloc(t->data, size);
	if (!grown)
		return false;
	t->data = grown;
	t->size = size;
	return true;
}

void text_add(struct text *t, const void *data, size_t size_bytes)
{
	if (!size_bytes)
		return;
	if (!reserve(t, size_bytes)) {
		t->failed = true;
		return;
	}
	memcpy(t->data + t->used, data, size_bytes);
	t->used += size_bytes;
}

void text_string(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void text_escaped(struct text *t, const char *s, void (*unsafe)(struct text *t, char c))
{
	size_t left = strlen(s);

	while (left) {
		size_t n = utf8_safe(s, left);

		if (!n)
			unsafe(t, *s);
		else if (*s == '"' || *s == '\\')
			text_add(t, (char[]){'\\', *s}, 2);
		else
			text_add(t, s, n);
		s += n ? n : 1;
		left -= n ? n : 1;
	}
}

void text_char(struct text *t, char c)
{
	text_add(t, &c, 1);
}

void text_number(struct text *t, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	text_add(t, digits + at, sizeof(digits) - at);
}

void text_format(struct text *t, const char *format, ...)
{
	char line[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(line))
		t->failed = true;
	else
		text_add(t, line, (size_t)n);
}

void text_decimal(struct text *t, uint64_t n, unsigned decimals)
{
	uint64_t unit = 1;
	char digits[20];
	unsigned used = decimals;

	for (unsigned i = 0; i < decimals; i++)
		unit *= 10;
	text_number(t, n / unit);
	n %= unit;
	if (!n)
		return;
	for (unsigned i = decimals; i-- > 0; n /= 10)
		digits[i] = (char)('0' + n % 10);
	while (used > 1 && digits[used - 1] == '0')
		used--;
	text_char(t, '.');
	text_add(t, digits, used);
}
