// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names to ends, verdict and reasons to JSON. */
#include "control/export/explain.h"

#include "control/export/end.h"
#include "control/export/json.h"
#include "mesh-config/explain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the question */

static int not_found(const struct mesh *m, const char *name, struct error *err)
{
	bool service = mesh_host_find(m, name) != MESH_NONE;

	for (uint32_t i = 0; i < m->service_count && !service; i++)
		service = end_is_named(name, m->services[i].namespace_name, m->services[i].name);
	if (service)
		return error_set(err, -ENOENT,
				 "\"%.100s\" is a service: policies are about workloads, and "
				 "`weft endpoints` lists those of a service",
				 name);
	return error_set(err, -ENOENT, "no workload is called \"%.100s\"", name);
}

/* An end as it was given. */
struct asked_end {
	struct explain_ends ends;
	uint32_t workload; /* by name, and nothing else leads to it; else MESH_NONE */
};

static int name_find(const struct mesh *m, const char *name, uint32_t *ret, struct error *err)
{
	const struct mesh_workload *found = NULL;

	for (uint32_t i = 0; i < m->workload_count; i++) {
		const struct mesh_workload *w = &m->workloads[i];

		if (!*w->name || !end_is_named(name, w->namespace_name, w->name))
			continue;
		if (found)
			return error_set(err, -EEXIST,
					 "workloads of several namespaces are called \"%.100s\": "
					 "say %s/%.100s or %s/%.100s",
					 name, found->namespace_name, w->name, w->namespace_name,
					 w->name);
		found = w;
		*ret = i;
	}
	return found ? 0 : not_found(m, name, err);
}

/* The first of its addresses: one that says who it is, if there is one. NULL: it has none. */
static const struct mesh_address *address_of(const struct mesh *m, const struct mesh_workload *w)
{
	const struct mesh_address *a = &m->addresses[w->address_first];

	for (uint32_t i = 0; i < w->address_count; i++)
		if (!a[i].conditional)
			return &a[i];
	return w->address_count ? a : NULL;
}

/* |port| 0: of a source. */
static int end_named(const struct mesh *m, const char *name, uint16_t port, struct asked_end *end,
		     struct error *err)
{
	const struct mesh_address *a;
	uint32_t found = MESH_NONE;
	int code = name_find(m, name, &found, err);

	if (code)
		return code;
	a = address_of(m, &m->workloads[found]);
	if (a)
		memcpy(end->ends.address, a->address, sizeof(a->address));
	if (a && !a->conditional) {
		end->ends.holders = holders_at(m, a->address, port);
		return 0;
	}
	end->workload = found;
	end->ends.holders = (struct holders){.workloads = {found}, .count = 1};
	return 0;
}

static int end_find(const struct mesh *m, const char *name, uint16_t port, struct asked_end *end,
		    struct error *err)
{
	if (!end_address(name, end->ends.address)) {
		memset(end->ends.address, 0, sizeof(end->ends.address));
		return end_named(m, name, port, end, err);
	}
	end->ends.holders = holders_at(m, end->ends.address, port);
	return 0;
}

struct asked {
	struct asked_end source, target;
	uint16_t port;
};

static int question_parse(const struct mesh *m, const char *from, const char *to, const char *port,
			  struct asked *ret, struct error *err)
{
	char *rest;
	unsigned long number = strtoul(port, &rest, 10);
	int code = 0;

	if (!number || number > 65535 || *rest)
		return error_set(err, -EINVAL, "\"%.20s\" is no port", port);
	*ret = (struct asked){{.workload = MESH_NONE}, {.workload = MESH_NONE}, (uint16_t)number};
	if (*from)
		code = end_find(m, from, 0, &ret->source, err);
	return code ? code : end_find(m, to, ret->port, &ret->target, err);
}

/* ---- the kernel's answer */

static struct explain_end end_of_number(const struct mesh *m, const struct compile_names *n,
					uint32_t number, const uint8_t address[16])
{
	uint32_t workload = compile_name(n->workloads, n->workload_count, number);
	struct explain_end end = {0};

	if (workload != MESH_NONE)
		end.workload = &m->workloads[workload];
	memcpy(end.address, address, sizeof(end.address));
	return end;
}

/* False: it cannot tell. */
static bool ask_kernel(const struct mesh *m, const struct explain_kernel *kernel,
		       const struct asked *asked, struct explain_question *ret_pair,
		       struct weft_policy_answer *ret)
{
	const struct compile_names *n = kernel->names;
	struct weft_explanation e = {.question.target_port = asked->port,
				     .question.generation = n->generation};
	const uint8_t *source = asked->source.ends.address, *target = asked->target.ends.address;

	memcpy(e.question.source_addr, source, sizeof(e.question.source_addr));
	memcpy(e.question.target_addr, target, sizeof(e.question.target_addr));
	if (asked->source.workload != MESH_NONE)
		e.source = n->workload_cells[asked->source.workload];
	if (asked->target.workload != MESH_NONE)
		e.target = n->workload_cells[asked->target.workload];
	if (kernel->ask(kernel->arg, &e) || e.answer.action == WEFT_ACTION_STALE)
		return false;
	*ret = e.answer;
	*ret_pair = (struct explain_question){end_of_number(m, n, e.source_number, source),
					      end_of_number(m, n, e.target_number, target),
					      asked->port};
	return true;
}

/* ---- the answer */

