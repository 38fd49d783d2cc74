// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names and labels are checked by runs of characters; nothing here needs an expression engine. */
#include "mesh-config/schema/forms.h"

#include "mesh-config/schema/scalars.h"

#define LABEL_MAX_BYTES	  63
#define DNS_MAX_BYTES	  255
#define PREFIX_MAX_BYTES  253
#define ACCOUNT_MAX_BYTES 320
#define TARGET_MAX_BYTES  15

#define LOWER	"abcdefghijklmnopqrstuvwxyz"
#define UPPER	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS	"0123456789"
#define LETTERS LOWER UPPER DIGITS

static const struct {
	enum problem_code problem;
	const char *text, *hint, *pattern;
} forms[] = {
#define X(name, problem, text, hint, pattern) {PROBLEM_##problem, text, hint, pattern},
	FIELD_FORMS(X)
#undef X
};

enum problem_code form_problem(enum field_form form)
{
	return forms[form].problem;
}

const char *form_text(enum field_form form)
{
	return forms[form].text;
}

const char *form_hint(enum field_form form)
{
	return forms[form].hint;
}

const char *form_pattern(enum field_form form)
{
	return forms[form].pattern;
}

/* ---- runs of characters */

static bool is_of(char c, const char *set)
{
	return c && strchr(set, c);
}

/* Begins and ends with one of |ends|, with those and |between| inside; at most |most| bytes. */
static bool is_run(struct slice s, const char *ends, const char *between, size_t most)
{
	if (!s.size_bytes || s.size_bytes > most || !is_of(s.data[0], ends) ||
	    !is_of(s.data[s.size_bytes - 1], ends))
		return false;
	for (size_t i = 0; i < s.size_bytes; i++)
		if (!is_of(s.data[i], ends) && !is_of(s.data[i], between))
			return false;
	return true;
}

static bool is_number(struct slice s)
{
	for (size_t i = 0; i < s.size_bytes; i++)
		if (!is_of(s.data[i], DIGITS))
			return false;
	return s.size_bytes;
}

/* What stands before the first |mark|, which is taken from |rest| with it; all of it if there is
 * none. */
static struct slice part_take(struct slice *rest, char mark, bool *ret_more)
{
	const char *end = memchr(rest->data, mark, rest->size_bytes);
	struct slice part = *rest;

	*ret_more = end != NULL;
	if (end)
		part.size_bytes = (size_t)(end - rest->data);
	rest->data += part.size_bytes + *ret_more;
	rest->size_bytes -= part.size_bytes + *ret_more;
	return part;
}

static bool has(struct slice s, char c)
{
	return s.size_bytes && memchr(s.data, c, s.size_bytes);
}

/* ---- names of DNS */

/* Labels with a point between them; the last may be empty ("example.com."). */
static bool are_labels(struct slice s, const char *ends)
{
	bool more = true;

	while (more) {
		struct slice label = part_take(&s, '.', &more);

		if (!more && !label.size_bytes)
			return true;
		if (!is_run(label, ends, "-", LABEL_MAX_BYTES) || (!more && is_number(label)))
			return false;
	}
	return true;
}

static bool is_dns_name(struct slice s)
{
	return s.size_bytes && s.size_bytes <= DNS_MAX_BYTES && s.data[0] != '.' &&
	       are_labels(s, LETTERS);
}

/* "*", "*-" and "*" before a label can only be in the first one. */
static bool is_host(struct slice s)
{
	struct slice rest = s, first;
	bool more;

	if (!s.size_bytes || s.size_bytes > DNS_MAX_BYTES)
		return false;
	first = part_take(&rest, '.', &more);
	if (first.size_bytes && first.data[0] == '*') {
		size_t cut = first.size_bytes > 2 && first.data[1] == '-' ? 2 : 1;

		first = (struct slice){first.data + cut, first.size_bytes - cut};
		if (first.size_bytes && !is_run(first, LETTERS, "-", LABEL_MAX_BYTES - cut))
			return false;
	} else if (!is_run(first, LETTERS, "-", LABEL_MAX_BYTES)) {
		return false;
	}
	return !more || are_labels(rest, LETTERS);
}

static bool is_object_name(struct slice s)
{
	bool more = true;

	if (!s.size_bytes || s.size_bytes > PREFIX_MAX_BYTES)
		return false;
	while (more)
		if (!is_run(part_take(&s, '.', &more), LOWER DIGITS, "-", PREFIX_MAX_BYTES))
			return false;
	return true;
}

static bool is_address(struct slice s, bool alone)
{
	struct mesh_prefix prefix;
	bool clean;

	return prefix_parse(s, &prefix, &clean) && !(alone && has(s, '/'));
}

