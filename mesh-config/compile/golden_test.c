// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Small meshes, from the YAML that operators write to the cells that the kernel reads. */
#include "mesh-config/compile/compile.h"
#include "mesh-config/model/programs.h"
#include "mesh-config/resolve/source.h"

#include "mesh-config/compile/text_test.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define DOCUMENT(api, kind, name)                                                                  \
	"---\napiVersion: " api "\nkind: " kind "\nmetadata: {name: " name                         \
	", namespace: shop}\nspec:\n"

#define NODE DOCUMENT("weft.dev/v1alpha1", "MeshSettings", "mesh") "  locality: eu/a/1\n"

/* A ServiceEntry that lacks its endpoints. */
#define ENTRY(name, vip)                                                                           \
	DOCUMENT("networking.istio.io/v1", "ServiceEntry", name)                                   \
	"  hosts: [" name ".shop.mesh]\n"                                                          \
	"  addresses: [" vip "]\n"                                                                 \
	"  resolution: STATIC\n"                                                                   \
	"  location: MESH_INTERNAL\n"                                                              \
	"  ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}]\n"                  \
	"  endpoints:\n"

#define ONE(address, version, more)                                                                \
	"  - {address: " address ", labels: {version: " version "}" more "}\n"

#define RULE(name)                                                                                 \
	DOCUMENT("networking.istio.io/v1", "DestinationRule", name) "  host: " name ".shop.mesh\n"

#define ROUTE(name)                                                                                \
	DOCUMENT("networking.istio.io/v1", "VirtualService", name)                                 \
	"  hosts: [" name ".shop.mesh]\n  tcp:\n"

#define TO(target, weight) "    - {destination: {host: " target "}, weight: " weight "}\n"

struct made {
	struct mesh_source *source;
	struct mesh *mesh;
	struct compiler *compiler;
	struct cells_view view;
};

/* The model alone. */
static void load(struct made *w, const char *yaml)
{
	struct problems problems = {0};

	*w = (struct made){.source = mesh_source_new(), .compiler = compiler_new(3)};
	assert_int_equal(mesh_source_put(w->source, "mesh.yaml", slice_of(yaml)), 0);
	if (mesh_source_build(w->source, &w->mesh, &problems))
		fail_msg("%u:%u %s", problems.items[0].line, problems.items[0].column,
			 problems.items[0].text);
	problems_free(&problems);
}

static void make(struct made *w, const char *yaml)
{
	struct compile_input in = {.generation = 1};
	struct error err = {0};

	load(w, yaml);
	in.mesh = w->mesh;
	if (compiler_run(w->compiler, &in, &err))
		fail_msg("%s", err.text);
	w->view = (struct cells_view){cells_get(compiler_cells(w->compiler), 0),
				      cells_count(compiler_cells(w->compiler))};
	assert_int_equal(cells_view_check(&w->view, &err), 0);
}

static void end(struct made *w)
{
	compiler_free(w->compiler);
	mesh_free(w->mesh);
	mesh_source_free(w->source);
}

static void expect(const char *yaml, const char *expected)
{
	struct made w;
	char *text;

	make(&w, yaml);
	text = text_of_cells(&w.view, false);
	assert_string_equal(text, expected);
	free(text);
	end(&w);
}

/* ---- one service */

static const char plain[] = ENTRY("cart", "10.9.0.1") /**/
	ONE("10.0.0.1", "v1", "")		      /**/
	ONE("10.0.0.2", "v1", ", weight: 3");

static const char plain_cells[] = "front 10.9.0.1:80/6 most 0 rate 0 affinity 0 flags 0\n"
				  "  route of 1\n"
				  "   up to 1\n"
				  "    pool balance 2 health 0 subset -1 slots 0 tiers 0+2\n"
				  "      10.0.0.1:8080 weight 1 keep 7fffffff alias 1\n"
				  "      10.0.0.2:8080 weight 3 keep ffffffff alias 1\n";

static void a_service_is_a_front_with_its_endpoints(void **state)
{
	(void)state;
	expect(plain, plain_cells);
}

/* ---- a split over subsets and another service */

