// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sound manifests become the model they say; files come, change and go. */
#include "mesh-config/resolve/source_state.h"

#include "mesh-config/model/find_test.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define FOLDER "mesh-config/manifests/shop/"

static void put_file(struct mesh_source *s, const char *name)
{
	static char bytes[1 << 16];
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), FOLDER "%s", name);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(
		mesh_source_put(s, path, (struct slice){bytes, fread(bytes, 1, sizeof(bytes), f)}),
		0);
	fclose(f);
}

static void put_text(struct mesh_source *s, const char *name, const char *text)
{
	assert_int_equal(mesh_source_put(s, name, slice_of(text)), 0);
}

static struct mesh *build_fine(struct mesh_source *s)
{
	struct problems problems;
	struct mesh *mesh = NULL;
	int err = mesh_source_build(s, &mesh, &problems);

	for (uint32_t i = 0; i < problems.count; i++)
		problem_write(&problems.items[i], stderr, false);
	assert_int_equal(err, 0);
	assert_int_equal(problems.errors, 0);
	problems_free(&problems);
	return mesh;
}

static struct mesh *shop(void)
{
	struct mesh_source *s = mesh_source_new();
	struct mesh *mesh;

	assert_non_null(s);
	put_file(s, "cluster.yaml");
	put_file(s, "mesh.yaml");
	mesh = build_fine(s);
	mesh_source_free(s); /* the mesh stays */
	return mesh;
}

static const struct mesh_service *service(const struct mesh *m, const char *name)
{
	uint32_t at = mesh_service_find(m, "shop", name);

	assert_int_not_equal(at, MESH_NONE);
	return &m->services[at];
}

static void address(const char *text, uint8_t out[16])
{
	memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, text, out + 12), 1);
}

static const struct mesh_endpoint *endpoint(const struct mesh *m, const char *text)
{
	uint8_t bytes[16];
	uint32_t at;

	address(text, bytes);
	at = mesh_endpoint_find(m, bytes);
	assert_int_not_equal(at, MESH_NONE);
	return &m->endpoints[at];
}

static uint16_t target(const struct mesh *m, const struct mesh_endpoint *e, uint32_t port)
{
	return m->target_ports[e->ports_first + port];
}

static void test_kubernetes(void **state)
{
	struct mesh *m = shop();
	const struct mesh_service *cart = service(m, "cart");
	const struct mesh_endpoint *e = &m->endpoints[cart->endpoint_first];
	uint8_t vip[16];

	(void)state;
	assert_string_equal(m->settings.node_name, "worker-1");
	assert_string_equal(m->settings.node_locality->zone, "eu-west-1a");
	assert_string_equal(m->hosts[cart->host_first], "cart.shop.svc.cluster.local");
	assert_int_equal(cart->session_affinity_s, 600);
	assert_int_equal(cart->endpoint_count, 3);
	assert_int_equal(m->ports[cart->port_first + 1].app_protocol, MESH_APP_GRPC);
	assert_int_equal(e[0].address[15], 7); /* by address */
	assert_true(e[0].local_node);
	assert_int_equal(e[1].health, MESH_DRAINING);
	assert_int_equal(e[2].health, MESH_READY);
	assert_string_equal(e[2].name, "cart-7d9f5c6b4-x8x2q");
	assert_string_equal(e[2].locality->zone, "eu-west-1b");
	assert_int_equal(target(m, e, 0), 8080);
	assert_int_equal(target(m, e, 1), 9901);
	assert_true(cart->acceleration);
	address("10.96.14.20", vip);
	assert_int_equal(mesh_vip_find(m, vip, 80, MESH_TCP), cart - m->services);
	assert_int_equal(mesh_vip_find(m, vip, 80, MESH_UDP), MESH_NONE);
	assert_int_equal(mesh_vip_find(m, vip, 81, MESH_TCP), MESH_NONE);
	assert_int_equal(service(m, "catalog")->resolution, MESH_UNCHANGED);
	assert_int_equal(mesh_host_find(m, "CART.shop.svc.cluster.local"), cart - m->services);
	mesh_free(m);
}

