// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Verdict and reasons to JSON. */
#include "control/export/explain.h"

#include "base/address.h"
#include "control/export/explain_query.h"
#include "control/export/json.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* ---- the answer */

static void put_address(struct json *j, const char *key, const uint8_t address[16])
{
	static const uint8_t unknown[16];
	char text[INET6_ADDRSTRLEN];

	if (memcmp(address, unknown, sizeof(unknown)) != 0)
		json_put_string(j, key, address_text(address, text));
}

static void put_workload(struct json *j, const char *key, const struct mesh_workload *w)
{
	char text[600];

	if (!w)
		return;
	snprintf(text, sizeof(text), "%s/%s", w->namespace_name, mesh_workload_title(w));
	json_put_string(j, key, text);
}

static void put_namespace(struct json *j, const char *key, const struct mesh_workload *w)
{
	if (w)
		json_put_string(j, key, w->namespace_name);
}

static void put_principal(struct json *j, const char *key, const struct mesh *m,
			  const struct mesh_workload *w)
{
	char text[600];

	if (!w || !*w->service_account)
		return;
	snprintf(text, sizeof(text), "%s/ns/%s/sa/%s", m->settings.trust_domain, w->namespace_name,
		 w->service_account);
	json_put_string(j, key, text);
}

#define API_WORKLOAD(X, w)                                                                         \
	X(put_workload, "workload", "text", "`NAMESPACE/NAME`; absent: none of the mesh", w)       \
	X(put_namespace, "namespace", "text", "its namespace", w)                                  \
	X(put_principal, "principal", "text", "its identity, where it has a service account", m, w)

#define API_END(X)                                                                                 \
	API_WORKLOAD(X, end->workload)                                                             \
	X(put_address, "address", "address", "absent where it is not known", end->address)

