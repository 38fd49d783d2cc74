// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A name is a row of parts with "/" between them, some of them fixed. A pattern is cut in the same
 * way, and laid to the beginning or to the end. */
#include "mesh-config/resolve/policy_patterns.h"

#include "mesh-config/schema/forms.h"

#include <stdio.h>
#include <string.h>

#define PARTS_MAX 5
#define SPIFFE	  "spiffe://"

enum part_kind {
	PART_FIXED,
	PART_NAMESPACE,
	PART_ACCOUNT,
};

struct part {
	enum part_kind kind;
	const char *text; /* of FIXED */
};

struct shape {
	struct part parts[PARTS_MAX];
	uint32_t count;
};

static struct shape shape_of(enum mesh_attribute attribute, const char *trust_domain)
{
	if (attribute == MESH_SOURCE_PRINCIPAL)
		return (struct shape){{{PART_FIXED, trust_domain},
				       {PART_FIXED, "ns"},
				       {PART_NAMESPACE, NULL},
				       {PART_FIXED, "sa"},
				       {PART_ACCOUNT, NULL}},
				      5};
	if (attribute == MESH_SOURCE_SERVICE_ACCOUNT)
		return (struct shape){{{PART_NAMESPACE, NULL}, {PART_ACCOUNT, NULL}}, 2};
	return (struct shape){{{PART_NAMESPACE, NULL}}, 1};
}

/* ---- parts */

static bool fixed_fits(struct slice s, const char *text, enum mesh_value_kind kind)
{
	size_t n = strlen(text);

	if (kind == MESH_VALUE_EXACT)
		return slice_equal(s, (struct slice){text, n});
	if (s.size_bytes > n)
		return false;
	return !memcmp(s.data, kind == MESH_VALUE_PREFIX ? text : text + n - s.size_bytes,
		       s.size_bytes);
}

/* Some of a namespace's name. */
static bool is_of_namespace(struct slice s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	for (size_t i = 0; i < s.size_bytes; i++)
		if (!memchr(allowed, s.data[i], sizeof(allowed) - 1))
			return false;
	return true;
}

static bool part_fits(const struct part *p, struct slice s, enum mesh_value_kind kind)
{
	if (p->kind == PART_FIXED)
		return fixed_fits(s, p->text, kind);
	if (kind == MESH_VALUE_EXACT && !s.size_bytes)
		return false;
	if (p->kind == PART_NAMESPACE)
		return kind == MESH_VALUE_EXACT ? form_fits(FORM_NAMESPACE, s) : is_of_namespace(s);
	return !memchr(s.data, '*', s.size_bytes);
}

/* ---- the whole */

/* The parts of |text|; none if there are more than |max|. */
static uint32_t text_cut(const char *text, struct slice out[PARTS_MAX], uint32_t max)
{
	uint32_t count = 0;

	for (;; text++) {
		size_t n = strcspn(text, "/");

		if (count == max)
			return 0;
		out[count++] = (struct slice){text, n};
		text += n;
		if (!*text)
			return count;
	}
}

bool pattern_may_match(enum mesh_attribute attribute, const struct mesh_value *v,
		       const char *trust_domain)
{
	const struct shape shape = shape_of(attribute, trust_domain);
	struct slice parts[PARTS_MAX];
	uint32_t count = text_cut(v->text, parts, shape.count), first = 0;

	if (v->kind == MESH_VALUE_PRESENT || strchr(trust_domain, '/'))
		return true;
	if (!count || (v->kind == MESH_VALUE_EXACT && count != shape.count))
		return false;
	if (v->kind == MESH_VALUE_SUFFIX)
		first = shape.count - count;
	for (uint32_t i = 0; i < count; i++) {
		enum mesh_value_kind kind = MESH_VALUE_EXACT;

		if (v->kind == MESH_VALUE_PREFIX && i + 1 == count)
			kind = MESH_VALUE_PREFIX;
		if (v->kind == MESH_VALUE_SUFFIX && !i)
			kind = MESH_VALUE_SUFFIX;
		if (!part_fits(&shape.parts[first + i], parts[i], kind))
			return false;
	}
	return true;
}

void pattern_hint(enum mesh_attribute attribute, const char *text, const char *trust_domain,
		  char *out, size_t size)
{
	size_t n = strlen(text);
	const char *inner = n > 1 ? strchr(text + 1, '*') : NULL;

	if (!strncmp(text, SPIFFE, strlen(SPIFFE)))
		snprintf(out, size, "leave out \"" SPIFFE "\"");
	else if (inner && (inner + 1 < text + n || text[0] == '*'))
		snprintf(out, size,
			 "a star counts once, at the beginning or at the end: abc*, "
			 "*abc, *");
	else if (attribute == MESH_SOURCE_PRINCIPAL)
		snprintf(out, size, "principals here look like %s/ns/NAMESPACE/sa/ACCOUNT",
			 trust_domain);
	else if (attribute == MESH_SOURCE_NAMESPACE)
		snprintf(out, size, "%s", form_hint(FORM_NAMESPACE));
	else
		snprintf(out, size, "%s", form_hint(FORM_ACCOUNT));
}