/* 0.0.0.0 and ::, to which nothing can connect. */
static bool is_unspecified(struct slice s)
{
	static const uint8_t none[16], none_mapped[16] = {[10] = 0xff, [11] = 0xff};
	struct mesh_prefix p;
	bool clean;

	return prefix_parse(s, &p, &clean) &&
	       (!memcmp(p.address, none, sizeof(none)) ||
		!memcmp(p.address, none_mapped, sizeof(none_mapped)));
}

/* ---- others */

static bool is_gateway(struct slice s)
{
	bool more;
	struct slice first = part_take(&s, '/', &more);

	if (!more)
		return is_dns_name(first);
	return is_run(first, LETTERS, "-", LABEL_MAX_BYTES) &&
	       is_run(s, LETTERS, "-", LABEL_MAX_BYTES);
}

static bool is_label_key(struct slice s)
{
	bool more = has(s, '/');
	struct slice prefix = {0};

	if (more)
		prefix = part_take(&s, '/', &more);
	if (more && (prefix.size_bytes > PREFIX_MAX_BYTES || !prefix.size_bytes))
		return false;
	for (bool dots = more; dots;)
		if (!is_run(part_take(&prefix, '.', &dots), LETTERS, "-", PREFIX_MAX_BYTES))
			return false;
	return is_run(s, LETTERS, "-_.", LABEL_MAX_BYTES);
}

static bool is_locality(struct slice s)
{
	const char *star = s.size_bytes ? memchr(s.data, '*', s.size_bytes) : NULL;
	bool more = true;

	if (star && star != s.data + s.size_bytes - 1)
		return false;
	for (unsigned parts = 0; more && parts < 3; parts++)
		if (!part_take(&s, '/', &more).size_bytes)
			return false;
	return true;
}

static bool is_account(struct slice s)
{
	bool more;
	struct slice first = part_take(&s, '/', &more);
	struct slice name = more ? s : first;

	return first.size_bytes && name.size_bytes && !has(name, '/') && !has(first, '*') &&
	       !has(name, '*') && first.size_bytes + name.size_bytes < ACCOUNT_MAX_BYTES;
}

static bool is_port(struct slice s)
{
	uint32_t port;

	return number_parse(s, &port) && port && port <= 65535;
}

/* A number, or the name of a port of a container (RFC 6335). */
static bool is_port_target(struct slice s)
{
	bool letter = false;

	if (is_number(s))
		return is_port(s);
	for (size_t i = 0; i < s.size_bytes; i++)
		letter |= is_of(s.data[i], LOWER);
	return letter && is_run(s, LOWER DIGITS, "-", TARGET_MAX_BYTES);
}

bool form_key_fits(enum field_form form, struct slice key)
{
	if (form == FORM_SELECTOR)
		return key.size_bytes && !has(key, '*');
	if (form == FORM_LABELS)
		return is_label_key(key);
	return form_fits(form, key);
}

bool form_fits(enum field_form form, struct slice s)
{
	switch (form) {
	case FORM_ANY:
		return true;
	case FORM_FILLED:
		return s.size_bytes;
	case FORM_OBJECT_NAME:
		return is_object_name(s);
	case FORM_NAMESPACE:
	case FORM_PORT_NAME:
		return is_run(s, LOWER DIGITS, "-", LABEL_MAX_BYTES);
	case FORM_QUALIFIED:
		return is_label_key(s);
	case FORM_GROUP:
		return !s.size_bytes || is_object_name(s);
	case FORM_KIND:
	case FORM_DNS_LABEL:
		return is_run(s, LETTERS, "-", LABEL_MAX_BYTES);
	case FORM_DNS_NAME:
		return is_dns_name(s);
	case FORM_HOST:
		return is_host(s);
	case FORM_HOST_NOT_ALL:
		return is_host(s) && !slice_equal(s, SLICE("*"));
	case FORM_HOST_OR_ADDRESS:
		return is_host(s) || is_address(s, true);
	case FORM_GATEWAY:
		return is_gateway(s);
	case FORM_LABELS:
		return !s.size_bytes || is_run(s, LETTERS, "-_.", LABEL_MAX_BYTES);
	case FORM_SELECTOR:
		return !has(s, '*');
	case FORM_LOCALITY:
		return is_locality(s);
	case FORM_REGION:
		return s.size_bytes && !has(s, '/') && !has(s, '*');
	case FORM_ACCOUNT:
		return is_account(s);
	case FORM_PORT_NUMBER:
		return is_port(s);
	case FORM_PORT_TARGET:
		return is_port_target(s);
	case FORM_SINGLE_ADDRESS:
		return is_address(s, true) && !is_unspecified(s);
	case FORM_ADDRESS:
		return is_address(s, false);
	}
	return false;
}
