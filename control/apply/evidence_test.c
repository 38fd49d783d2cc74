// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which outcomes count. */
#include "control/apply/evidence.h"

#include "mesh-config/resolve/source.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char yaml[] =
	"---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
	"metadata: {name: cart, namespace: shop}\n"
	"spec:\n  hosts: [cart.example]\n  addresses: [10.96.0.10]\n  location: MESH_INTERNAL\n"
	"  resolution: STATIC\n  ports: [{number: 80, name: main, protocol: HTTP, targetPort: "
	"8080}]\n  endpoints: [{address: 10.77.0.11}]\n"
	"---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"
	"metadata: {name: p, namespace: shop}\n"
	"spec:\n  action: DENY\n  rules: [{from: [{source: {ipBlocks: [10.77.0.31/32]}}]}]\n";

struct attempt {
	struct endpoint client, server;
	struct connection connection;
};

struct world {
	struct mesh *mesh;
	struct evidence *evidence;
};

static void set_up(struct world *w)
{
	struct mesh_source *s = mesh_source_new();
	struct problems problems = {0};

	assert_int_equal(mesh_source_put(s, "a.yaml", SLICE(yaml)), 0);
	assert_int_equal(mesh_source_build(s, &w->mesh, &problems), 0);
	problems_free(&problems);
	mesh_source_free(s);
	w->evidence = evidence_new(1);
}

static void tear_down(struct world *w)
{
	evidence_free(w->evidence);
	mesh_free(w->mesh);
}

/* From 10.77.0.|from| to 10.77.0.|to|, which failed with |flags| (WEFT_END_*); 0: it succeeded. */
static struct connection *attempt(struct attempt *a, uint8_t from, uint8_t to, uint32_t flags)
{
	*a = (struct attempt){
		.client = {.addr = {[10] = 0xff, 0xff, 10, 77, 0, from}, .port = 40000},
		.server = {.addr = {[10] = 0xff, 0xff, 10, 77, 0, to}, .port = 8080},
		.connection = {.reporter = REPORTER_SOURCE,
			       .phase = flags ? CONNECTION_CLOSED : CONNECTION_OPENED,
			       .counters.flags = flags,
			       .flags = flags ? RESPONSE_FLAG(UF) : 0}};
	a->connection.client = &a->client;
	a->connection.server = &a->server;
	return &a->connection;
}

static bool counts(struct world *w, uint8_t from, uint8_t to, uint32_t flags)
{
	struct attempt a;

	return evidence_connect(w->evidence, w->mesh, 1, attempt(&a, from, to, flags));
}

static void test_connects(void **state)
{
	const uint32_t refused = WEFT_END_FAILED | WEFT_END_REFUSED;
	struct attempt a;
	struct world w;

	(void)state;
	set_up(&w);
	assert_true(counts(&w, 21, 11, 0));
	assert_true(counts(&w, 21, 11, refused));
	assert_true(counts(&w, 21, 11, WEFT_END_FAILED | WEFT_END_TIMEOUT));
	attempt(&a, 21, 11, refused)->reporter = REPORTER_DESTINATION;
	assert_false(evidence_connect(w.evidence, w.mesh, 1, &a.connection));
	attempt(&a, 21, 11, 0)->phase = CONNECTION_ALIVE;
	assert_false(evidence_connect(w.evidence, w.mesh, 1, &a.connection));
	tear_down(&w);
}

static void test_isolated(void **state)
{
	struct request request = {.reporter = REPORTER_SOURCE};
	struct attempt a;
	struct world w;

	(void)state;
	set_up(&w);
	for (int failed = 0; failed < 2; failed++) {
		attempt(&a, 21, 11, failed ? WEFT_END_FAILED | WEFT_END_REFUSED : 0);
		a.client.isolated = true;
		assert_false(evidence_connect(w.evidence, w.mesh, 1, &a.connection));
	}
	request.client = &a.client;
	assert_false(evidence_request(&request));
	a.client.isolated = false;
	assert_true(evidence_request(&request));
	tear_down(&w);
}

static void test_abandoned(void **state)
{
	struct attempt a;
	struct world w;

	(void)state;
	set_up(&w);
	attempt(&a, 21, 11, WEFT_END_FAILED | WEFT_END_ABANDONED);
	assert_false(evidence_connect(w.evidence, w.mesh, 1, &a.connection));
	a.connection.counters.retransmits = 1;
	assert_true(evidence_connect(w.evidence, w.mesh, 1, &a.connection));
	tear_down(&w);
}

/* A server of this node reports it; of another node only the policies are known. */
static void test_denied(void **state)
{
	const uint32_t refused = WEFT_END_FAILED | WEFT_END_REFUSED;
	struct verdict v = {.reporter = REPORTER_DESTINATION,
			    .verdict = WEFT_VERDICT_DENIED,
			    .protocol = IPPROTO_TCP};
	struct attempt a;
	struct world w;

	(void)state;
	set_up(&w);
	assert_false(counts(&w, 31, 11, refused));
	assert_false(counts(&w, 31, 11, WEFT_END_FAILED | WEFT_END_TIMEOUT));
	assert_true(counts(&w, 31, 12, refused)); /* no policy concerns that server */
	attempt(&a, 21, 11, refused);
	v.client = &a.client;
	v.server = &a.server;
	evidence_verdict(w.evidence, &v);
	assert_false(counts(&w, 21, 11, refused));
	assert_true(counts(&w, 21, 11, refused)); /* another attempt */
	v.verdict = WEFT_VERDICT_ALLOWED;
	evidence_verdict(w.evidence, &v);
	assert_true(counts(&w, 21, 11, refused));
	tear_down(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connects),
		cmocka_unit_test(test_isolated),
		cmocka_unit_test(test_abandoned),
		cmocka_unit_test(test_denied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
