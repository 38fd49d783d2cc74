// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is left out of a policy, or cannot match, never makes it grant more without a word. */
#include "mesh-config/resolve/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_BYTES 4096

struct made {
	struct mesh *mesh;
	char said[TEXT_BYTES]; /* "CODE text | hint" of each problem, a line each */
};

static void make(struct made *m, const char *text)
{
	struct mesh_source *s = mesh_source_new();
	struct problems problems;
	size_t used = 0;

	*m = (struct made){0};
	assert_non_null(s);
	assert_int_equal(mesh_source_put(s, "a.yaml", slice_of(text)), 0);
	mesh_source_build(s, &m->mesh, &problems);
	for (uint32_t i = 0; i < problems.count && used < TEXT_BYTES; i++)
		used += (size_t)snprintf(m->said + used, TEXT_BYTES - used, "%s %s | %s\n",
					 problems.items[i].code, problems.items[i].text,
					 problems.items[i].hint);
	problems_free(&problems);
	mesh_source_free(s);
}

static void made_free(struct made *m)
{
	mesh_free(m->mesh);
}

static unsigned lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void object(char out[TEXT_BYTES], const char *kind, const char *annotations,
		   const char *spec)
{
	snprintf(out, TEXT_BYTES,
		 "apiVersion: %s.istio.io/v1\nkind: %s\n"
		 "metadata: {name: p, namespace: shop, annotations: {%s}}\nspec: {%s}\n",
		 strcmp(kind, "AuthorizationPolicy") ? "networking" : "security", kind, annotations,
		 spec);
}

static void make_policy(struct made *m, const char *annotations, const char *spec)
{
	char text[TEXT_BYTES];

	object(text, "AuthorizationPolicy", annotations, spec);
	make(m, text);
}

/* ---- what is left out whole */

static void what_restricts_only_is_left_out_whole(void **state)
{
	static const char *const specs[] = {
		"action: CUSTOM, provider: {name: ext}, rules: [{}]",
		"action: CUSTOM, provider: {name: ext}, rules: [{to: [{operation: {ports: "
		"['99']}}]}]",
		"action: CUSTOM, provider: {name: ext}, rules: [{to: [{operation: {paths: "
		"[/a]}}]}]",
		"targetRefs: [{kind: Gateway, name: waypoint}], rules: [{}]",
		"targetRef: {kind: Gateway, name: waypoint}, rules: [{}]",
		"targetRefs: [{kind: Service, group: '', name: a}], action: DENY, rules: [{}]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); i++) {
		struct made m;

		make_policy(&m, "", specs[i]);
		assert_null(m.mesh);
		assert_non_null(strstr(m.said, "E3002"));
		made_free(&m);
		make_policy(&m, "weft.dev/accept: E3002", specs[i]);
		assert_non_null(m.mesh);
		assert_int_equal(m.mesh->policy_count, 0);
		assert_non_null(strstr(m.said, "left out"));
		made_free(&m);
	}
}

static void what_contradicts_itself_is_refused(void **state)
{
	static const char *const specs[] = {
		"action: ALLOW, provider: {name: ext}, rules: [{}]",
		"action: DENY, provider: {name: ext}, rules: [{}]",
		"selector: {matchLabels: {a: b}}, targetRefs: [{kind: Gateway, name: w}]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); i++) {
		struct made m;

		make_policy(&m, "weft.dev/accept: E3002", specs[i]);
		assert_null(m.mesh);
		assert_non_null(strstr(m.said, "E2013"));
		made_free(&m);
	}
}

/* The same name with other content is another policy to those who follow changes. */
static void a_target_that_goes_gives_the_policy_back(void **state)
{
	struct mesh_source *s = mesh_source_new();
	char text[TEXT_BYTES];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct problems problems;
		struct mesh *mesh = NULL;

		object(text, "AuthorizationPolicy", "weft.dev/accept: E3002",
		       i % 2 ? "rules: [{}]"
			     : "targetRefs: [{kind: Gateway, name: w}], rules: [{}]");
		assert_int_equal(mesh_source_put(s, "a.yaml", slice_of(text)), 0);
		assert_int_equal(mesh_source_build(s, &mesh, &problems), 0);
		assert_int_equal(mesh->policy_count, i % 2);
		problems_free(&problems);
		mesh_free(mesh);
	}
	mesh_source_free(s);
}

/* ---- patterns */

static void pattern_tell(const char *field, const char *value, bool nobody)
{
	char spec[512];
	struct made m;

	snprintf(spec, sizeof(spec), "action: DENY, rules: [{from: [{source: {%s: ['%s']}}]}]",
		 field, value);
	make_policy(&m, "", spec);
	assert_non_null(m.mesh);
	if (nobody != !!strstr(m.said, "W4026") || lines(m.said) != nobody)
		fail_msg("%s \"%s\": %s", field, value, m.said);
	if (nobody && !strstr(m.said, " | ") && strstr(m.said, " | \n"))
		fail_msg("%s \"%s\" has no hint", field, value);
	made_free(&m);
}

