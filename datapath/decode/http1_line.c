// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Request and status lines. */
#include "datapath/decode/http1_line.h"

#include "datapath/decode/token.h"

/* The IANA registry of methods, and those that UPnP and caches add. */
static const char methods[] =
	"ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE GET HEAD LABEL LINK "
	"LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE OPTIONS "
	"ORDERPATCH PATCH POST PROPFIND PROPPATCH PUT QUERY REBIND REPORT SEARCH TRACE UNBIND "
	"UNCHECKOUT UNLINK UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL M-SEARCH NOTIFY "
	"PURGE SUBSCRIBE UNSUBSCRIBE ";

static bool is_known_method(struct slice method)
{
	const char *end;

	for (const char *at = methods; (end = strchr(at, ' ')); at = end + 1)
		if (slice_equal(method, (struct slice){at, (size_t)(end - at)}))
			return true;
	return false;
}

/* Servers accept several spaces in place of one. */
static struct slice after_spaces(struct slice s)
{
	while (s.size_bytes && *s.data == ' ')
		s = match_after(s, 1);
	return s;
}

/* Whether a target may begin with |c|. */
static bool begins_target(uint8_t c)
{
	bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
	bool digit = c >= '0' && c <= '9';

	return c == '/' || c == '*' || c == '[' || letter || digit;
}

static enum match match_target(struct slice s)
{
	size_t n = 0;

	if (!s.size_bytes)
		return MATCH_MAYBE;
	if (!begins_target(match_byte(s, 0)))
		return MATCH_NO;
	while (n < s.size_bytes && match_byte(s, n) > ' ' && match_byte(s, n) != 0x7f)
		n++;
	if (n == s.size_bytes)
		return MATCH_MAYBE;
	return match_byte(s, n) == ' '
		       ? match_literal(after_spaces(match_after(s, n)), SLICE("HTTP/1."))
		       : MATCH_NO;
}

/* Skips empty lines before a request, which a server ignores (RFC 9112 2.2): two at most. */
static struct slice after_empty_lines(struct slice s)
{
	for (int i = 0; i < 4 && s.size_bytes && (*s.data == '\r' || *s.data == '\n'); i++)
		s = match_after(s, 1);
	return s;
}

enum match http1_match_request(struct slice s, bool known_only)
{
	enum match match;
	bool known;
	size_t n = 0, all_bytes = s.size_bytes;
	struct slice target;

	s = after_empty_lines(s);
	while (n < s.size_bytes && token_has(match_byte(s, n)))
		n++;
	if (n == s.size_bytes)
		return MATCH_MAYBE;
	known = is_known_method((struct slice){s.data, n});
	if (!n || match_byte(s, n) != ' ' || (known_only && !known))
		return MATCH_NO;
	target = after_spaces(match_after(s, n));
	match = match_target(target);
	if (match != MATCH_MAYBE || all_bytes < CLASSIFY_MAX_BYTES)
		return match;
	return known || (target.size_bytes && *target.data == '/') ? MATCH_YES : MATCH_NO;
}

struct slice http1_simple_target(struct slice s)
{
	static const char method[] = "GET ";
	struct slice none = {0}, target;
	size_t n = 0;

	if (s.size_bytes < sizeof(method) || memcmp(s.data, "GET /", sizeof(method)) != 0)
		return none;
	target = match_after(s, sizeof(method) - 1);
	while (n < target.size_bytes && match_byte(target, n) > ' ' &&
	       match_byte(target, n) != 0x7f)
		n++;
	for (size_t i = n; i < target.size_bytes; i++)
		if (match_byte(target, i) != '\r' && match_byte(target, i) != '\n')
			return none;
	return n < target.size_bytes ? (struct slice){target.data, n} : none;
}

enum match http1_match_response(struct slice s)
{
	static const char form[] = "HTTP/1.0 000";

	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		if (i == s.size_bytes)
			return MATCH_MAYBE;
		uint8_t c = match_byte(s, i);

		if (form[i] == '0' ? c < '0' || c > '9' : c != (uint8_t)form[i])
			return MATCH_NO;
	}
	return MATCH_YES;
}