static const char split[] = ENTRY("cart", "10.9.0.1") /**/
	ONE("10.0.0.1", "v1", "")		      /**/
	ONE("10.0.0.2", "v2", "")		      /**/
	RULE("cart") "  subsets:\n"
		     "  - {name: v1, labels: {version: v1}}\n"
		     "  - {name: v2, labels: {version: v2}}\n" /**/
	ROUTE("cart") "  - route:\n"			       /**/
	TO("cart.shop.mesh, subset: v1", "80")		       /**/
	TO("cart.shop.mesh, subset: v2", "15")		       /**/
	TO("spare.shop.mesh", "5")			       /**/
	ENTRY("spare", "10.9.0.2")			       /**/
	ONE("10.0.0.3", "v1", "");

static const char split_cells[] = "front 10.9.0.1:80/6 most 0 rate 0 affinity 0 flags 0\n"
				  "  route of 100\n"
				  "   up to 80\n"
				  "    pool balance 2 health 0 subset 0 slots 0 tiers 0+1\n"
				  "      10.0.0.1:8080 weight 1 keep ffffffff alias 0\n"
				  "   up to 95\n"
				  "    pool balance 2 health 0 subset 1 slots 0 tiers 0+1\n"
				  "      10.0.0.2:8080 weight 1 keep ffffffff alias 0\n"
				  "   up to 100\n"
				  "    pool balance 2 health 0 subset -1 slots 0 tiers 0+1\n"
				  "      10.0.0.3:8080 weight 1 keep ffffffff alias 0\n"
				  "front 10.9.0.2:80/6 most 0 rate 0 affinity 0 flags 0\n"
				  "  route of 1\n"
				  "   up to 1\n"
				  "    pool balance 2 health 0 subset -1 slots 0 tiers 0+1\n"
				  "      10.0.0.3:8080 weight 1 keep ffffffff alias 0\n";

static void weights_split_between_subsets_and_services(void **state)
{
	(void)state;
	expect(split, split_cells);
}

/* The first route that takes a connection is one step away for every kind of client. */

static const char choosing[] = ENTRY("cart", "10.9.0.1") /**/
	ONE("10.0.0.1", "v1", "")			 /**/
	ROUTE("cart") "  - match: [{sourceLabels: {app: web}, destinationSubnets: [10.9.0.0/24]},"
		      " {sourceNamespace: batch}]\n    route:\n" TO(
			      "cart.shop.mesh",
			      "100") "  - match: [{destinationSubnets: [10.8.0.0/24]}]\n"
				     "    route:\n" TO("cart.shop.mesh", "100") "  - route:\n" /**/
	TO("cart.shop.mesh", "100")							       /**/
	"---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n"
	"metadata: {name: web, namespace: shop}\n"
	"spec: {address: 10.0.1.1, labels: {app: web}}\n"
	"---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n"
	"metadata: {name: job, namespace: batch}\nspec: {address: 10.0.1.2}\n";

static void matches_choose_a_route(void **state)
{
	static const uint32_t taken[] = {3, 0, 1, 3};
	const struct weft_mesh_front *f;
	uint8_t vip[16] = {[10] = 0xff, 0xff, 10, 9, 0, 1};
	struct made w;

	(void)state;
	make(&w, choosing);
	f = cells_view_front(&w.view, vip, 80, 6);
	assert_non_null(f);
	assert_int_equal(f->routes, 4);
	assert_int_equal(f->asks, WEFT_ASKS_ROUTE | WEFT_ASKS_SOURCE);
	for (uint8_t i = 0; i < 4; i++) {
		const uint8_t source[16] = {[10] = 0xff, 0xff, 10, 0, 1, i};

		assert_int_equal(text_taken(&w.view, f, source), f->route + taken[i]);
	}
	end(&w);
}

/* ---- nearness and consistency */

