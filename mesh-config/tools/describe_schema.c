// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* JSON Schema from the tables: every schema of the tables is one definition, closed unless it is
 * open there too. */
#include "mesh-config/tools/describe.h"

#include "mesh-config/schema/draft.h"

#define DEFINITIONS_MAX	 256
#define DURATION_PATTERN "^([0-9]+(\\\\.[0-9]+)?(ns|us|ms|s|m|h))+$"

struct definitions {
	const struct schema *items[DEFINITIONS_MAX];
	uint32_t count;
};

static void definitions_add(struct definitions *d, const struct schema *schema)
{
	for (uint32_t i = 0; i < d->count; i++)
		if (d->items[i] == schema)
			return;
	if (d->count == DEFINITIONS_MAX)
		return;
	d->items[d->count++] = schema;
	for (uint32_t i = 0; i < schema->count; i++)
		if (schema->fields[i].object)
			definitions_add(d, schema->fields[i].object);
}

static void text_write(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', to);
		fputc(*text, to);
	}
	fputc('"', to);
}

static void words_write(FILE *to, const struct field *f)
{
	fputs("\"enum\": [", to);
	for (uint32_t i = 0; f->words[i]; i++) {
		fputs(i ? ", " : "", to);
		text_write(to, f->words[i]);
	}
	fputs("]", to);
}

static void bounds_write(FILE *to, const struct field *f)
{
	if (f->min)
		fprintf(to, ", \"minimum\": %u", f->min);
	if (f->max)
		fprintf(to, ", \"maximum\": %u", f->max);
}

/* Of texts; an empty one is one that is not given unless the field is required. */
static void form_write(FILE *to, const struct field *f)
{
	const char *pattern = form_pattern((enum field_form)f->form);

	if (!pattern || f->type == FIELD_NUMBERS)
		return;
	fputs(", \"pattern\": ", to);
	if (f->list || f->required || f->form == FORM_FILLED) {
		text_write(to, pattern);
		return;
	}
	fputs("\"^$|", to);
	for (; *pattern; pattern++)
		fprintf(to, *pattern == '\\' ? "\\\\" : "%c", *pattern);
	fputc('"', to);
}

static void type_write(FILE *to, const struct field *f)
{
	switch ((enum field_type)f->type) {
	case FIELD_ANY:
		break;
	case FIELD_TEXT:
	case FIELD_WORD:
	case FIELD_ADDRESS:
	case FIELD_LOCALITY:
		fputs("\"type\": \"string\"", to);
		form_write(to, f);
		break;
	case FIELD_PORT_NAME:
		fputs("\"type\": [\"integer\", \"string\"]", to);
		break;
	case FIELD_BOOL:
		fputs("\"type\": \"boolean\"", to);
		break;
	case FIELD_NUMBER:
	case FIELD_REAL:
		fprintf(to, "\"type\": \"%s\"", f->type == FIELD_REAL ? "number" : "integer");
		bounds_write(to, f);
		break;
	case FIELD_DURATION:
		fputs("\"type\": \"string\", \"pattern\": \"" DURATION_PATTERN "\"", to);
		break;
	case FIELD_ENUM:
		words_write(to, f);
		break;
	case FIELD_LABELS:
	case FIELD_ANNOTATIONS:
		fputs("\"type\": \"object\", \"additionalProperties\": {\"type\": \"string\"}", to);
		break;
	case FIELD_NUMBERS:
		fputs("\"type\": \"object\", \"additionalProperties\": {\"type\": \"integer\"", to);
		bounds_write(to, f);
		fputs("}", to);
		break;
	case FIELD_OBJECTS:
		fprintf(to,
			"\"type\": \"object\", \"additionalProperties\": {\"$ref\": "
			"\"#/$defs/%s\"}",
			f->object->name);
		break;
	case FIELD_OBJECT:
		fprintf(to, "\"$ref\": \"#/$defs/%s\"", f->object->name);
		break;
	}
}

