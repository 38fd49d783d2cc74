// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lines of HTTP/1 in the form of RFC 9112. A run of bytes that are in it is handed on as it stands;
 * what is not ends the run and is handed on alone. */
#include "datapath/decode/http1_strict.h"

#include "datapath/decode/token.h"

enum place {
	START_LINE, /* behind the method */
	LINE,	    /* before its first byte */
	NAME,
	VALUE,
	CHUNK_SIZE,
	CHUNK_REST, /* behind the size, up to the end of its line */
	CHUNK_END,  /* behind the bytes of a chunk */
};

#define NOTICE(s, name) ((s)->noticed |= HTTP_LENIENT_FORM(name))

static const struct slice line_end = SLICE("\r\n");

void http1_strict_start(struct http1_strict *s, bool request)
{
	*s = (struct http1_strict){.place = START_LINE, .request = request};
}

static bool is_control(uint8_t c)
{
	return (c < ' ' && c != '\t') || c == 0x7f;
}

static bool is_white(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

static bool in_chunk_line(const struct http1_strict *s)
{
	return s->place >= CHUNK_SIZE;
}

/* Moves on after the end of a line: to the next line, to the chunks after a head, or to the end. */
static void line_ended(struct http1_strict *s)
{
	switch (s->place) {
	case LINE: /* an empty line: the block ends */
	case CHUNK_END:
		s->place = CHUNK_SIZE;
		s->digits = s->not_empty = false;
		break;
	case CHUNK_SIZE:
	case CHUNK_REST:
		s->place = s->not_empty ? CHUNK_END : LINE;
		break;
	default:
		s->place = LINE;
	}
}

/* ---- runs: bytes that are in the strict form already */

/* Marks the top bit of bytes of |word| that are less than |limit| (at most 128); exact as far as
 * the lowest marked one. */
static uint64_t less_than(uint64_t word, uint8_t limit)
{
	const uint64_t ones = 0x0101010101010101;

	return (word - ones * limit) & ~word & ones * 0x80;
}

/* Eight bytes at a time, to where some of the next ones must be looked at: for most bytes of a head
 * there is nothing to decide. */
static const char *run_fast(const struct http1_strict *s, const char *p, const char *end)
{
	const uint64_t delete = 0x7f7f7f7f7f7f7f7f;
	uint8_t least = s->place == VALUE ? ' ' : ' ' + 1;

	if (s->place == NAME)
		while (p < end && token_has((uint8_t)*p))
			p++;
	if (s->place != VALUE && s->place != START_LINE)
		return p;
	for (uint64_t word; end - p >= 8; p += 8) {
		memcpy(&word, p, sizeof(word));
		if (less_than(word, least) | less_than(word ^ delete, 1))
			break;
	}
	return p;
}

/* Whether a run goes on over the byte at |p|, and what it changes. A space of a request line must
 * be followed by something else. */
static bool run_takes(struct http1_strict *s, const char *p, const char *end)
{
	uint8_t c = (uint8_t)*p;

	switch (s->place) {
	case START_LINE:
		if (c == ' ' && s->request)
			return p + 1 < end && (uint8_t)p[1] > ' ';
		return c != '\r' && c != '\n';
	case LINE:
		if (!token_has(c))
			return false;
		s->place = NAME;
		return true;
	case NAME:
		if (c == ':')
			s->place = VALUE;
		return c == ':' || token_has(c);
	case VALUE:
		return !is_control(c);
	case CHUNK_SIZE:
		if (!is_hex(c))
			return false;
		s->digits = true;
		s->not_empty |= c != '0';
		return true;
	default:
		return false;
	}
}

/* A line end of a run: there is a line that it may end, and a field does not go on behind it. */
static bool run_takes_line_end(const struct http1_strict *s, const char *p, const char *end)
{
	if (end - p < 2 || p[0] != '\r' || p[1] != '\n')
		return false;
	if (s->place == VALUE)
		return end - p > 2 && !is_white((uint8_t)p[2]);
	return s->place != NAME && (s->place != CHUNK_SIZE || s->digits);
}

static size_t run_bytes(struct http1_strict *s, const char *at, const char *end)
{
	const char *p = at;

	while ((p = run_fast(s, p, end)) < end) {
		if (run_takes(s, p, end)) {
			p++;
			continue;
		}
		if (!run_takes_line_end(s, p, end))
			break;
		bool stop = s->place == LINE || in_chunk_line(s);

		p += 2;
		line_ended(s);
		if (stop)
			break;
	}
	return (size_t)(p - at);
}

/* ---- single bytes that are not */

static void notice_line_end(struct http1_strict *s)
{
	if (s->cr)
		return;
	if (in_chunk_line(s))
		NOTICE(s, CHUNK_BARE_LF);
	else
		NOTICE(s, BARE_LF);
}

/* LF, with or without a CR before it that is held back. Spaces at the end of the request line are
 * left out. */
static struct slice take_line_end(struct http1_strict *s)
{
	struct slice give = s->place == NAME ? SLICE(":\r\n") : line_end;

	if (s->place == CHUNK_SIZE && !s->digits) {
		NOTICE(s, CHUNK_SIZE);
		return SLICE("\n");
	}
	if (s->place == NAME)
		NOTICE(s, NO_COLON);
	if (s->space)
		NOTICE(s, SPACES);
	notice_line_end(s);
	s->cr = s->space = false;
	s->value_line = s->place == VALUE;
	if (s->value_line)
		return SLICE("");
	line_ended(s);
	return give;
}

/* The line of a field has ended, and |c| follows: the field's value goes on or not. */
static struct slice take_value_line(struct http1_strict *s, uint8_t c)
{
	s->value_line = false;
	if (is_white(c)) {
		NOTICE(s, OBS_FOLD);
		return SLICE("");
	}
	line_ended(s);
	return line_end;
}

/* A CR without LF: white space where white space may be, else a byte that no name may have. */
static struct slice take_bare_cr(struct http1_strict *s)
{
	s->cr = false;
	NOTICE(s, BARE_CR);
	switch (s->place) {
	case START_LINE:
		s->space = s->request;
		return s->request ? SLICE("") : SLICE(" ");
	case LINE:
	case NAME:
		s->place = NAME;
		return SLICE("~");
	case VALUE:
		return SLICE(" ");
	default:
		return SLICE("");
	}
}

/* The first byte of a line, or one of a name, that is no token. */
static struct slice take_name_byte(struct http1_strict *s, uint8_t c)
{
	s->place = NAME;
	if (is_white(c))
		NOTICE(s, SPACE_IN_NAME);
	else
		NOTICE(s, NAME);
	return SLICE("~");
}

static struct slice take_chunk_byte(struct http1_strict *s, const char *p)
{
	uint8_t c = (uint8_t)*p;

	if (is_white(c) && s->place == CHUNK_SIZE) {
		NOTICE(s, CHUNK_SPACE);
		s->place = s->digits ? CHUNK_REST : CHUNK_SIZE;
		return SLICE("");
	}
	if (s->place == CHUNK_REST || (s->digits && c == ';')) {
		if (is_control(c))
			NOTICE(s, CHUNK_EXTENSION);
		s->place = CHUNK_REST;
		return SLICE("");
	}
	NOTICE(s, CHUNK_SIZE);
	return (struct slice){p, 1};
}

/* The byte at |p|, which no run takes. */
static struct slice take_odd(struct http1_strict *s, const char *p)
{
	switch (*p) {
	case '\n':
		return take_line_end(s);
	case '\r':
		s->cr = true;
		return SLICE("");
	}
	switch (s->place) {
	case START_LINE: /* a space */
		if (s->space)
			NOTICE(s, SPACES);
		s->space = true;
		return SLICE("");
	case LINE:
	case NAME:
		return take_name_byte(s, (uint8_t)*p);
	case VALUE:
		NOTICE(s, CONTROL);
		return (struct slice){p, 1};
	default:
		return take_chunk_byte(s, p);
	}
}

size_t http1_strict_next(struct http1_strict *s, const char *at, const char *end, struct slice *ret)
{
	if (s->value_line) {
		*ret = take_value_line(s, (uint8_t)*at);
		return 0;
	}
	if (s->cr && *at != '\n') {
		*ret = take_bare_cr(s);
		return 0;
	}
	if (s->space && (uint8_t)*at > ' ') {
		s->space = false;
		*ret = SLICE(" ");
		return 0;
	}
	size_t bytes = s->cr || s->space ? 0 : run_bytes(s, at, end);

	*ret = (struct slice){at, bytes};
	if (bytes)
		return bytes;
	*ret = take_odd(s, at);
	return 1;
}