static const char tiers[] = NODE ENTRY("cart", "10.9.0.1") /**/
	ONE("10.0.0.1", "v1", ", locality: us/a/1")	   /**/
	ONE("10.0.0.2", "v1", ", locality: eu/a/1")	   /**/
	ONE("10.0.0.3", "v1", ", locality: eu/b/1")	   /**/
	RULE("cart") "  trafficPolicy:\n"
		     "    outlierDetection: {minHealthPercent: 40}\n"
		     "    connectionPool: {tcp: {maxConnections: 7}}\n"
		     "    loadBalancer:\n"
		     "      consistentHash: {useSourceIp: true, maglev: {tableSize: 251}}\n"
		     "      localityLbSetting: {enabled: true}\n";

static const char tiers_cells[] =
	"front 10.9.0.1:80/6 most 7 rate 0 affinity 0 flags 0\n"
	"  route of 1\n"
	"   up to 1\n"
	"    pool balance 3 health 40 subset -1 slots 251 tiers 0+1 1+1 2+1\n"
	"      10.0.0.2:8080 weight 1 keep ffffffff alias 0\n"
	"      10.0.0.3:8080 weight 1 keep ffffffff alias 0\n"
	"      10.0.0.1:8080 weight 1 keep ffffffff alias 0\n";

static void locality_makes_tiers_and_maglev_a_table_of_the_first(void **state)
{
	(void)state;
	expect(tiers, tiers_cells);
}

static const char spread[] = NODE ENTRY("cart", "10.9.0.1") /**/
	ONE("10.0.0.1", "v1", ", locality: us/a/1")	    /**/
	ONE("10.0.0.2", "v1", ", locality: eu/a/1")	    /**/
	ONE("10.0.0.3", "v1", ", locality: eu/a/1")	    /**/
	RULE("cart") "  trafficPolicy:\n"
		     "    loadBalancer:\n"
		     "      simple: RANDOM\n"
		     "      localityLbSetting:\n"
		     "        distribute:\n"
		     "        - from: eu/*\n"
		     "          to: {\"eu/*\": 75, \"us/*\": 25}\n";

static void distribute_makes_weights(void **state)
{
	const struct weft_mesh_endpoint *e;
	const struct weft_mesh_front *f;
	const struct weft_mesh_route *r;
	const struct weft_mesh_pool *p;
	double share[3] = {0}, kept;
	uint8_t vip[16] = {[10] = 0xff, 0xff, 10, 9, 0, 1};
	struct made w;

	(void)state;
	make(&w, spread);
	f = cells_view_front(&w.view, vip, 80, 6);
	assert_non_null(f);
	r = cells_view_at(&w.view, f->route);
	p = cells_view_at(&w.view, r->split[0].pool);
	assert_int_equal(p->endpoints, 3);
	assert_int_equal(p->tiers, 1);
	for (uint32_t i = 0; i < 3; i++) {
		e = cells_view_at(&w.view, p->first + i);
		kept = (e->keep + 1.0) / 4294967296.0;
		share[i] += kept / 3;
		share[e->alias] += (1 - kept) / 3;
	}
	assert_true(share[0] > 0.3749 && share[0] < 0.3751);
	assert_true(share[1] > 0.3749 && share[1] < 0.3751);
	assert_true(share[2] > 0.2499 && share[2] < 0.2501);
	for (uint32_t i = 0; i < 3; i++) { /* the endpoints of a row are a group */
		e = cells_view_at(&w.view, p->first + i);
		assert_int_equal(e->group.first, i < 2 ? 0 : 2);
		assert_int_equal(e->group.endpoints, i < 2 ? 2 : 1);
		assert_int_equal(e->group.unit, e->weight);
	}
	end(&w);
}

/* ---- what has no front, and what has no endpoint */

static const char kubernetes[] = DOCUMENT("v1", "Service", "web") /**/
	"  clusterIP: 10.9.0.5\n"
	"  sessionAffinity: ClientIP\n"
	"  ports: [{name: http, port: 80, targetPort: 8080}, "
	"{name: dns, port: 53, protocol: UDP}]\n"
	"---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
	"metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}\n"
	"addressType: IPv4\n"
	"ports: [{name: http, port: 8080}]\n"
	"endpoints:\n"
	"- {addresses: [10.0.0.1], conditions: {ready: true}}\n"
	"- {addresses: [10.0.0.2], conditions: {ready: false, serving: true, terminating: "
	"true}}\n" DOCUMENT("v1", "Service",
			    "headless") "  clusterIP: None\n  ports: [{port: 80}]\n";