static void field_write(FILE *to, const struct field *f, const char *name)
{
	text_write(to, name);
	fputs(": {\"description\": ", to);
	text_write(to, f->doc);
	if (f->status == FIELD_REFUSED)
		fputs(", \"not\": {}", to);
	else if (f->status == FIELD_WARNED)
		fputs(", \"deprecated\": true", to);
	else if (f->status == FIELD_HONOURED && f->list) {
		fprintf(to, ", \"type\": %s, \"items\": {",
			f->required ? "\"array\", \"minItems\": 1" : "[\"array\", \"null\"]");
		type_write(to, f);
		fputs("}", to);
	} else if (f->status == FIELD_HONOURED && f->type != FIELD_ANY) {
		fputs(", ", to);
		type_write(to, f);
	}
	fputs("}", to);
}

static void required_write(FILE *to, const struct schema *s)
{
	bool any = false;

	for (uint32_t i = 0; i < s->count; i++) {
		if (!s->fields[i].required)
			continue;
		fputs(any ? ", " : ", \"required\": [", to);
		text_write(to, s->fields[i].name);
		any = true;
	}
	fputs(any ? "]" : "", to);
}

static void definition_write(FILE *to, const struct schema *s)
{
	text_write(to, s->name);
	fputs(": {\"type\": \"object\", \"properties\": {", to);
	for (uint32_t i = 0; i < s->count; i++) {
		fputs(i ? ", " : "", to);
		field_write(to, &s->fields[i], s->fields[i].name);
		if (s->fields[i].former) {
			fputs(", ", to);
			field_write(to, &s->fields[i], s->fields[i].former);
		}
	}
	fputs("}", to);
	required_write(to, s);
	fputs(s->some ? ", \"minProperties\": 1" : "", to);
	fprintf(to, "%s}", s->open ? "" : ", \"additionalProperties\": false");
}

static void kind_write(FILE *to, const struct kind *k)
{
	fprintf(to,
		"{\"if\": {\"properties\": {\"kind\": {\"const\": \"%s\"}, \"apiVersion\": "
		"{\"pattern\": \"^%s%s\"}}},\n  \"then\": ",
		k->name, k->group, k->group[0] ? "/" : "v");
	if (k->at_root)
		fprintf(to, "{\"$ref\": \"#/$defs/%s\"}}", k->schema->name);
	else
		fprintf(to,
			"{\"properties\": {\"apiVersion\": {}, \"kind\": {}, \"metadata\": {}, "
			"\"status\": {}, \"spec\": {\"description\": \"%s\", \"$ref\": "
			"\"#/$defs/%s\"}}, \"required\": [\"spec\"], \"additionalProperties\": "
			"false}}",
			k->doc, k->schema->name);
}

void describe_schema(FILE *to)
{
	struct definitions definitions = {.count = 0};

	fputs("{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
	      "\"title\": \"weft configuration\",\n\"type\": \"object\",\n"
	      "\"required\": [\"apiVersion\", \"kind\", \"metadata\"],\n"
	      "\"properties\": {\"apiVersion\": {\"type\": \"string\"}, \"kind\": {\"enum\": [",
	      to);
	for (uint32_t i = 0; i < KIND_COUNT; i++)
		fprintf(to, "%s\"%s\"", i ? ", " : "", kinds[i].name);
	fputs("]}, \"metadata\": {\"$ref\": \"#/$defs/metadata\"}},\n\"allOf\": [\n", to);
	definitions_add(&definitions, &metadata_schema);
	for (uint32_t i = 0; i < KIND_COUNT; i++) {
		kind_write(to, &kinds[i]);
		fputs(i + 1 < KIND_COUNT ? ",\n" : "],\n", to);
		definitions_add(&definitions, kinds[i].schema);
	}
	fputs("\"$defs\": {\n", to);
	for (uint32_t i = 0; i < definitions.count; i++) {
		definition_write(to, definitions.items[i]);
		fputs(i + 1 < definitions.count ? ",\n" : "}}\n", to);
	}
}
