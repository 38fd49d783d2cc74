// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The reference page and the help, from the tables. */
#include "mesh-config/tools/describe.h"

#include "mesh-config/schema/draft.h"

#define PATH_MAX_BYTES 256
#define SEEN_MAX       64

struct page {
	FILE *to;
	bool plain; /* help on a terminal instead of the page */
	const struct schema *seen[SEEN_MAX];
	uint32_t seen_count;
};

static bool seen_before(struct page *p, const struct schema *s)
{
	for (uint32_t i = 0; i < p->seen_count; i++)
		if (p->seen[i] == s)
			return true;
	if (p->seen_count < SEEN_MAX)
		p->seen[p->seen_count++] = s;
	return false;
}

/* A bar would end the cell. */
static void cell_write(FILE *to, const char *text)
{
	for (; *text; text++) {
		if (*text == '|' || *text == '*')
			fputc('\\', to);
		fputc(*text, to);
	}
}

/* Of texts what they look like, where a form says it. */
static const char *type_text(const struct field *f)
{
	bool text = f->type == FIELD_TEXT || f->type == FIELD_WORD || f->type == FIELD_ADDRESS ||
		    f->type == FIELD_LOCALITY;

	return text && f->form > FORM_FILLED ? form_text((enum field_form)f->form)
					     : field_type_text((enum field_type)f->type);
}

static void type_write(FILE *to, const struct field *f)
{
	const char *text = type_text(f);

	if (f->status != FIELD_HONOURED)
		return;
	fputs(f->list ? "list of " : "", to);
	if (f->type != FIELD_ENUM) {
		text += strncmp(text, "a ", 2) == 0 ? 2 : (strncmp(text, "an ", 3) == 0 ? 3 : 0);
		fputs(text, to);
		return;
	}
	for (uint32_t i = 0; f->words[i]; i++)
		fprintf(to, "%s%s", i ? ", " : "", f->words[i]);
}

static const char *status_text(const struct field *f)
{
	switch ((enum field_status)f->status) {
	case FIELD_HONOURED:
		return f->required ? "required" : "";
	case FIELD_IGNORED:
		return "ignored";
	case FIELD_WARNED:
	case FIELD_REFUSED:
		break;
	}
	return problem_code_text((enum problem_code)f->code);
}

static void duration_write(FILE *to, uint32_t ms)
{
	static const struct {
		const char *name;
		uint32_t ms;
	} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
	unsigned i = 0;

	while (ms % units[i].ms)
		i++;
	fprintf(to, "%u%s", ms / units[i].ms, units[i].name);
}

static bool has_default(const struct field *f)
{
	return f->fallback_text || f->has_fallback;
}

static void default_write(FILE *to, const struct field *f)
{
	if (!has_default(f))
		return;
	if (f->fallback_text)
		fputs(f->fallback_text, to);
	else if (f->type == FIELD_DURATION)
		duration_write(to, f->fallback);
	else if (f->type == FIELD_NUMBER || f->type == FIELD_REAL)
		fprintf(to, "%u", f->fallback);
	else
		fputs(f->type == FIELD_ENUM ? f->words[f->fallback]
		      : f->fallback	    ? "true"
					    : "false",
		      to);
}

static void row_write(struct page *p, const struct field *f, const char *path)
{
	if (p->plain) {
		fprintf(p->to, "  %-44s ", path);
		type_write(p->to, f);
		fprintf(p->to, "%s%s\n      %s%s", status_text(f)[0] ? "  " : "", status_text(f),
			f->doc, has_default(f) ? "; default: " : "");
		default_write(p->to, f);
		fputc('\n', p->to);
		return;
	}
	fprintf(p->to, "| `%s` | ", path);
	type_write(p->to, f);
	fputs(" | ", p->to);
	default_write(p->to, f);
	fprintf(p->to, " | %s | ", status_text(f));
	cell_write(p->to, f->doc);
	fputs(" |\n", p->to);
}

static void fields_write(struct page *p, const struct schema *s, const char *prefix)
{
	for (uint32_t i = 0; i < s->count; i++) {
		const struct field *f = &s->fields[i];
		char path[PATH_MAX_BYTES];

		snprintf(path, sizeof(path), "%s%s%s%s", prefix, f->name, f->list ? "[]" : "",
			 f->type == FIELD_OBJECTS && f->status == FIELD_HONOURED ? ".NAME" : "");
		row_write(p, f, path);
		if (!f->object || f->status != FIELD_HONOURED || seen_before(p, f->object))
			continue;
		strncat(path, ".", sizeof(path) - strlen(path) - 1);
		fields_write(p, f->object, path);
	}
}

static void kind_page(struct page *p, const struct kind *k)
{
	fprintf(p->to,
		"## %s\n\n%s `apiVersion`: `%s%s`, version%s %s.\n\n"
		"| field | type | default | status | meaning |\n|---|---|---|---|---|\n",
		k->name, k->doc, k->group, k->group[0] ? "/..." : "v1",
		strchr(k->versions, ' ') ? "s" : "", k->versions);
	p->seen_count = 0;
	fields_write(p, k->schema, k->at_root ? "" : "spec.");
	fputs("\n", p->to);
}