static const char kubernetes_cells[] = "front 10.9.0.5:53/17 most 0 rate 0 affinity 10800 flags 0\n"
				       "  route of 1\n"
				       "   up to 1\n"
				       "    pool balance 2 health 0 subset -1 slots 0 tiers\n"
				       "front 10.9.0.5:80/6 most 0 rate 0 affinity 10800 flags 0\n"
				       "  route of 1\n"
				       "   up to 1\n"
				       "    pool balance 2 health 0 subset -1 slots 0 tiers 0+1\n"
				       "      10.0.0.1:8080 weight 1 keep ffffffff alias 0\n";

static void draining_endpoints_and_headless_services_get_nothing(void **state)
{
	(void)state;
	expect(kubernetes, kubernetes_cells);
}

/* ---- who may */

static const char guarded[] = ENTRY("cart", "10.9.0.1") /**/
	ONE("10.0.0.1", "v1", "")			/**/
	ONE("10.0.0.2", "v2", "")			/**/
	DOCUMENT("security.istio.io/v1", "AuthorizationPolicy", "nobody") "  selector: "
									  "{matchLabels: "
									  "{version: v2}}\n";

static void policies_are_those_of_the_workload(void **state)
{
	const struct weft_mesh_identity *free_one, *guarded_one;
	uint8_t one[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1};
	uint8_t two[16] = {[10] = 0xff, 0xff, 10, 0, 0, 2};
	struct made w;

	(void)state;
	make(&w, guarded);
	free_one = cells_view_identity(&w.view, one, 8080);
	guarded_one = cells_view_identity(&w.view, two, 8080);
	assert_non_null(free_one);
	assert_non_null(guarded_one);
	assert_int_equal(text_answer(&w.view, free_one->policy, two, one, 8080), WEFT_ACTION_ALLOW);
	assert_int_equal(text_answer(&w.view, guarded_one->policy, one, two, 8080),
			 WEFT_ACTION_DENY);
	end(&w);
}

/* ---- who is who */

#define SELECTED(name, vip)                                                                        \
	DOCUMENT("networking.istio.io/v1", "ServiceEntry", name)                                   \
	"  hosts: [" name ".shop.mesh]\n  addresses: [" vip "]\n  resolution: STATIC\n"            \
	"  ports: [{number: 80, name: http, protocol: HTTP}]\n"                                    \
	"  workloadSelector: {labels: {app: " name "}}\n"
#define ENTRY_OF(name, app, address, port)                                                         \
	DOCUMENT("networking.istio.io/v1", "WorkloadEntry", name)                                  \
	"  address: " address "\n  ports: {http: " port "}\n  labels: {app: " app "}\n"

static const char shared[] = SELECTED("cart", "10.9.0.1") /**/
	SELECTED("till", "10.9.0.2")			  /**/
	ENTRY_OF("a", "cart", "10.0.0.9", "8081")	  /**/
	ENTRY_OF("b", "till", "10.0.0.9", "8082")	  /**/
	ENTRY_OF("c", "till", "10.0.0.8", "8082");

/* |found| may be |a| and |b| and no other, as they are by themselves. */
static void assert_set(const struct cells_view *view, const struct weft_mesh_identity *found,
		       const struct weft_mesh_identity *a, const struct weft_mesh_identity *b)
{
	const struct weft_mesh_identity *second;

	assert_non_null(found);
	second = cells_view_at(view, found->next);
	if (found->number != a->number) {
		const struct weft_mesh_identity *other = a;

		a = b;
		b = other;
	}
	assert_memory_equal(found, a, offsetof(struct weft_mesh_identity, next));
	assert_memory_equal(second, b, offsetof(struct weft_mesh_identity, next));
	assert_int_equal(second->next, 0);
}