static void test_service_entry(void **state)
{
	struct mesh *m = shop();
	const struct mesh_service *payments = service(m, "payments"),
				  *legacy = service(m, "legacy");
	const struct mesh_endpoint *first = endpoint(m, "192.0.2.11"),
				   *second = endpoint(m, "192.0.2.12");

	(void)state;
	assert_int_equal(payments->resolution, MESH_STATIC);
	assert_false(payments->external);
	assert_int_equal(first->weight, 3);
	assert_int_equal(target(m, first, 0), 8443);
	assert_int_equal(target(m, second, 0), 9443);
	assert_int_equal(target(m, second, 1), 80);
	assert_string_equal(m->workloads[first->workload].service_account, "payments");
	assert_string_equal(m->workloads[first->workload].canonical_service, "payments");
	assert_string_equal(m->workloads[first->workload].canonical_revision, "v1");
	assert_int_equal(legacy->endpoint_count, 2); /* an entry and a workload by label */
	assert_string_equal(m->workloads[endpoint(m, "198.51.100.8")->workload].name, "nginx");
	assert_string_equal(m->workloads[endpoint(m, "198.51.100.7")->workload].name, "legacy-1");
	mesh_free(m);
}

static void test_traffic(void **state)
{
	struct mesh *m = shop();
	const struct mesh_service *payments = service(m, "payments");
	const struct mesh_subset *subset = &m->subsets[payments->subset_first];
	const struct mesh_traffic *t = &m->traffic[payments->traffic];
	const struct mesh_route *route = &m->routes[payments->route_first];
	const struct mesh_destination *to = &m->destinations[route[1].destination_first];

	(void)state;
	assert_int_equal(service(m, "legacy")->traffic, 0);
	assert_int_equal(t->balance, MESH_BALANCE_MAGLEV_SOURCE);
	assert_int_equal(t->maglev_size, 1021);
	assert_int_equal(t->limits.max_connections, 100);
	assert_true(t->outlier.enabled);
	assert_int_equal(t->outlier.consecutive_5xx, 7);
	assert_int_equal(t->outlier.interval_ms, 5000);
	assert_int_equal(t->outlier.base_ejection_ms, 90000);
	assert_int_equal(t->outlier.max_ejection_percent, 10);
	assert_int_equal(payments->subset_count, 2);
	assert_int_equal(subset[0].member_count, 1);
	assert_int_equal(subset[0].traffic, payments->traffic);
	assert_int_equal(m->traffic[subset[1].traffic].balance, MESH_BALANCE_ROUND_ROBIN);
	assert_int_equal(m->traffic[subset[1].traffic].limits.max_connections, 100);
	assert_int_equal(payments->route_count, 2);
	assert_int_equal(route[0].port, 443);
	assert_string_equal(mesh_labels_find(route[0].source_labels, "app"), "canary");
	assert_int_equal(route[0].destination_count, 1);
	assert_int_equal(m->destinations[route[0].destination_first].weight, 1);
	assert_int_equal(route[1].destination_count, 2);
	assert_int_equal(to[0].weight, 90);
	assert_int_equal(to[1].subset, payments->subset_first + 1);
	assert_int_equal(service(m, "cart")->route_count, 1);
	assert_int_equal(m->routes[service(m, "cart")->route_first].port, 80);
	mesh_free(m);
}

static void test_policies(void **state)
{
	struct mesh *m = shop();
	const struct mesh_policy *nothing = &m->policies[0], *payments = &m->policies[1];
	const struct mesh_rule *rule = &m->rules[payments->rule_first];
	const struct mesh_clause *from = &m->clauses[rule->from_first];
	const struct mesh_term *terms = &m->terms[from[0].term_first];

	(void)state;
	assert_int_equal(m->policy_count, 2);
	assert_int_equal(nothing->scope, MESH_SCOPE_MESH);
	assert_int_equal(nothing->rule_count, 0);
	assert_true(nothing->dry_run);
	assert_int_equal(payments->scope, MESH_SCOPE_WORKLOADS);
	assert_int_equal(rule->from_count, 2);
	assert_int_equal(rule->to_count, 1);
	assert_int_equal(rule->when_count, 1);
	assert_int_equal(from[0].term_count, 2);
	assert_int_equal(terms[0].attribute, MESH_SOURCE_PRINCIPAL);
	assert_int_equal(terms[0].value_count, 2);
	assert_int_equal(m->values[terms[0].value_first + 1].kind, MESH_VALUE_SUFFIX);
	assert_string_equal(m->values[terms[0].value_first + 1].text, "/sa/web");
	assert_true(terms[1].negated);
	assert_int_equal(m->values[terms[1].value_first].kind, MESH_VALUE_PREFIX);
	assert_string_equal(m->values[terms[1].value_first].text, "test-");
	terms = &m->terms[from[1].term_first];
	assert_int_equal(m->values[terms[0].value_first].prefix.bits, 96 + 16);
	terms = &m->terms[m->clauses[rule->to_first].term_first];
	assert_int_equal(m->values[terms[0].value_first].port, 8443);
	terms = &m->terms[rule->when_first];
	assert_true(terms[0].negated);
	assert_int_equal(terms[0].attribute, MESH_DESTINATION_IP);
	mesh_free(m);
}

