// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is said of values that do not fit their table. */
#include "mesh-config/schema/state.h"

#include "mesh-config/schema/nearest.h"

#define NAMED_AT_MOST 12 /* allowed words in a hint */

static bool field_is_text(const struct field *f)
{
	switch ((enum field_type)f->type) {
	case FIELD_TEXT:
	case FIELD_WORD:
	case FIELD_LOCALITY:
	case FIELD_LABELS:
	case FIELD_ANNOTATIONS:
		return true;
	default:
		return false;
	}
}

void schema_type_report(struct reading *r, const struct field *f, const struct yaml_node *n,
			const char *looks_like)
{
	problem_add(r->problems, PROBLEM_TYPE, n->at, "field \"%s\" takes %s, not %s", f->name,
		    field_type_text((enum field_type)f->type), looks_like);
	if (f->type == FIELD_BOOL)
		problem_hint(r->problems, "write true or false");
	else if (f->type == FIELD_DURATION)
		problem_hint(r->problems,
			     "durations look like 10s, 500ms, 1m30s, of whole milliseconds");
	else if (f->type == FIELD_NUMBER && n->kind == YAML_TEXT && !n->plain)
		problem_hint(r->problems, "leave out the quotes");
	else if (n->kind == YAML_TEXT && n->plain && field_is_text(f))
		problem_hint(r->problems, "write \"%.*s\"", (int)n->text.size_bytes, n->text.data);
}

/* Names of which one was meant. */
struct names {
	struct slice meant;
	const char *best;
	uint32_t best_distance;
	char list[512];
	size_t used;
};

static void names_add(struct names *n, const char *name, bool listed)
{
	uint32_t distance = nearest_distance(n->meant, slice_of(name));

	if (!n->best || distance < n->best_distance) {
		n->best = name;
		n->best_distance = distance;
	}
	if (listed && n->used < sizeof(n->list))
		n->used += (size_t)snprintf(n->list + n->used, sizeof(n->list) - n->used, "%s%s",
					    n->used ? ", " : "", name);
}

static void names_hint(struct reading *r, const struct names *n)
{
	if (n->best && nearest_is_slip(n->best_distance, strlen(n->best)))
		problem_hint(r->problems, "did you mean \"%s\"?%s%s", n->best,
			     n->used ? " allowed: " : "", n->list);
	else if (n->used)
		problem_hint(r->problems, "allowed: %s", n->list);
}

void schema_unknown_report(struct reading *r, const struct schema *schema,
			   const struct yaml_node *n)
{
	struct names names = {.meant = n->key};

	problem_add(r->problems, PROBLEM_UNKNOWN_FIELD, n->key_at, "unknown field \"%.*s\" in %s",
		    (int)n->key.size_bytes, n->key.data, schema->name);
	for (uint32_t i = 0; i < schema->count; i++)
		names_add(&names, schema->fields[i].name, schema->count <= NAMED_AT_MOST);
	names_hint(r, &names);
}

void schema_words_report(struct reading *r, const struct field *f, const struct yaml_node *n)
{
	struct names names = {.meant = n->text};

	problem_add(r->problems, PROBLEM_VALUE, n->at, "\"%.*s\" is not a value of field \"%s\"",
		    (int)n->text.size_bytes, n->text.data, f->name);
	for (uint32_t i = 0; f->words[i]; i++)
		if (f->words[i][0])
			names_add(&names, f->words[i], true);
	names_hint(r, &names);
}

/* The beginning of a long text is enough in a message. */
#define SHOWN_MAX_BYTES 80

void schema_form_report(struct reading *r, const struct field *f, struct slice text,
			struct place at)
{
	enum field_form form = (enum field_form)f->form;
	bool cut = text.size_bytes > SHOWN_MAX_BYTES;

	problem_add(r->problems, form_problem(form), at, "\"%.*s%s\" in field \"%s\" is not %s",
		    cut ? SHOWN_MAX_BYTES : (int)text.size_bytes, text.data, cut ? "..." : "",
		    f->name, form_text(form));
	problem_hint(r->problems, "%s", form_hint(form));
}

void schema_empty_report(struct reading *r, const char *what, struct place at)
{
	problem_add(r->problems, PROBLEM_REQUIRED, at, "field \"%s\" is empty", what);
}
