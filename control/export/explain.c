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

static int end_named(const struct mesh *m, const char *name, struct explain_end *end,
		     struct error *err)
{
	for (uint32_t i = 0; i < m->workload_count; i++) {
		const struct mesh_workload *w = &m->workloads[i];

		if (!*w->name || !end_is_named(name, w->namespace_name, w->name))
			continue;
		if (end->workload)
			return error_set(err, -EEXIST,
					 "workloads of several namespaces are called \"%.100s\": "
					 "say %s/%.100s or %s/%.100s",
					 name, end->workload->namespace_name, w->name,
					 w->namespace_name, w->name);
		end->workload = w;
	}
	if (!end->workload)
		return not_found(m, name, err);
	if (end->workload->address_count)
		memcpy(end->address, m->addresses[end->workload->address_first].address, 16);
	return 0;
}

static int end_find(const struct mesh *m, const char *name, struct explain_end *end,
		    struct error *err)
{
	uint32_t found;

	if (!end_address(name, end->address)) {
		memset(end->address, 0, 16);
		return end_named(m, name, end, err);
	}
	found = mesh_workload_find(m, end->address);
	end->workload = found == MESH_NONE ? NULL : &m->workloads[found];
	return 0;
}

static int question_parse(const struct mesh *m, const char *from, const char *to, const char *port,
			  struct explain_question *q, struct error *err)
{
	char *rest;
	unsigned long number = strtoul(port, &rest, 10);
	int code = 0;

	if (!number || number > 65535 || *rest)
		return error_set(err, -EINVAL, "\"%.20s\" is no port", port);
	q->port = (uint16_t)number;
	if (*from)
		code = end_find(m, from, &q->source, err);
	return code ? code : end_find(m, to, &q->target, err);
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

	snprintf(text, sizeof(text), "%s/%s", w->namespace_name,
		 *w->name ? w->name : w->canonical_service);
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

int explain_write(const struct mesh *m, const char *from, const char *to, const char *port,
		  struct text *out, struct error *err)
{
	struct explain_question q = {0};
	struct weft_policy_answer a;
	struct json j = json_to(out);
	int code = question_parse(m, from, to, port, &q, err);

	code = code ? code : explain_ask(m, &q, &a, err);
	if (code)
		return code;
	json_put_object(&j, NULL);
	json_put_string(&j, "verdict", verdict_word(&a));
	json_put_string(&j, "why", why(&q, &a));
	put_policy_name(&j, "policy", m, a.policy);
	json_put_number(&j, "rule", a.rule);
	json_put_bool(&j, "ends_connections", a.ends);
	put_end(&j, "source", m, &q.source);
	put_end(&j, "target", m, &q.target);
	json_put_number(&j, "port", q.port);
	json_put_number(&j, "notes", a.notes);
	json_put_number(&j, "steps", a.steps);
	json_put_array(&j, "policies");
	for (uint32_t i = 0; i < m->policy_count; i++)
		if (explain_selects(m, i, &q))
			put_policy(&j, m, i, &q);
	json_put_array_end(&j);
	json_put_object_end(&j);
	json_put_line(&j);
	return 0;
}
