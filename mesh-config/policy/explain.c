// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Policies, explained. */
#include "mesh-config/policy/explain.h"

#include "base/address.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mesh-config/policy/authorize.h"
#include "mesh-config/policy/evaluate.h"

#define REASON_BYTES 400

/* ---- the compiled form */

/* A view of no more than the two ends: number 0 is the source's. */
struct ends {
	const char *namespaces[1];
	struct identity_principal principals[1];
	struct identity_class classes[1];
	struct identity_view view;
};

static void ends_fill(struct ends *e, const struct explain_question *q)
{
	const struct mesh_workload *w = q->source.workload;

	if (w) {
		e->namespaces[0] = w->namespace_name;
		e->principals[0] =
			(struct identity_principal){w->namespace_name, w->service_account};
	}
	e->classes[0] = (struct identity_class){q->target.workload->namespace_name,
						q->target.workload->labels};
	e->view = (struct identity_view){e->namespaces, 1, e->principals, 1, e->classes, 1};
}

int explain_ask(const struct mesh *m, const struct explain_question *q,
		struct weft_policy_answer *ret, struct error *err)
{
	uint32_t number = q->source.workload ? 0 : WEFT_NUMBER_NONE;
	struct weft_policy_question question = {.namespace_number = number,
						.principal_number = number,
						.class_number = WEFT_NUMBER_NONE,
						.target_port = q->port};
	struct evaluate_cells cells;
	struct ends ends = {0};
	struct authorize a;
	int code;

	*ret = (struct weft_policy_answer){.policy = WEFT_NUMBER_NONE};
	if (!q->target.workload)
		return 0;
	ends_fill(&ends, q);
	code = authorize_compile(m, &ends.view, &a, err);
	if (code)
		return code;
	cells = (struct evaluate_cells){a.steps.cells, a.steps.base, a.steps.count};
	question.step = a.policies.by_class[0];
	memcpy(question.source_addr, q->source.address, 16);
	memcpy(question.target_addr, q->target.address, 16);
	evaluate(&cells, &question, ret, NULL, NULL);
	authorize_free(&a);
	return 0;
}

static struct explain_end end_of(const struct mesh *m, const struct explain_ends *ends,
				 uint32_t number)
{
	struct explain_end end = {0};

	if (number < ends->holders.count)
		end.workload = &m->workloads[ends->holders.workloads[number]];
	memcpy(end.address, ends->address, sizeof(end.address));
	return end;
}

int explain_ask_all(const struct mesh *m, const struct explain_ends *source,
		    const struct explain_ends *target, uint16_t port,
		    struct explain_question *ret_pair, struct weft_policy_answer *ret,
		    struct error *err)
{
	uint32_t sources = source->holders.count ? source->holders.count : 1;
	uint32_t targets = target->holders.count ? target->holders.count : 1;
	bool open = false;
	int code = 0;

	for (uint32_t i = 0; i < sources * targets && !code; i++) {
		*ret_pair = (struct explain_question){.source = end_of(m, source, i % sources),
						      .target = end_of(m, target, i / sources),
						      .port = port};
		code = explain_ask(m, ret_pair, ret, err);
		if (ret->action == WEFT_ACTION_DENY)
			return code;
		open |= ret->action == WEFT_ACTION_OPEN;
	}
	if (open)
		ret->action = WEFT_ACTION_OPEN;
	return code;
}

bool explain_selects(const struct mesh *m, uint32_t policy, const struct explain_question *q)
{
	const struct mesh_workload *w = q->target.workload;
	struct identity_class class;

	if (!w)
		return false;
	class = (struct identity_class){w->namespace_name, w->labels};
	return authorize_selects(m, &m->policies[policy], &class);
}

/* ---- the model: what a term looks at, in text */

static bool address_known(const uint8_t address[16])
{
	static const uint8_t unknown[16];

	return memcmp(address, unknown, 16) != 0;
}

static const char *const attribute_names[] = {
	[MESH_SOURCE_PRINCIPAL] = "source principal",
	[MESH_SOURCE_NAMESPACE] = "source namespace",
	[MESH_SOURCE_SERVICE_ACCOUNT] = "source service account",
	[MESH_SOURCE_IP] = "source address",
	[MESH_DESTINATION_IP] = "destination address",
	[MESH_DESTINATION_PORT] = "destination port",
};

/* The attribute of the connection; "" when there is none. */
static void attribute_text(const struct mesh *m, const struct explain_question *q,
			   uint8_t attribute, char out[REASON_BYTES])
{
	const struct mesh_workload *w = q->source.workload;
	bool named = w && *w->service_account;

	out[0] = 0;
	if (attribute == MESH_SOURCE_NAMESPACE && w)
		snprintf(out, REASON_BYTES, "%s", w->namespace_name);
	else if (attribute == MESH_SOURCE_PRINCIPAL && named)
		snprintf(out, REASON_BYTES, "%s/ns/%s/sa/%s", m->settings.trust_domain,
			 w->namespace_name, w->service_account);
	else if (attribute == MESH_SOURCE_SERVICE_ACCOUNT && named)
		snprintf(out, REASON_BYTES, "%s/%s", w->namespace_name, w->service_account);
	else if (attribute == MESH_SOURCE_IP && address_known(q->source.address))
		address_text(q->source.address, out);
	else if (attribute == MESH_DESTINATION_IP)
		address_text(q->target.address, out);
	else if (attribute == MESH_DESTINATION_PORT)
		snprintf(out, REASON_BYTES, "%u", q->port);
}

