// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A value or a name that is almost one of these would silently do something else than it says. */
#include "mesh-config/schema/annotations.h"

#include "mesh-config/model/model.h"
#include "mesh-config/schema/nearest.h"

#include <stdio.h>

#define OWN "weft.dev/"

enum value_type {
	VALUE_SWITCH,
	VALUE_RATE,
	VALUE_CODES,
};

static const struct known {
	const char *name;
	enum kind_id kind; /* that it is of; KIND_COUNT: all */
	enum value_type type;
} known[] = {
	{"istio.io/dry-run", KIND_AUTHORIZATION_POLICY, VALUE_SWITCH},
	{OWN "accept", KIND_COUNT, VALUE_CODES},
	{OWN "close-ejected", KIND_DESTINATION_RULE, VALUE_SWITCH},
	{OWN "connect-rate", KIND_DESTINATION_RULE, VALUE_RATE},
	{OWN "end-connections", KIND_AUTHORIZATION_POLICY, VALUE_SWITCH},
};

#define KNOWN_COUNT (sizeof(known) / sizeof(*known))

/* ---- true and false */

/* As Go's strconv.ParseBool, which Istio reads them with: 1 is true, 0 is false, -1 is neither. */
static int switch_parse(const char *text)
{
	static const char *const words[] = {"0",     "1",    "f",     "t",    "F",     "T",
					    "false", "true", "False", "True", "FALSE", "TRUE"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(words[i], text))
			return i % 2;
	return -1;
}

bool annotation_is_true(const struct mesh_labels *annotations, const char *name)
{
	const char *text = mesh_labels_find(annotations, name);

	return text && switch_parse(text) == 1;
}

/* ---- codes */

static enum problem_code code_find(struct slice text)
{
	uint32_t i = 0;

	for (; i < PROBLEM_CODE_COUNT; i++) {
		const char *code = problem_code_text((enum problem_code)i);

		if (slice_equal(text, slice_of(code)))
			break;
	}
	return (enum problem_code)i;
}

static void acceptable_write(char *out, size_t size)
{
	size_t used = 0;

	for (uint32_t i = 0; i < PROBLEM_CODE_COUNT && used < size; i++)
		if (problem_code_acceptable((enum problem_code)i))
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "",
						 problem_code_text((enum problem_code)i));
}

static void code_check(struct reading *r, struct slice text, struct place at)
{
	enum problem_code code = code_find(text);
	char acceptable[100] = "";

	if (code < PROBLEM_CODE_COUNT && problem_code_acceptable(code))
		return;
	acceptable_write(acceptable, sizeof(acceptable));
	if (code < PROBLEM_CODE_COUNT)
		problem_add(r->problems, PROBLEM_ANNOTATION, at, "%.*s cannot be accepted",
			    (int)text.size_bytes, text.data);
	else
		problem_add(r->problems, PROBLEM_VALUE, at,
			    "\"%.*s\" in annotation " OWN "accept is no code", (int)text.size_bytes,
			    text.data);
	problem_hint(r->problems, "these can be accepted: %s", acceptable);
}

static void codes_check(struct reading *r, const char *text, struct place at)
{
	static const char between[] = ", ";

	for (text += strspn(text, between); *text; text += strspn(text, between)) {
		size_t n = strcspn(text, between);

		code_check(r, (struct slice){text, n}, at);
		text += n;
	}
}

/* ---- values */

static void value_check(struct reading *r, const struct known *k, const char *text, struct place at)
{
	uint32_t rate;
	bool fits = k->type == VALUE_SWITCH ? switch_parse(text) >= 0
					    : number_parse(slice_of(text), &rate);

	if (k->type == VALUE_CODES)
		codes_check(r, text, at);
	else if (!fits) {
		problem_add(r->problems, PROBLEM_VALUE, at, "annotation %s cannot be \"%s\"",
			    k->name, text);
		problem_hint(r->problems, "%s",
			     k->type == VALUE_SWITCH ? "write \"true\" or \"false\""
						     : "connections per second, as \"100\"");
	}
}

static bool is_own(const char *name)
{
	return !strncmp(name, OWN, strlen(OWN));
}

/* ---- names */

/* The known one of the same prefix that |name| is a slip of; NULL: none. */
static const struct known *slip_of(const char *name)
{
	size_t prefix = strcspn(name, "/") + 1;
	const struct known *best = NULL;
	uint32_t best_distance = UINT32_MAX;

	for (size_t i = 0; i < KNOWN_COUNT; i++) {
		struct slice rest = {known[i].name + prefix, 0};
		uint32_t distance;

		if (strncmp(known[i].name, name, prefix) != 0)
			continue;
		rest.size_bytes = strlen(rest.data);
		distance = nearest_distance((struct slice){name + prefix, strlen(name + prefix)},
					    rest);
		if (distance >= best_distance || !nearest_is_slip(distance, rest.size_bytes))
			continue;
		best = &known[i];
		best_distance = distance;
	}
	return best;
}

static void unknown_report(struct reading *r, const struct draft *d, const struct yaml_node *n)
{
	const char *name = n->key.data;
	const struct known *meant = slip_of(name);

	if (meant && (is_own(name) || meant->kind == d->kind)) {
		problem_add(r->problems, PROBLEM_UNKNOWN_FIELD, n->key_at,
			    "unknown annotation \"%s\"", name);
		problem_hint(r->problems, "did you mean \"%s\"?", meant->name);
	} else if (is_own(name)) {
		problem_add(r->problems, PROBLEM_ANNOTATION, n->key_at,
			    "weft knows no annotation \"%s\"", name);
		problem_hint(r->problems,
			     "accept, close-ejected, connect-rate and end-connections are known");
	}
}

static void annotation_check(struct reading *r, const struct draft *d, const struct yaml_node *n)
{
	const struct known *k = known;

	while (k < known + KNOWN_COUNT && strcmp(k->name, n->key.data) != 0)
		k++;
	if (k == known + KNOWN_COUNT)
		unknown_report(r, d, n);
	else if (k->kind == KIND_COUNT || k->kind == d->kind)
		value_check(r, k, mesh_labels_find(d->annotations, k->name), n->at);
	else if (is_own(k->name)) {
		problem_add(r->problems, PROBLEM_ANNOTATION, n->key_at,
			    "annotation %s has no effect here", k->name);
		problem_hint(r->problems, "it is one of kind %s", kinds[k->kind].name);
	}
}

void annotations_check(struct reading *r, const struct draft *d, const struct yaml_node *metadata)
{
	const struct yaml_node *map = yaml_find(metadata, "annotations");

	if (!map || map->kind != YAML_MAP)
		return;
	for (const struct yaml_node *n = map->first; n; n = n->next)
		if (n->kind == YAML_TEXT && mesh_labels_find(d->annotations, n->key.data))
			annotation_check(r, d, n);
}