static void test_signals_and_matchers(void **state)
{
	struct mesh *m = shop();

	(void)state;
	assert_int_equal(m->telemetry_count, 1);
	assert_int_equal(m->objective_count, 1);
	assert_int_equal(m->objectives[0].promise.latency_ms, 250);
	assert_int_equal(m->objectives[0].promise.window_ms / 1000, 30 * 86400);
	assert_int_equal(m->matcher_count, 2);
	assert_string_equal(m->matchers[0].executable, "/usr/sbin/nginx"); /* two parts first */
	assert_string_equal(m->matchers[0].systemd_unit, "nginx.service");
	assert_true(m->matchers[1].has_prefix);
	assert_int_equal(m->matchers[1].uid, MESH_NONE);
	mesh_free(m);
}

/* It is of no effect, but read to the letter. */
static void test_telemetry(void **state)
{
	struct mesh_source *s = mesh_source_new();
	const struct draft_telemetry *t;
	const struct draft_metrics *metrics;
	const struct draft_metric_override *override;
	const struct draft_tag_override *tags;

	(void)state;
	put_file(s, "mesh.yaml");
	assert_int_equal(s->catalogs[KIND_TELEMETRY].count, 1);
	t = s->catalogs[KIND_TELEMETRY].items[0]->spec;
	metrics = t->metrics.items;
	override = metrics->overrides.items;
	tags = override->tags.items;
	assert_string_equal(telemetry_metrics[override->match->metric], "REQUEST_COUNT");
	assert_string_equal(reporter_modes[override->match->mode], "CLIENT");
	assert_int_equal(override->tags.count, 2);
	assert_int_equal(tags[1].operation, 1); /* REMOVE */
	assert_int_equal(((const struct draft_access_log *)t->access_logging.items)->disabled, 1);
	mesh_source_free(s);
}

/* ---- files that change */

#define SERVICE(name, ip)                                                                          \
	"apiVersion: v1\nkind: Service\nmetadata: {name: " name ", namespace: shop}\n"             \
	"spec: {clusterIP: " ip ", ports: [{port: 80, targetPort: 8080}]}\n"
#define SLICE_OF(name, ip)                                                                         \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " name "-1, "      \
	"namespace: shop, labels: {kubernetes.io/service-name: " name "}}\n"                       \
	"addressType: IPv4\nports: [{port: 8080}]\nendpoints: [{addresses: [" ip "]}]\n"

static void test_changes(void **state)
{
	struct mesh_source *s = mesh_source_new();
	struct mesh *before, *after;

	(void)state;
	put_text(s, "a.yaml", SERVICE("a", "10.0.0.1"));
	put_text(s, "b.yaml", SERVICE("b", "10.0.0.2"));
	put_text(s, "b-endpoints.yaml", SLICE_OF("b", "10.1.0.1"));
	before = build_fine(s);
	put_text(s, "b-endpoints.yaml", SLICE_OF("b", "10.1.0.2"));
	after = build_fine(s);
	assert_int_equal(after->services[1].endpoint_count, 1);
	assert_int_equal(after->endpoints[0].address[15], 2);
	assert_int_equal(before->endpoints[0].address[15], 1); /* as it was */
	assert_true(before->service_hashes[0] == after->service_hashes[0]);
	assert_false(before->service_hashes[1] == after->service_hashes[1]);
	assert_false(before->hash == after->hash);
	mesh_free(after);

	put_text(s, "b-endpoints.yaml", SLICE_OF("b", "10.1.0.1"));
	after = build_fine(s);
	assert_true(before->hash == after->hash);
	mesh_free(after);
	mesh_free(before);

	assert_int_equal(mesh_source_remove(s, "a.yaml"), 0);
	assert_int_equal(mesh_source_remove(s, "a.yaml"), -2);
	after = build_fine(s);
	assert_int_equal(after->service_count, 1);
	assert_int_equal(mesh_service_find(after, "shop", "a"), MESH_NONE);
	mesh_free(after);
	mesh_source_free(s);
}