static bool prefix_holds(const struct mesh_prefix *p, const uint8_t address[16])
{
	if (address_is_v4(address) != (p->bits >= 96 && address_is_v4(p->address)))
		return false;
	for (uint32_t bit = 0; bit < p->bits; bit++)
		if ((p->address[bit / 8] ^ address[bit / 8]) & 0x80u >> bit % 8)
			return false;
	return true;
}

static bool value_holds(const struct mesh_value *v, uint8_t attribute,
			const struct explain_question *q, const char *text)
{
	size_t n = strlen(text), m;

	switch (v->kind) {
	case MESH_VALUE_PORT:
		return v->port == q->port;
	case MESH_VALUE_CIDR:
		return prefix_holds(&v->prefix, attribute == MESH_SOURCE_IP ? q->source.address
									    : q->target.address);
	case MESH_VALUE_PRESENT:
		return n > 0;
	}
	m = strlen(v->text);
	if (n < m || !n)
		return false;
	if (v->kind == MESH_VALUE_EXACT)
		return !strcmp(v->text, text);
	return !memcmp(v->kind == MESH_VALUE_PREFIX ? text : text + n - m, v->text, m);
}

/* ---- reasons */

static void append(char out[REASON_BYTES], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void append(char out[REASON_BYTES], const char *format, ...)
{
	size_t used = strlen(out);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(out + used, REASON_BYTES - used, format, arguments);
	va_end(arguments);
}

static void append_value(char out[REASON_BYTES], const struct mesh_value *v)
{
	char text[REASON_BYTES];

	switch (v->kind) {
	case MESH_VALUE_PORT:
		append(out, "%u", v->port);
		return;
	case MESH_VALUE_CIDR:
		address_text(v->prefix.address, text);
		append(out, "%s/%u", text,
		       strchr(text, ':') ? v->prefix.bits : v->prefix.bits - 96);
		return;
	case MESH_VALUE_PRESENT:
		append(out, "*");
		return;
	}
	append(out, "%s%s%s", v->kind == MESH_VALUE_SUFFIX ? "*" : "", v->text,
	       v->kind == MESH_VALUE_PREFIX ? "*" : "");
}

static void term_reason(const struct mesh *m, const struct mesh_term *t, const char *text,
			char out[REASON_BYTES])
{
	append(out, "%s%s ", *out ? "; " : "", attribute_names[t->attribute]);
	if (!*text) {
		append(out, "is not known");
		return;
	}
	append(out, "%s is %s", text, t->negated ? "among" : "not among");
	for (uint32_t i = 0; i < t->value_count; i++) {
		append(out, "%s", i ? ", " : " ");
		append_value(out, &m->values[t->value_first + i]);
	}
}

static bool term_holds(const struct mesh *m, const struct mesh_term *t,
		       const struct explain_question *q, const char *text)
{
	if (t->attribute == MESH_SOURCE_IP && !*text)
		return false; /* not decidable yet */
	for (uint32_t i = 0; i < t->value_count; i++)
		if (value_holds(&m->values[t->value_first + i], t->attribute, q, text))
			return !t->negated;
	return t->negated;
}

/* Adds to |out| why a term that does not hold does not. */
static bool terms_hold(const struct mesh *m, uint32_t first, uint32_t count,
		       const struct explain_question *q, char out[REASON_BYTES])
{
	char text[REASON_BYTES];

	for (uint32_t i = first; i < first + count; i++) {
		const struct mesh_term *t = &m->terms[i];

		attribute_text(m, q, t->attribute, text);
		if (term_holds(m, t, q, text))
			continue;
		term_reason(m, t, text, out);
		return false;
	}
	return true;
}

static bool clauses_hold(const struct mesh *m, uint32_t first, uint32_t count,
			 const struct explain_question *q, char out[REASON_BYTES])
{
	char reasons[REASON_BYTES] = "";

	for (uint32_t i = first; i < first + count; i++)
		if (terms_hold(m, m->clauses[i].term_first, m->clauses[i].term_count, q, reasons))
			return true;
	if (count)
		append(out, "%s", reasons);
	return !count;
}

static bool rule_holds(const struct mesh *m, const struct mesh_rule *r,
		       const struct explain_question *q, char out[REASON_BYTES])
{
	out[0] = 0;
	if (r->never) {
		append(out, "it is about HTTP: on TCP it never matches");
		return false;
	}
	return clauses_hold(m, r->from_first, r->from_count, q, out) &&
	       clauses_hold(m, r->to_first, r->to_count, q, out) &&
	       terms_hold(m, r->when_first, r->when_count, q, out);
}

uint32_t explain_policy(const struct mesh *m, uint32_t policy, const struct explain_question *q,
			void (*reason)(void *arg, uint32_t rule, const char *text), void *arg)
{
	const struct mesh_policy *p = &m->policies[policy];
	char text[REASON_BYTES];

	for (uint32_t i = 0; i < p->rule_count; i++) {
		if (rule_holds(m, &m->rules[p->rule_first + i], q, text))
			return i + 1;
		if (reason)
			reason(arg, i + 1, text);
	}
	return 0;
}
