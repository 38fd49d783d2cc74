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

static bool is_port(const char *from, const char *end)
{
	while (from < end && *from >= '0' && *from <= '9')
		from++;
	return from == end;
}

static const char *host_end(const char *from, const char *end)
{
	while (from < end && *from != '/' && *from != '?' && *from != '#')
		from++;
	return from;
}

/* Whether what follows the last colon is no port: then it is part of a password. */
static bool ends_in_password(const char *from, const char *end)
{
	const char *colon = from < end ? memrchr(from, ':', (size_t)(end - from)) : NULL;

	return colon && end[-1] != ']' && !is_port(colon + 1, end);
}

/* A name of a host (RFC 1035 section 2.3.4) and a port. */
#define AUTHORITY_MAX_BYTES (253 + 6)

struct slice redact_authority(struct slice s)
{
	const char *at = s.size_bytes ? memrchr(s.data, '@', s.size_bytes) : NULL;
	struct slice host =
		at ? (struct slice){at + 1, s.size_bytes - (size_t)(at + 1 - s.data)} : s;

	/* what is no host and port may be the beginning of user information that was cut off */
	if (host.size_bytes > AUTHORITY_MAX_BYTES ||
	    (host.size_bytes && ends_in_password(host.data, host.data + host.size_bytes)))
		return SLICE("unknown");
	return host;
}

size_t target_authority_bytes(struct slice s)
{
	const char *end, *from = s.data, *stop, *at;

	if (!s.size_bytes)
		return 0;
	end = s.data + s.size_bytes;
	for (;;) {
		stop = host_end(from, end);
		at = find(stop, end, '@');
		if (at == end || !ends_in_password(from, stop) ||
		    memchr(from, '@', (size_t)(stop - from)))
			return (size_t)(stop - s.data);
		from = at + 1;
	}
}

/* Writes an authority, "REDACTED@" where it has user information; returns what follows it. */
static const char *write_authority(struct writer *w, const char *start, const char *end)
{
	struct slice authority = {start, 0};
	struct slice host;

	authority.size_bytes = target_authority_bytes((struct slice){start, (size_t)(end - start)});
	host = redact_authority(authority);
	if (host.data != start && authority.size_bytes)
		write_part(w, "REDACTED@", 9);
	write_part(w, host.data, host.size_bytes);
	return authority.data + authority.size_bytes;
}

/* A parameter of a path or a query: its name with what introduces it, not its value. */
static void write_parameter(struct writer *w, const char *from, const char *end)
{
	const char *equals = find(from, end, '=');

	if (equals < end)
		write_part(w, from, (size_t)(equals + 1 - from));
}

/* The size of what introduces a parameter of a path (RFC 3986 section 3.3), 0: nothing does. */
static size_t semicolon_bytes(const char *p, const char *end)
{
	if (*p == ';')
		return 1;
	return end - p >= 3 && (!memcmp(p, "%3B", 3) || !memcmp(p, "%3b", 3)) ? 3 : 0;
}

/* One without "=" has no value that could be secret. */
static const char *write_path_parameter(struct writer *w, const char *start, size_t before_bytes,
					const char *end)
{
	const char *next = start + before_bytes;

	while (next < end && *next != '/' && !semicolon_bytes(next, end))
		next++;
	if (find(start, next, '=') < next)
		write_parameter(w, start, next);
	else
		write_part(w, start, (size_t)(next - start));
	return next;
}

static void write_path(struct writer *w, const char *p, const char *end)
{
	while (p < end) {
		size_t before_bytes = semicolon_bytes(p, end);

		if (before_bytes) {
			p = write_path_parameter(w, p, before_bytes, end);
		} else if (end - p > 3 && !memcmp(p, "://", 3)) {
			write_part(w, p, 3);
			p = write_authority(w, p + 3, end);
		} else {
			const char *from = p++;

			while (p < end && *p != ';' && *p != '%' && *p != ':')
				p++;
			write_part(w, from, (size_t)(p - from));
		}
	}
}

static void write_query(struct writer *w, const char *query, const char *end)
{
	while (query < end) {
		const char *next = find(query + 1, end, '&');

		write_part(w, query, 1);
		write_parameter(w, query + 1, next);
		query = next;
	}
}

/* Writes what may stand before the path and hide a "?" or "#" in its user information; returns
 * where the path begins. */
static const char *write_origin(struct writer *w, const char *start, const char *end)
{
	const char *colon = memmem(start, (size_t)(end - start), "://", 3);

	if (start == end || *start == '*')
		return start;
	if (*start == '/') {
		if (end - start < 2 || start[1] != '/' ||
		    !memchr(start, '@', (size_t)(host_end(start + 2, end) - start)))
			return start;
		write_part(w, start, 2);
		return write_authority(w, start + 2, end);
	}
	if (colon && host_end(start, end) > colon) {
		write_part(w, start, (size_t)(colon + 3 - start));
		return write_authority(w, colon + 3, end);
	}
	if (!memchr(start, '@', (size_t)(end - start)))
		return start;
	write_part(w, "REDACTED", 8);
	return memrchr(start, '@', (size_t)(end - start));
}

bool redact_path(struct slice target, char *out, size_t size)
{
	struct writer w = {out, size - 1, false};
	const char *end = target.data + target.size_bytes;
	const char *path = target.size_bytes ? write_origin(&w, target.data, end) : end;
	const char *query;

	end = find(path, end, '#');
	query = find(path, end, '?');
	write_path(&w, path, query);
	write_query(&w, query, end);
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

bool text_escape(struct slice s, char *out, size_t size)
{
	struct writer w = {out, size - 1, false};
	char escape[16];
	size_t n;

	for (size_t i = 0; i < s.size_bytes && !w.cut; i += n) {
		uint32_t c = (uint8_t)s.data[i];

		n = utf8_decode((const uint8_t *)s.data + i, s.size_bytes - i, &c);
		if (n && !is_harmful(c)) {
			write_whole(&w, s.data + i, n);
			continue;
		}
		snprintf(escape, sizeof(escape), c < 0x80 || !n ? "\\x%02x" : "\\u{%x}", c);
		write_whole(&w, escape, strlen(escape));
		n = n ? n : 1;
	}
	*w.out = 0;
	return w.cut;
}