static void codes_page(FILE *to)
{
	fputs("# Problems\n"
	      "\n"
	      "Errors (E) keep a configuration from being used, warnings (W) do not. "
	      "Errors E3... of an object can be\n"
	      "accepted: the annotation `weft.dev/accept: \"E3001,E3002\"` makes them "
	      "warnings, and weft ignores the field. An AuthorizationPolicy\n"
	      "that asks an external authorizer (CUSTOM) or belongs to a gateway "
	      "(targetRefs) is then ignored as a whole: it allows nothing\n"
	      "and denies nothing. An ALLOW rule that needs a request (E3004) never "
	      "matches, which denies more; a DENY rule that needs a\n"
	      "request (E3006) lets it pass; an entry of a VirtualService that answers or "
	      "redirects is ignored, and the next one is used.\n"
	      "\n"
	      "Gateways are not weft's task: a VirtualService with `gateways` that are not "
	      "`mesh`, a `match` with such gateways, a route\n"
	      "of the Gateway API whose `parentRefs` are not services. These are not "
	      "checked for codes E3...; malformed fields are refused\n"
	      "as elsewhere. Fields whose effect is the default are accepted too: `uri: "
	      "{prefix: /}` is every path, and with `timeout: 0s` and\n"
	      "`retries: {attempts: 0}` no request is ended or repeated.\n"
	      "\n",
	      to);
	for (uint32_t i = 0; i < PROBLEM_CODE_COUNT; i++) {
		enum problem_code code = (enum problem_code)i;

		fprintf(to, "### %s\n%c%s. %s\n\n", problem_code_text(code),
			problem_code_title(code)[0] &
				~(problem_code_title(code)[0] >= 'a' ? 0x20 : 0),
			problem_code_title(code) + 1, problem_code_explanation(code));
	}
}

/* Where weft and Istio differ about what is sound. */
static void differences_page(FILE *to)
{
	fputs("# What is refused\n\n"
	      "What `istioctl validate` and the API server of Kubernetes refuse is refused here: "
	      "required fields that are missing\nor empty, hosts and subsets that are no names of "
	      "DNS, labels that are none, numbers and booleans where texts belong,\n`null` in a "
	      "list or map, fields that exclude each other. `required` means there and not empty; "
	      "a field of an object\nthat is `null` is one that is not given. Taken all the "
	      "same:\n\n"
	      "- endpoints on loopback and link-local addresses: services of one machine live "
	      "there;\n"
	      "- `backendRefs` of a Service without a port: that is the port that was asked for;\n"
	      "- a Service whose name begins with a digit or has a point in it;\n"
	      "- what excludes or needs what among node ports, load balancers and external names;\n"
	      "- hosts written as NAME.NAMESPACE, as the DNS of a cluster has them: Istio finds no "
	      "service by those;\n"
	      "- groups that a ReferenceGrant or a parent of kind Service does not name: `\"\"` is "
	      "meant;\n"
	      "- what is inside of fields that weft leaves out with a warning (`probe`, `warmup`, "
	      "`ringHash`, `tcpKeepalive`,\n  `customTags`, expressions of Telemetry) or refuses "
	      "by a code E3...: the cluster looks into those.\n\n"
	      "Refused although Istio or the API server takes it, beside what has a code "
	      "E3...:\n\n"
	      "- an object without `spec`: an authorization policy whose spec is empty denies "
	      "everything; write\n  `spec: {}` where that is meant;\n"
	      "- empty lists (`from: []`, `to: []`) and objects (`failover` without `to`) that say "
	      "nothing;\n"
	      "- a ServiceEntry without `ports`: nothing could connect to it;\n"
	      "- a VirtualService without `hosts` (a delegate): delegation is not supported;\n"
	      "- a route of the Gateway API without `parentRefs`, with weights that are all 0, or "
	      "with "
	      "a name of an object that\n  no object can have;\n"
	      "- `yes`, `no`, `on`, `off` as booleans: write true or false.\n\n",
	      to);
}

void describe_reference(FILE *to)
{
	struct page p = {.to = to};

	fputs("# Configuration\n"
	      "\n"
	      "Made from the tables in `mesh-config/` by `weft config reference`; do not "
	      "edit.\n"
	      "\n"
	      "A directory of YAML files in the form of Kubernetes. All files form one "
	      "configuration; `weft config validate DIRECTORY`\n"
	      "shows its problems, `weft config schema` prints a JSON Schema for editors. "
	      "The status of a field: required;\n"
	      "ignored (no meaning for a data plane); a code: weft warns (W) or refuses "
	      "(E) instead of ignoring it silently.\n"
	      "Fields of repeated objects are listed once per kind.\n"
	      "\n",
	      to);
	fputs("## Every object\n\n| field | type | default | status | meaning |\n"
	      "|---|---|---|---|---|\n",
	      to);
	fields_write(&p, &metadata_schema, "metadata.");
	fputs("\n", to);
	for (uint32_t i = 0; i < KIND_COUNT; i++)
		kind_page(&p, &kinds[i]);
	differences_page(to);
	codes_page(to);
}

int describe_kind(FILE *to, const char *name)
{
	struct page p = {.to = to, .plain = true};

	for (uint32_t i = 0; i < KIND_COUNT; i++) {
		if (strcasecmp(kinds[i].name, name) != 0)
			continue;
		fprintf(to, "%s (%s%s, %s)\n%s\n\n", kinds[i].name, kinds[i].group,
			kinds[i].group[0] ? "" : "core", kinds[i].versions, kinds[i].doc);
		fields_write(&p, kinds[i].schema, kinds[i].at_root ? "" : "spec.");
		return 0;
	}
	return -1;
}
