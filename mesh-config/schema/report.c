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
	struct problem_note *note =
		problem_add(r->problems, PROBLEM_TYPE, n->at, "field \"%s\" takes %s, not %s",
			    f->name, field_type_text((enum field_type)f->type), looks_like);

	if (f->type == FIELD_BOOL)
		problem_hint(r->problems, note, "write true or false");
	else if (f->type == FIELD_DURATION)
		problem_hint(r->problems, note,
			     "durations look like 10s, 500ms, 1m30s, of whole milliseconds");
	else if (f->type == FIELD_NUMBER && n->kind == YAML_TEXT && !n->plain)
		problem_hint(r->problems, note, "leave out the quotes");
	else if (n->kind == YAML_TEXT && n->plain && field_is_text(f))
		problem_hint(r->problems, note, "write \"%.*s\"", (int)n->text.size_bytes,
			     n->text.data);
}

/* The names of |schema| that fit best to |key|, or all when they are few. */
static void names_hint(struct reading *r, struct problem_note *note, const struct schema *schema,
		       struct slice key)
{
	const char *best = NULL;
	uint32_t best_distance = UINT32_MAX;
	char allowed[512] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < schema->count; i++) {
		const char *name = schema->fields[i].name;
		uint32_t distance = nearest_distance(key, slice_of(name));

		if (distance < best_distance) {
			best = name;
			best_distance = distance;
		}
		if (schema->count <= NAMED_AT_MOST && used < sizeof(allowed))
			used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
						 i ? ", " : "", name);
	}
	if (best && nearest_is_slip(best_distance, strlen(best)))
		problem_hint(r->problems, note, "did you mean \"%s\"?%s%s", best,
			     allowed[0] ? " allowed: " : "", allowed);
	else if (allowed[0])
		problem_hint(r->problems, note, "allowed: %s", allowed);
}

void schema_unknown_report(struct reading *r, const struct schema *schema,
			   const struct yaml_node *n)
{
	struct problem_note *note = problem_add(r->problems, PROBLEM_UNKNOWN_FIELD, n->key_at,
						"unknown field \"%.*s\" in %s",
						(int)n->key.size_bytes, n->key.data, schema->name);

	names_hint(r, note, schema, n->key);
}

void schema_words_report(struct reading *r, const struct field *f, const struct yaml_node *n)
{
	struct problem_note *note = problem_add(r->problems, PROBLEM_VALUE, n->at,
						"\"%.*s\" is not a value of field \"%s\"",
						(int)n->text.size_bytes, n->text.data, f->name);
	const char *best = NULL;
	uint32_t best_distance = UINT32_MAX;
	char allowed[512] = "";
	size_t used = 0;

	for (uint32_t i = 0; f->words[i]; i++) {
		uint32_t distance = nearest_distance(n->text, slice_of(f->words[i]));

		if (!f->words[i][0])
			continue;
		if (distance < best_distance)
			best = f->words[i];
		best_distance = distance < best_distance ? distance : best_distance;
		if (used < sizeof(allowed))
			used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
						 used ? ", " : "", f->words[i]);
	}
	if (best && nearest_is_slip(best_distance, strlen(best)))
		problem_hint(r->problems, note, "did you mean \"%s\"? allowed: %s", best, allowed);
	else
		problem_hint(r->problems, note, "allowed: %s", allowed);
}

/* The beginning of a long text is enough in a message. */
#define SHOWN_MAX_BYTES 80

void schema_form_report(struct reading *r, const struct field *f, struct slice text,
			struct place at)
{
	enum field_form form = (enum field_form)f->form;
	bool cut = text.size_bytes > SHOWN_MAX_BYTES;

	problem_hint(r->problems,
		     problem_add(r->problems, form_problem(form), at,
				 "\"%.*s%s\" in field \"%s\" is not %s",
				 cut ? SHOWN_MAX_BYTES : (int)text.size_bytes, text.data,
				 cut ? "..." : "", f->name, form_text(form)),
		     "%s", form_hint(form));
}

void schema_empty_report(struct reading *r, const char *what, struct place at)
{
	problem_add(r->problems, PROBLEM_REQUIRED, at, "field \"%s\" is empty", what);
}
