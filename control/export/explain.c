// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Verdict and reasons to JSON. */
#include "control/export/explain.h"

#include "control/export/explain_ask.h"
#include "control/export/json.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

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

static const char *why_no_workload(const struct explained *e)
{
	switch (e->target) {
	case EXPLAINED_FILES:
		return "the address of the target is no workload's, and files do not say which "
		       "program listens there";
	case EXPLAINED_LISTENERS:
		return "the program that listens there is no workload of the mesh: policies do not "
		       "concern it";
	case EXPLAINED_NO_LISTENER:
		return "nothing listens there, and the address is no workload's: policies do not "
		       "concern it";
	case EXPLAINED_ELSEWHERE:
		return "the target is no workload of the mesh, and no process of this node has its "
		       "address: policies do not concern it";
	case EXPLAINED_MESH:
		break;
	}
	return "the target is no workload of the mesh: policies do not concern it";
}

static const char *why(const struct explained *e)
{
	const struct weft_policy_answer *a = &e->answer;
	bool denied = a->action == WEFT_ACTION_DENY;

	if (e->differs)
		return "several ends have these addresses, and policies do not say the same of "
		       "all of them";
	if (denied && e->several)
		return "the source may be several workloads, and policies ask which";
	if (denied && !e->pair.target.workload)
		return "the network namespace of the target has more workloads than are asked";
	if (!e->pair.target.workload)
		return why_no_workload(e);
	if (a->action == WEFT_ACTION_OPEN)
		return "it depends on the address of the source, which is not given";
	if (a->rule)
		return denied ? "a DENY policy matches" : "an ALLOW policy matches";
	if (denied)
		return "ALLOW policies select the target, and none of them matches";
	return "no ALLOW policy selects the target, and no DENY policy matches";
}

static void put_verdict(struct json *j, const struct mesh *m, const struct explained *e)
{
	const struct weft_policy_answer *a = &e->answer;

	json_put_string(j, "verdict", verdict_word(a));
	json_put_string(j, "why", why(e));
	put_policy_name(j, "policy", m, a->policy);
	json_put_number(j, "rule", a->rule);
	json_put_bool(j, "ends_connections", a->ends);
	put_end(j, "source", m, &e->pair.source);
	put_end(j, "target", m, &e->pair.target);
	json_put_number(j, "port", e->port);
	json_put_number(j, "notes", a->notes);
	json_put_number(j, "steps", a->steps);
}

static const char *protocol_word(uint8_t protocol)
{
	if (protocol == IPPROTO_TCP)
		return "tcp";
	return protocol == IPPROTO_UDP ? "udp" : "udplite";
}

static void put_listeners(struct json *j, const struct mesh *m, const struct explained *e)
{
	json_put_array(j, "listeners");
	for (size_t i = 0; i < e->listener_count; i++) {
		const struct explained_listener *l = &e->listeners[i];

		json_put_object(j, NULL);
		json_put_string(j, "protocol", protocol_word(l->place.protocol));
		json_put_number(j, "pid", l->place.owner.pid);
		json_put_string(j, "program", l->place.owner.exe);
		json_put_number(j, "network_namespace", l->place.netns_ino);
		if (l->pair.target.workload)
			put_names(j, m, l->pair.target.workload);
		json_put_string(j, "verdict", verdict_word(&l->answer));
		json_put_object_end(j);
	}
	json_put_array_end(j);
}

static void put_policies(struct json *j, const struct mesh *m, const struct explained *e)
{
	json_put_array(j, "policies");
	for (uint32_t i = 0; i < m->policy_count; i++)
		if (explain_selects(m, i, &e->pair))
			put_policy(j, m, i, &e->pair);
	json_put_array_end(j);
}

int explain_write(const struct mesh *m, const struct explain_kernel *kernel, const char *from,
		  const char *to, const char *port, struct text *out, struct error *err)
{
	struct json j = json_to(out);
	struct explained e;
	int code = explain_find(m, kernel, from, to, port, &e, err);

	if (!code) {
		json_put_object(&j, NULL);
		put_verdict(&j, m, &e);
		if (e.listener_count)
			put_listeners(&j, m, &e);
		put_policies(&j, m, &e);
		json_put_object_end(&j);
		json_put_line(&j);
	}
	explained_free(&e);
	return code;
}

int explain_put(struct json *j, const char *key, const struct mesh *m,
		const struct explain_kernel *kernel, const char *from, const char *to,
		const char *port, const char **ret_verdict, struct error *err)
{
	struct explained e;
	int code = explain_find(m, kernel, from, to, port, &e, err);

	if (!code) {
		json_put_object(j, key);
		put_verdict(j, m, &e);
		json_put_object_end(j);
		*ret_verdict = verdict_word(&e.answer);
	}
	explained_free(&e);
	return code;
}