static void patterns_that_match_nobody_are_told(void **state)
{
	static const struct {
		const char *field, *value;
		bool nobody;
	} rows[] = {
		{"principals", "*sleep*", true},
		{"principals", "cluster.local/ns/*/sa/sleep", true},
		{"principals", "spiffe://cluster.local/ns/foo/sa/sleep", true},
		{"principals", "foo/sleep", true},
		{"principals", "clusterlocal/ns/foo/sa/sleep", true},
		{"principals", "cluster.local/sa/sleep/ns/foo", true},
		{"principals", "old.domain/ns/foo/sa/sleep", true},
		{"notPrincipals", "old.domain/ns/foo/sa/sleep", true},
		{"principals", "cluster.local/ns/foo/sa/", true},
		{"principals", "cluster.local/ns/Foo/sa/sleep", true},
		{"principals", "cluster.local/ns/foo/sa/sleep/x", true},
		{"principals", "sleep", true},
		{"principals", "sleep*", true},
		{"principals", "cluster.local/ns//sa/*", true},
		{"principals", "cluster.local/ns/a/b*", true},
		{"principals", "*/sb/sleep", true},
		{"principals", "**", true},
		{"namespaces", "f*o", true},
		{"namespaces", "*f*", true},
		{"namespaces", "shop/x", true},
		{"notNamespaces", "Shop", true},
		{"principals", "*", false},
		{"principals", "cluster.local/ns/foo/sa/sleep", false},
		{"principals", "cluster.local/ns/foo/sa/s*", false},
		{"principals", "cluster.local/ns/foo/sa/*", false},
		{"principals", "cluster.local/ns/foo/*", false},
		{"principals", "cluster.local/ns/*", false},
		{"principals", "cluster.local/n*", false},
		{"principals", "clus*", false},
		{"principals", "*sleep", false},
		{"principals", "*/sleep", false},
		{"principals", "*sa/sleep", false},
		{"principals", "*a/sleep", false},
		{"principals", "*/ns/foo/sa/sleep", false},
		{"principals", "*local/ns/foo/sa/sleep", false},
		{"notPrincipals", "*/sa/root", false},
		{"namespaces", "foo", false},
		{"namespaces", "f*", false},
		{"namespaces", "f-*", false},
		{"namespaces", "*-o", false},
		{"serviceAccounts", "foo/sleep", false},
		{"serviceAccounts", "sleep", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		pattern_tell(rows[i].field, rows[i].value, rows[i].nobody);
}

static void conditions_have_patterns_too(void **state)
{
	static const struct {
		const char *condition;
		bool nobody;
	} rows[] = {
		{"key: source.principal, values: ['spiffe://cluster.local/ns/a/sa/b']", true},
		{"key: source.principal, notValues: ['foo/sleep']", true},
		{"key: source.namespace, values: ['a*b']", true},
		{"key: source.serviceAccount, values: ['a/*']", true},
		{"key: source.serviceAccount, values: ['a/b/c']", true},
		{"key: source.serviceAccount, values: ['a/b', c]", false},
	};
	char spec[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct made m;

		snprintf(spec, sizeof(spec), "rules: [{when: [{%s}]}]", rows[i].condition);
		make_policy(&m, "", spec);
		assert_non_null(m.mesh);
		if (rows[i].nobody != !!strstr(m.said, "W4026"))
			fail_msg("%s: %s", rows[i].condition, m.said);
		made_free(&m);
	}
}

static void the_trust_domain_is_that_of_the_settings(void **state)
{
	static const char settings[] =
		"apiVersion: weft.dev/v1alpha1\nkind: MeshSettings\nmetadata: {name: m}\n"
		"spec: {trustDomain: old.domain}\n---\n";
	static const char spec[] =
		"rules: [{from: [{source: {principals: [old.domain/ns/foo/sa/sleep]}}]}]";
	char text[TEXT_BYTES], both[2 * TEXT_BYTES];
	struct made m;

	(void)state;
	object(text, "AuthorizationPolicy", "", spec);
	snprintf(both, sizeof(both), "%s%s", settings, text);
	make(&m, both);
	assert_string_equal(m.said, "");
	made_free(&m);
}

/* ---- annotations */

static const char *const trues[] = {"1", "t", "T", "TRUE", "true", "True"};
static const char *const falses[] = {"0", "f", "F", "FALSE", "false", "False"};
static const char *const neither[] = {"yes", "on", "nonsense", "", "tRUE", "10", " true"};

/* What a policy with the annotation |name| is; -1: it is refused. */
static int policy_is(const char *name, const char *value)
{
	char annotation[100];
	struct made m;
	int is = -1;

	snprintf(annotation, sizeof(annotation), "%s: '%s'", name, value);
	make_policy(&m, annotation, "rules: [{}]");
	if (m.mesh)
		is = name[0] == 'i' ? m.mesh->policies[0].dry_run
				    : m.mesh->policies[0].end_connections;
	else
		assert_non_null(strstr(m.said, "E2003"));
	assert_int_equal(lines(m.said), is < 0);
	made_free(&m);
	return is;
}

/* Whether connections to endpoints that are ejected end. */
static int rule_closes(const char *value)
{
	char text[TEXT_BYTES], all[2 * TEXT_BYTES], annotation[100];
	struct made m;
	int closes = -1;

	snprintf(annotation, sizeof(annotation), "weft.dev/close-ejected: '%s'", value);
	object(text, "DestinationRule", annotation,
	       "host: a, trafficPolicy: {outlierDetection: {consecutive5xxErrors: 3}}");
	snprintf(all, sizeof(all),
		 "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: shop}\n"
		 "spec: {clusterIP: 10.9.0.1, ports: [{port: 80}]}\n---\n%s",
		 text);
	make(&m, all);
	if (m.mesh)
		closes = m.mesh->traffic[m.mesh->services[0].traffic].outlier.close_connections;
	else
		assert_non_null(strstr(m.said, "E2003"));
	assert_int_equal(lines(m.said), closes < 0);
	made_free(&m);
	return closes;
}

static void booleans_are_those_of_istio(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(trues) / sizeof(*trues); i++) {
		assert_int_equal(policy_is("istio.io/dry-run", trues[i]), 1);
		assert_int_equal(policy_is("weft.dev/end-connections", trues[i]), 1);
		assert_int_equal(rule_closes(trues[i]), 1);
		assert_int_equal(policy_is("istio.io/dry-run", falses[i]), 0);
		assert_int_equal(policy_is("weft.dev/end-connections", falses[i]), 0);
		assert_int_equal(rule_closes(falses[i]), 0);
	}
	for (size_t i = 0; i < sizeof(neither) / sizeof(*neither); i++) {
		assert_int_equal(policy_is("istio.io/dry-run", neither[i]), -1);
		assert_int_equal(policy_is("weft.dev/end-connections", neither[i]), -1);
		assert_int_equal(rule_closes(neither[i]), -1);
	}
}

static void annotations_that_do_nothing_are_told(void **state)
{
	static const struct {
		const char *annotation, *said; /* NULL: nothing */
	} rows[] = {
		{"weft.dev/acept: E3002", "E2001 unknown annotation \"weft.dev/acept\" | did you "
					  "mean \"weft.dev/accept\"?"},
		{"weft.dev/end_connections: 'true'", "E2001"},
		{"weft.dev/EndConnections: 'true'", "E2001"},
		{"istio.io/dryrun: 'true'", "E2001"},
		{"weft.dev/accept: 'E9999,foo'", "E2003 \"E9999\" in annotation"},
		{"weft.dev/accept: 'E3002,foo'", "E2003 \"foo\" in annotation"},
		{"weft.dev/accept: E30021", "E2003"},
		{"weft.dev/accept: 'E4020'", "W2016 E4020 cannot be accepted"},
		{"weft.dev/note: by-me", "W2016"},
		{"weft.dev/connect-rate: '10'", "W2016"},
		{"weft.dev/connect-rate: abc", "W2016"},
		{"weft.dev/accept: 'E3001, E3002'", NULL},
		{"weft.dev/accept: 'E3001 E3002'", NULL},
		{"weft.dev/accept: ''", NULL},
		{"istio.io/rev: a", NULL},
		{"example.com/acept: a", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool refused = rows[i].said && rows[i].said[0] == 'E';
		struct made m;

		make_policy(&m, rows[i].annotation, "rules: [{}]");
		if (!m.mesh != refused ||
		    (rows[i].said ? !strstr(m.said, rows[i].said) : !!*m.said))
			fail_msg("%s: %s", rows[i].annotation, m.said);
		made_free(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_restricts_only_is_left_out_whole),
		cmocka_unit_test(what_contradicts_itself_is_refused),
		cmocka_unit_test(a_target_that_goes_gives_the_policy_back),
		cmocka_unit_test(patterns_that_match_nobody_are_told),
		cmocka_unit_test(conditions_have_patterns_too),
		cmocka_unit_test(the_trust_domain_is_that_of_the_settings),
		cmocka_unit_test(booleans_are_those_of_istio),
		cmocka_unit_test(annotations_that_do_nothing_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