/* Where an object stands and in which file does not count. */
static void test_hash_is_of_content(void **state)
{
	struct mesh_source *s = mesh_source_new();
	struct mesh *one, *two;

	(void)state;
	put_text(s, "x.yaml",
		 "# said before\n" SERVICE("a", "10.0.0.1") "---\n" SERVICE("b", "10.0.0.2"));
	one = build_fine(s);
	put_text(s, "x.yaml", SERVICE("b", "10.0.0.2"));
	put_text(s, "y.yaml",
		 "kind: Service\napiVersion: v1\nmetadata: {namespace: shop, name: a}\n"
		 "spec: {ports: [{targetPort: 8080, port: 80}], clusterIP: 10.0.0.1}\n");
	two = build_fine(s);
	assert_true(one->hash == two->hash);
	assert_true(one->service_hashes[0] == two->service_hashes[0]);
	mesh_free(one);
	mesh_free(two);
	mesh_source_free(s);
}

/* An error in one file is said with every build until it is mended; others stay parsed. */
#define ENTRY(name, address, port)                                                                 \
	"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: " name           \
	", namespace: shop}\nspec:\n  hosts: [pay.example]\n  addresses: [" address                \
	"]\n  ports: [{number: " port ", name: http, protocol: HTTP}]\n  resolution: STATIC\n"     \
	"  endpoints: [{address: 10.1.0.1, labels: {version: v1}}]\n---\n"

/* Two ServiceEntries with one host and ports of their own: rules and routes hold for both. */
static void test_one_host_in_two_entries(void **state)
{
	static const char both[] =
		ENTRY("pay-80", "198.19.0.1", "80") ENTRY("pay-443", "198.19.0.2", "443");
	static const char rules[] =
		"apiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
		"metadata: {name: pay, namespace: shop}\n"
		"spec: {host: pay.example, trafficPolicy: {loadBalancer: {simple: RANDOM}}, "
		"subsets: [{name: v1, labels: {version: v1}}]}\n---\n"
		"apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
		"metadata: {name: pay, namespace: shop}\n"
		"spec:\n  hosts: [pay.example]\n  http:\n"
		"  - match: [{port: 443}]\n"
		"    route: [{destination: {host: pay.example, subset: v1, port: {number: 80}}}]\n"
		"  - route: [{destination: {host: pay.example, subset: v1}}]\n";
	static const char clash[] = ENTRY("pay-more", "198.19.0.3", "80");
	struct mesh_source *s = mesh_source_new();
	const struct mesh_service *plain, *tls;
	struct problems problems;
	struct mesh *m, *none = NULL;

	(void)state;
	put_text(s, "both.yaml", both);
	mesh_free(build_fine(s));
	put_text(s, "rules.yaml", rules);
	m = build_fine(s);
	plain = service(m, "pay-80");
	tls = service(m, "pay-443");
	assert_int_equal(m->traffic[plain->traffic].balance, MESH_BALANCE_RANDOM);
	assert_int_equal(m->traffic[tls->traffic].balance, MESH_BALANCE_RANDOM);
	assert_int_equal(plain->subset_count, 1);
	assert_int_equal(tls->subset_count, 1);
	assert_int_equal(plain->route_count, 1);
	assert_int_equal(tls->route_count, 2);
	assert_int_equal(m->destinations[m->routes[plain->route_first].destination_first].service,
			 plain - m->services);
	assert_int_equal(m->destinations[m->routes[tls->route_first].destination_first].service,
			 plain - m->services);
	assert_int_equal(m->destinations[m->routes[tls->route_first + 1].destination_first].service,
			 tls - m->services);
	mesh_free(m);
	put_text(s, "clash.yaml", clash);
	assert_int_equal(mesh_source_build(s, &none, &problems), -22);
	assert_string_equal(problems.items[0].code, "E4005");
	problems_free(&problems);
	mesh_source_free(s);
}

#define OBJECT(name)                                                                               \
	"apiVersion: v1\nkind: Service\nmetadata: {name: " name                                    \
	", namespace: shop}\nspec: {clusterIP: None}\n---\n"

#define TITLES_BYTES 4096

static void add_title(void *arg, const char *title)
{
	size_t used = strlen(arg);

	snprintf((char *)arg + used, TITLES_BYTES - used, "%s;", title);
}

static const char *gone(struct mesh_source *s)
{
	static char titles[TITLES_BYTES];
	struct mesh *m = build_fine(s);

	titles[0] = 0;
	mesh_source_gone(s, add_title, titles);
	mesh_free(m);
	return titles;
}