static void put_address(struct json *j, const uint8_t address[16])
{
	static const uint8_t unknown[16], mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = !memcmp(address, mapped, sizeof(mapped));
	char text[INET6_ADDRSTRLEN];

	if (!memcmp(address, unknown, sizeof(unknown)))
		return;
	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address + 12 : address, text, sizeof(text));
	json_put_string(j, "address", text);
}

static void put_names(struct json *j, const struct mesh *m, const struct mesh_workload *w)
{
	char text[600];

	snprintf(text, sizeof(text), "%s/%s", w->namespace_name, mesh_workload_title(w));
	json_put_string(j, "workload", text);
	json_put_string(j, "namespace", w->namespace_name);
	if (!*w->service_account)
		return;
	snprintf(text, sizeof(text), "%s/ns/%s/sa/%s", m->settings.trust_domain, w->namespace_name,
		 w->service_account);
	json_put_string(j, "principal", text);
}

static void put_end(struct json *j, const char *key, const struct mesh *m,
		    const struct explain_end *end)
{
	json_put_object(j, key);
	if (end->workload)
		put_names(j, m, end->workload);
	put_address(j, end->address);
	json_put_object_end(j);
}

static void put_policy_name(struct json *j, const char *key, const struct mesh *m, uint32_t policy)
{
	char name[300];

	if (policy >= m->policy_count) {
		json_put_null(j, key);
		return;
	}
	snprintf(name, sizeof(name), "%s/%s", m->policies[policy].namespace_name,
		 m->policies[policy].name);
	json_put_string(j, key, name);
}

static void put_reason(void *arg, uint32_t rule, const char *text)
{
	struct json *j = arg;

	json_put_object(j, NULL);
	json_put_number(j, "rule", rule);
	json_put_string(j, "reason", text);
	json_put_object_end(j);
}

static void put_policy(struct json *j, const struct mesh *m, uint32_t policy,
		       const struct explain_question *q)
{
	static const char *const actions[] = {
		[MESH_ALLOW] = "ALLOW", [MESH_DENY] = "DENY", [MESH_AUDIT] = "AUDIT"};
	const struct mesh_policy *p = &m->policies[policy];
	bool only_noted = p->dry_run || p->action == MESH_AUDIT;
	uint32_t rule;

	json_put_object(j, NULL);
	put_policy_name(j, "policy", m, policy);
	json_put_string(j, "action", actions[p->action]);
	json_put_bool(j, "dry_run", p->dry_run);
	json_put_bool(j, "enforced", !only_noted);
	json_put_bool(j, "ends_connections", p->end_connections);
	json_put_number(j, "rules", p->rule_count);
	json_put_array(j, "failed");
	rule = explain_policy(m, policy, q, put_reason, j);
	json_put_array_end(j);
	json_put_number(j, "matched_rule", rule);
	json_put_bool(j, "noted", only_noted && (rule || p->action == MESH_ALLOW));
	json_put_object_end(j);
}

static const char *verdict_word(const struct weft_policy_answer *a)
{
	switch (a->action) {
	case WEFT_ACTION_ALLOW:
		return "allowed";
	case WEFT_ACTION_DENY:
		return "denied";
	}
	return "undecided";
}

static const char *why(const struct explain_question *q, const struct weft_policy_answer *a)
{
	if (!q->target.workload)
		return "the target is no workload of the mesh: policies do not concern it";
	if (a->action == WEFT_ACTION_OPEN)
		return "it depends on the address of the source, which is not given";
	if (a->rule)
		return a->action == WEFT_ACTION_DENY ? "a DENY policy matches"
						     : "an ALLOW policy matches";
	if (a->action == WEFT_ACTION_DENY)
		return "ALLOW policies select the target, and none of them matches";
	return "no ALLOW policy selects the target, and no DENY policy matches";
}

static void put_verdict(struct json *j, const struct mesh *m, const struct explain_question *q,
			const struct weft_policy_answer *a)
{
	json_put_string(j, "verdict", verdict_word(a));
	json_put_string(j, "why", why(q, a));
	put_policy_name(j, "policy", m, a->policy);
	json_put_number(j, "rule", a->rule);
	json_put_bool(j, "ends_connections", a->ends);
	put_end(j, "source", m, &q->source);
	put_end(j, "target", m, &q->target);
	json_put_number(j, "port", q->port);
	json_put_number(j, "notes", a->notes);
	json_put_number(j, "steps", a->steps);
}

int explain_write(const struct mesh *m, const struct explain_kernel *kernel, const char *from,
		  const char *to, const char *port, struct text *out, struct error *err)
{
	struct explain_question q = {0};
	struct weft_policy_answer a;
	struct json j = json_to(out);
	struct asked asked;
	int code = question_parse(m, from, to, port, &asked, err);

	if (!code && !(kernel && ask_kernel(m, kernel, &asked, &q, &a)))
		code = explain_ask_all(m, &asked.source.ends, &asked.target.ends, asked.port, &q,
				       &a, err);
	if (code)
		return code;
	json_put_object(&j, NULL);
	put_verdict(&j, m, &q, &a);
	json_put_array(&j, "policies");
	for (uint32_t i = 0; i < m->policy_count; i++)
		if (explain_selects(m, i, &q))
			put_policy(&j, m, i, &q);
	json_put_array_end(&j);
	json_put_object_end(&j);
	json_put_line(&j);
	return 0;
}