static void a_shared_address_is_told_apart_by_ports(void **state)
{
	const struct weft_mesh_identity *a, *b;
	uint8_t both[16] = {[10] = 0xff, 0xff, 10, 0, 0, 9};
	uint8_t one[16] = {[10] = 0xff, 0xff, 10, 0, 0, 8};
	struct compile_statistics statistics;
	struct made w;

	(void)state;
	make(&w, shared);
	a = cells_view_identity(&w.view, both, 8081);
	b = cells_view_identity(&w.view, both, 8082);
	assert_non_null(a);
	assert_non_null(b);
	assert_int_not_equal(a->number, b->number);
	assert_int_equal(a->next, 0);
	assert_int_equal(b->next, 0);
	assert_set(&w.view, cells_view_identity(&w.view, both, 0), a, b);
	assert_set(&w.view, cells_view_identity(&w.view, both, 8083), a, b);
	assert_int_equal(cells_view_identity(&w.view, one, 0)->next, 0);
	compiler_statistics(w.compiler, &statistics);
	assert_int_equal(statistics.addresses_shared, 1);
	end(&w);
}

static const char matched[] = DOCUMENT(
	"weft.dev/v1alpha1", "Workload",
	"curl") "  match: [{executable: /usr/bin/curl}, {executable: /usr/bin/curl, uid: 7}, "
		"{ip: [10.1.0.0/16]}]\n" /**/
	DOCUMENT("weft.dev/v1alpha1", "Workload", "web") "  match: [{systemdUnit: nginx.service, "
							 "uid: 33}, {systemdUnit: gone.service}, "
							 "{executable: '*/worker', "
							 "executableOwner: 12}]\n";

/* Which kinds need not be looked for, as the kernel half is told. */
static void kinds_are_said(const struct cells_view *view, uint32_t lacked)
{
	uint32_t flags = cells_view_header(view)->flags;

	for (unsigned kind = WEFT_MATCH_CGROUP; kind <= WEFT_MATCH_UID; kind++)
		assert_int_equal((flags & WEFT_MESH_LACKS(kind)) != 0, lacked >> kind & 1);
}

static void matchers_are_chained_by_their_first_condition(void **state)
{
	struct matcher_names names[8] = {0};
	struct compile_input in = {.generation = 2, .names = names};
	const struct weft_mesh_matcher *m;
	struct weft_program program;
	struct made w;

	(void)state;
	make(&w, matched);
	for (uint32_t i = 0; i < w.mesh->matcher_count; i++)
		if (!strcmp(w.mesh->matchers[i].systemd_unit, "nginx.service"))
			names[in.name_count++] =
				(struct matcher_names){.matcher = i, .cgroup_id = 99};
	in.mesh = w.mesh;
	assert_int_equal(compiler_run(w.compiler, &in, NULL), 0);
	w.view = (struct cells_view){cells_get(compiler_cells(w.compiler), 0),
				     cells_count(compiler_cells(w.compiler))};
	program_of("/usr/bin/curl", &program);
	m = cells_view_matcher(&w.view, WEFT_MATCH_PATH, program.path);
	assert_non_null(m);
	assert_int_equal(m->wants, 1 << WEFT_MATCH_UID | 1 << WEFT_MATCH_PATH);
	assert_int_equal(m->path_more, program.path_more);
	assert_int_equal(m->uid, 7);
	m = cells_view_at(&w.view, m->next);
	assert_int_equal(m->wants, 1 << WEFT_MATCH_PATH);
	assert_int_equal(m->next, 0);
	program_of("*/worker", &program);
	m = cells_view_matcher(&w.view, WEFT_MATCH_EXE, program.name);
	assert_non_null(m);
	assert_int_equal(m->wants, 1 << WEFT_MATCH_OWNER);
	assert_int_equal(m->owner, 12);
	assert_true(cells_view_header(&w.view)->flags & WEFT_MESH_PROGRAMS);
	m = cells_view_matcher(&w.view, WEFT_MATCH_CGROUP, 99);
	assert_non_null(m);
	assert_int_equal(m->wants, 1 << WEFT_MATCH_UID);
	assert_int_equal(m->uid, 33);
	assert_null(cells_view_matcher(&w.view, WEFT_MATCH_CGROUP, 0));
	assert_null(cells_view_matcher(&w.view, WEFT_MATCH_ADDRESS, 0));
	kinds_are_said(&w.view, 1 << WEFT_MATCH_NETNS | 1 << WEFT_MATCH_UID);
	in.name_count = 0;
	in.generation = 3;
	assert_int_equal(compiler_run(w.compiler, &in, NULL), 0);
	w.view = (struct cells_view){cells_get(compiler_cells(w.compiler), 0),
				     cells_count(compiler_cells(w.compiler))};
	kinds_are_said(&w.view,
		       1 << WEFT_MATCH_CGROUP | 1 << WEFT_MATCH_NETNS | 1 << WEFT_MATCH_UID);
	end(&w);
}