static void put_end(struct json *j, const char *key, const struct mesh *m,
		    const struct explain_end *end)
{
	JSON_OBJECT(key, API_END);
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

#define API_POLICY_FAILED(X)                                                                       \
	X(json_put_number, "rule", "number", "from 1", rule)                                       \
	X(json_put_string, "reason", "text", "why it does not match", text)

static void put_reason(void *arg, uint32_t rule, const char *text)
{
	struct json *j = arg;

	JSON_OBJECT(NULL, API_POLICY_FAILED);
}

/* Writes the rules that do not match. |ret_rule|: the rule that matches, or 0. */
static void put_failed(struct json *j, const char *key, const struct mesh *m, uint32_t policy,
		       const struct explain_question *q, uint32_t *ret_rule)
{
	json_put_array(j, key);
	*ret_rule = explain_policy(m, policy, q, put_reason, j);
	json_put_array_end(j);
}

#define API_POLICY_POLICIES(X)                                                                     \
	X(put_policy_name, "policy", "text", "`NAMESPACE/NAME`", m, policy)                        \
	X(json_put_string, "action", "text", "`ALLOW`, `DENY`, `AUDIT`", actions[p->action])       \
	X(json_put_bool, "dry_run", "boolean", "whether it only notes", p->dry_run)                \
	X(json_put_bool, "enforced", "boolean", "whether it decides: neither dry run nor AUDIT",   \
	  !only_noted)                                                                             \
	X(json_put_bool, "ends_connections", "boolean",                                            \
	  "whether it ends connections that it denies", p->end_connections)                        \
	X(json_put_number, "rules", "number", "its rules", p->rule_count)                          \
	X(put_failed, "failed", LIST_OF(API_POLICY_FAILED), "its rules that do not match", m,      \
	  policy, q, &rule)                                                                        \
	X(json_put_number, "matched_rule", "number", "its rule that matches, from 1; 0: none",     \
	  rule)                                                                                    \
	X(json_put_bool, "noted", "boolean", "whether it notes this connection",                   \
	  only_noted && (rule || p->action == MESH_ALLOW))

static void put_policy(struct json *j, const struct mesh *m, uint32_t policy,
		       const struct explain_question *q)
{
	static const char *const actions[] = {
		[MESH_ALLOW] = "ALLOW", [MESH_DENY] = "DENY", [MESH_AUDIT] = "AUDIT"};
	const struct mesh_policy *p = &m->policies[policy];
	bool only_noted = p->dry_run || p->action == MESH_AUDIT;
	uint32_t rule = 0;

	JSON_OBJECT(NULL, API_POLICY_POLICIES);
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
		return "the source may be several workloads, for which policies differ";
	if (denied && !e->pair.target.workload)
		return "the network namespace of the target has more workloads than are evaluated";
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

#define API_EXPLANATION(X)                                                                         \
	X(json_put_string, "verdict", "text", "`allowed`, `denied`, `undecided`", verdict_word(a)) \
	X(json_put_string, "why", "text", "in words", why(e))                                      \
	X(put_policy_name, "policy", "text",                                                       \
	  "`NAMESPACE/NAME` of the policy that decides; null: none", m, a->policy)                 \
	X(json_put_number, "rule", "number", "its rule, from 1; 0: none", a->rule)                 \
	X(json_put_bool, "ends_connections", "boolean",                                            \
	  "whether such connections that are open are ended", a->ends)                             \
	X(put_end, "source", API_END, "the client", m, &e->pair.source)                            \
	X(put_end, "target", API_END, "the server", m, &e->pair.target)                            \
	X(json_put_number, "port", "number", "of the server", e->port)                             \
	X(json_put_number, "notes", "number", "how many policies note it", a->notes)               \
	X(json_put_number, "steps", "number", "how many steps the decision takes", a->steps)

static const char *protocol_word(uint8_t protocol)
{
	if (protocol == IPPROTO_TCP)
		return "tcp";
	return protocol == IPPROTO_UDP ? "udp" : "udplite";
}

#define API_POLICY_LISTENERS(X)                                                                    \
	X(json_put_string, "protocol", "text", "`tcp`, `udp`, `udplite`",                          \
	  protocol_word(l->place.protocol))                                                        \
	X(json_put_number, "pid", "process id", "of the program that listens", l->place.owner.pid) \
	X(json_put_string, "program", "text", "its executable", l->place.owner.exe)                \
	X(json_put_number, "network_namespace", "inode", "where it listens", l->place.netns_ino)   \
	API_WORKLOAD(X, l->pair.target.workload)                                                   \
	X(json_put_string, "verdict", "text", "of this listener", verdict_word(&l->answer))

/* Only for an address that several listeners may have. */
static void put_listeners(struct json *j, const char *key, const struct mesh *m,
			  const struct explained *e)
{
	if (!e->listener_count)
		return;
	json_put_array(j, key);
	for (size_t i = 0; i < e->listener_count; i++) {
		const struct explained_listener *l = &e->listeners[i];

		JSON_OBJECT(NULL, API_POLICY_LISTENERS);
	}
	json_put_array_end(j);
}

static void put_policies(struct json *j, const char *key, const struct mesh *m,
			 const struct explained *e)
{
	json_put_array(j, key);
	for (uint32_t i = 0; i < m->policy_count; i++)
		if (explain_selects(m, i, &e->pair))
			put_policy(j, m, i, &e->pair);
	json_put_array_end(j);
}

#define API_POLICY(X)                                                                              \
	API_EXPLANATION(X)                                                                         \
	X(put_listeners, "listeners", LIST_OF(API_POLICY_LISTENERS),                               \
	  "the listeners at an address that belongs to no workload, each with its own verdict; "   \
	  "else absent",                                                                           \
	  m, e)                                                                                    \
	X(put_policies, "policies", LIST_OF(API_POLICY_POLICIES),                                  \
	  "the policies that select the target", m, e)

static void write_answer(struct text *out, const struct mesh *m, const struct explained *e)
{
	const struct weft_policy_answer *a = &e->answer;

	JSON_LINE(out, API_POLICY);
}

int explain_write(const struct mesh *m, const struct explain_kernel *kernel, const char *from,
		  const char *to, const char *port, struct text *out, struct error *err)
{
	struct explained e;
	int code = explain_find(m, kernel, from, to, port, &e, err);

	if (!code)
		write_answer(out, m, &e);
	explained_free(&e);
	return code;
}

static void put_explanation(struct json *j, const char *key, const struct mesh *m,
			    const struct explained *e)
{
	const struct weft_policy_answer *a = &e->answer;

	JSON_OBJECT(key, API_EXPLANATION);
}

int explain_put(struct json *j, const char *key, const struct mesh *m,
		const struct explain_kernel *kernel, const char *from, const char *to,
		const char *port, const char **ret_verdict, struct error *err)
{
	struct explained e;
	int code = explain_find(m, kernel, from, to, port, &e, err);

	if (!code) {
		put_explanation(j, key, m, &e);
		*ret_verdict = verdict_word(&e.answer);
	}
	explained_free(&e);
	return code;
}