/* What is taken away has a name, however it went; what moves to another file is still there. */
static void test_what_is_gone_is_known(void **state)
{
	struct mesh_source *s = mesh_source_new();

	(void)state;
	put_text(s, "a.yaml", OBJECT("one") OBJECT("two") OBJECT("three"));
	put_text(s, "b.yaml", OBJECT("four"));
	assert_string_equal(gone(s), "");
	put_text(s, "a.yaml", OBJECT("three") OBJECT("one"));
	assert_string_equal(gone(s), "Service shop/two;");
	put_text(s, "b.yaml", OBJECT("four") OBJECT("two"));
	assert_string_equal(gone(s), "");
	assert_int_equal(mesh_source_remove(s, "a.yaml"), 0);
	put_text(s, "b.yaml", OBJECT("five"));
	assert_string_equal(gone(s), "Service shop/two;Service shop/three;Service shop/one;"
				     "Service shop/four;");
	mesh_source_settle_gone(s);
	assert_string_equal(gone(s), "");
	mesh_source_free(s);
}

/* Of another source, which has the same objects in other files. */
static void test_what_another_source_had_is_gone(void **state)
{
	struct mesh_source *before = mesh_source_new(), *s = mesh_source_new();

	(void)state;
	assert_false(mesh_source_has_files(s) || mesh_source_has_objects(s));
	put_text(s, "a.yaml", "# nothing\n");
	assert_true(mesh_source_has_files(s) && !mesh_source_has_objects(s));
	put_text(before, "a.yaml", OBJECT("one") OBJECT("two"));
	put_text(before, "b.yaml", OBJECT("three"));
	assert_true(mesh_source_has_files(before) && mesh_source_has_objects(before));
	put_text(s, "c.yaml", OBJECT("four") OBJECT("one"));
	assert_string_equal(gone(s), "");
	mesh_source_follow(s, before);
	assert_string_equal(gone(s), "Service shop/two;Service shop/three;");
	put_text(s, "d.yaml", OBJECT("two"));
	assert_string_equal(gone(s), "Service shop/three;");
	mesh_source_free(before);
	mesh_source_free(s);
}

static void test_blank_texts(void **state)
{
	static const char *const blank[] = {"",
					    "\n",
					    " \t\r\n\n",
					    "# a\n  # b",
					    "---\n",
					    "---\n...\n",
					    "\xef\xbb\xbf# a\n--- \n"};
	static const char *const filled[] = {"a",     "\n a: b", "# a\nb: c", "----",
					     "--- a", "null",	 "{}"};

	(void)state;
	for (size_t i = 0; i < sizeof(blank) / sizeof(*blank); i++)
		assert_true(mesh_text_is_blank(slice_of(blank[i])));
	for (size_t i = 0; i < sizeof(filled) / sizeof(*filled); i++)
		assert_false(mesh_text_is_blank(slice_of(filled[i])));
}

static void test_error_stays(void **state)
{
	struct mesh_source *s = mesh_source_new();
	struct problems problems;
	struct mesh *mesh = NULL;

	(void)state;
	put_text(s, "a.yaml", SERVICE("a", "10.0.0.1"));
	put_text(s, "b.yaml", "kind: [\n");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(mesh_source_build(s, &mesh, &problems), -22);
		assert_int_equal(problems.errors, 1);
		assert_string_equal(problems.items[0].file, "b.yaml");
		problems_free(&problems);
		assert_null(mesh);
	}
	put_text(s, "b.yaml", "");
	mesh = build_fine(s);
	assert_int_equal(mesh->service_count, 1);
	mesh_free(mesh);
	mesh_source_free(s);
}

/* The texts of what is gone do not pile up, and old meshes keep theirs. */
static void test_texts_are_given_back(void **state)
{
	struct mesh_source *s = mesh_source_new();
	struct mesh *kept = NULL;
	char text[4096];

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(text, sizeof(text),
			 "apiVersion: v1\nkind: Service\nmetadata: {name: a, annotations: "
			 "{weft.dev/note: \"%0800u\"}}\nspec: {clusterIP: None}\n",
			 i);
		put_text(s, "a.yaml", text);
		if (i == 10)
			kept = build_fine(s);
	}
	assert_string_equal(kept->services[0].name, "a");
	mesh_free(build_fine(s));
	mesh_source_free(s);
	assert_string_equal(kept->services[0].namespace_name, "default");
	mesh_free(kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kubernetes),
		cmocka_unit_test(test_service_entry),
		cmocka_unit_test(test_traffic),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_signals_and_matchers),
		cmocka_unit_test(test_telemetry),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_hash_is_of_content),
		cmocka_unit_test(test_one_host_in_two_entries),
		cmocka_unit_test(test_what_is_gone_is_known),
		cmocka_unit_test(test_what_another_source_had_is_gone),
		cmocka_unit_test(test_blank_texts),
		cmocka_unit_test(test_error_stays),
		cmocka_unit_test(test_texts_are_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
