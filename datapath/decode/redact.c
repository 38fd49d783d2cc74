// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Redaction of request targets, check of trace context, escaping of foreign text. */
#include "datapath/decode/redact.h"

#include <stdint.h>
#include <stdio.h>

/* A bounded output: once something did not fit nothing more is written. */
struct writer {
	char *out;
	size_t room_bytes; /* without the final NUL */
	bool cut;
};

static void write_part(struct writer *w, const char *data, size_t size_bytes)
{
	size_t n = size_bytes < w->room_bytes ? size_bytes : w->room_bytes;

	if (w->cut || !size_bytes)
		return;
	memcpy(w->out, data, n);
	w->out += n;
	w->room_bytes -= n;
	w->cut = n < size_bytes;
}

/* All of it or nothing. */
static void write_whole(struct writer *w, const char *data, size_t size_bytes)
{
	if (size_bytes > w->room_bytes)
		w->cut = true;
	else
		write_part(w, data, size_bytes);
}

static const char *find(const char *from, const char *end, char c)
{
	const char *found = from < end ? memchr(from, c, (size_t)(end - from)) : NULL;

	return found ? found : end;
}

/* Writes "scheme://REDACTED@" where the target has user information; returns the first byte not
 * dealt with. */
static const char *write_userinfo(struct writer *w, const char *start, const char *end)
{
	const char *colon;

	if (start == end || *start == '/')
		return start;
	colon = memmem(start, (size_t)(end - start), "://", 3);
	if (!colon)
		return start;
	const char *authority = colon + 3;
	size_t authority_bytes = (size_t)(find(authority, end, '/') - authority);
	const char *at = memrchr(authority, '@', authority_bytes);

	if (!at)
		return start;
	write_part(w, start, (size_t)(authority - start));
	write_part(w, "REDACTED", 8);
	return at;
}

static void write_parameter(struct writer *w, const char *from, const char *end)
{
	const char *equals = find(from, end, '=');

	if (equals < end)
		write_part(w, from, (size_t)(equals + 1 - from));
}

bool redact_path(struct slice target, char *out, size_t size)
{
	struct writer w = {out, size - 1, false};
	const char *end = find(target.data, target.data + target.size_bytes, '#');
	const char *query = find(target.data, end, '?');
	const char *path = write_userinfo(&w, target.data, query);

	write_part(&w, path, (size_t)(query - path));
	while (query < end) {
		const char *next = find(query + 1, end, '&');

		write_part(&w, query, 1);
		write_parameter(&w, query + 1, next);
		query = next;
	}
	*w.out = 0;
	return w.cut;
}

/* Lower-case hex digits, |size_bytes| of them; |zero|: all of them may be '0'. */
static bool is_hex(const char *data, size_t size_bytes, bool zero)
{
	bool other = zero;

	for (size_t i = 0; i < size_bytes; i++) {
		char c = data[i];

		if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
			return false;
		other |= c != '0';
	}
	return other;
}

/* version "-" trace-id "-" parent-id "-" flags */
bool traceparent_valid(struct slice s)
{
	const size_t size_bytes = 2 + 1 + 32 + 1 + 16 + 1 + 2;
	const char *p = s.data;

	if (s.size_bytes < size_bytes || p[2] != '-' || p[35] != '-' || p[52] != '-')
		return false;
	if (!is_hex(p, 2, true) || !is_hex(p + 3, 32, false) || !is_hex(p + 36, 16, false) ||
	    !is_hex(p + 53, 2, true) || !memcmp(p, "ff", 2))
		return false;
	if (!memcmp(p, "00", 2))
		return s.size_bytes == size_bytes;
	return s.size_bytes == size_bytes || p[size_bytes] == '-';
}

/* Decodes one character (RFC 3629). Returns its size in bytes, 0 when it is not UTF-8. */
static size_t utf8_decode(const uint8_t *p, size_t left, uint32_t *ret_character)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t least;
	} forms[] = {{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	size_t more = 0;

	while (more < 4 && (p[0] & forms[more].mask) != forms[more].lead)
		more++;
	if (more == 4 || more >= left)
		return 0;
	uint32_t c = p[0] & (uint8_t)~forms[more].mask;

	for (size_t i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < forms[more].least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret_character = c;
	return more + 1;
}

static bool is_harmful(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
		return true;
	return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

static void write_escape(struct writer *w, const char *format, uint32_t c)
{
	char escape[16];
	int n = snprintf(escape, sizeof(escape), format, c);

	write_whole(w, escape, (size_t)n);
}

bool text_escape(struct slice s, char *out, size_t size)
{
	struct writer w = {out, size - 1, false};
	size_t n;

	for (size_t i = 0; i < s.size_bytes && !w.cut; i += n) {
		uint32_t c = (uint8_t)s.data[i];

		n = utf8_decode((const uint8_t *)s.data + i, s.size_bytes - i, &c);
		if (n && !is_harmful(c))
			write_whole(&w, s.data + i, n);
		else
			write_escape(&w, c < 0x80 || !n ? "\\x%02x" : "\\u{%x}", c);
		n = n ? n : 1;
	}
	*w.out = 0;
	return w.cut;
}