#define NETWORK(name, label, match)                                                                \
	DOCUMENT("weft.dev/v1alpha1", "Workload", name)                                            \
	"  match: [{" match "}]\n  labels: {app: " label "}\n"

static const char networks[] = NETWORK("wide", "wide", "ip: [10.1.0.0/16]")	 /**/
	NETWORK("narrow", "narrow", "ip: [10.1.2.0/24]")			 /**/
	NETWORK("beside", "beside", "ip: [10.1.2.0/24]")			 /**/
	NETWORK("one", "one", "ip: [10.1.2.3]")					 /**/
	NETWORK("program", "program", "ip: [10.1.3.0/24], executable: '*/curl'") /**/
	NETWORK("first", "first", "ip: [10.1.4.4], executable: '*/nginx'")	 /**/
	NETWORK("second", "second", "ip: [10.1.4.4], executable: '*/redis'")	 /**/
	NETWORK("third", "third", "ip: [10.1.4.5], executable: '*/redis'");

/* The names of those that it may be. */
static const char *named(const struct made *w, uint8_t third, uint8_t fourth)
{
	const uint8_t address[16] = {[10] = 0xff, 0xff, 10, 1, third, fourth};
	struct compile_names *names = compiler_names(w->compiler);
	const struct weft_mesh_identity *i = cells_view_identity(&w->view, address, 80);
	static char text[200];

	text[0] = 0;
	for (; i; i = i->next ? cells_view_at(&w->view, i->next) : NULL)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ",
			 w->mesh->workloads[names->workloads[i->number]].name);
	compile_names_free(names);
	return text;
}

static void prefixes_are_of_workloads_that_nothing_else_is_known_of(void **state)
{
	struct made w;

	(void)state;
	make(&w, networks);
	assert_string_equal(named(&w, 2, 3), "one ");
	assert_string_equal(named(&w, 2, 4), "beside narrow ");
	assert_string_equal(named(&w, 3, 1), "wide "); /* a program is known by who runs */
	assert_string_equal(named(&w, 4, 4), "wide "); /* of two programs, too */
	assert_string_equal(named(&w, 4, 5), "third ");
	end(&w);
}

/* What the kernel half would not look at is refused, as it would not be protected. */
static void more_than_can_be_told_apart_is_refused(void **state)
{
	struct compile_input in = {.generation = 1};
	struct error err = {0};
	char text[8000] = "";
	struct made w;

	(void)state;
	for (unsigned i = 0; i <= WEFT_MESH_MATCHERS; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 DOCUMENT("weft.dev/v1alpha1", "Workload",
				  "w%u") "  match: [{executable: '*/same'}]\n",
			 i);
	load(&w, text);
	in.mesh = w.mesh;
	assert_int_equal(compiler_run(w.compiler, &in, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "known by one program"));
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_is_a_front_with_its_endpoints),
		cmocka_unit_test(weights_split_between_subsets_and_services),
		cmocka_unit_test(matches_choose_a_route),
		cmocka_unit_test(locality_makes_tiers_and_maglev_a_table_of_the_first),
		cmocka_unit_test(distribute_makes_weights),
		cmocka_unit_test(draining_endpoints_and_headless_services_get_nothing),
		cmocka_unit_test(policies_are_those_of_the_workload),
		cmocka_unit_test(a_shared_address_is_told_apart_by_ports),
		cmocka_unit_test(matchers_are_chained_by_their_first_condition),
		cmocka_unit_test(prefixes_are_of_workloads_that_nothing_else_is_known_of),
		cmocka_unit_test(more_than_can_be_told_apart_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
