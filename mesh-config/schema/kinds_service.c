// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tables of Service, EndpointSlice and Endpoints. */
#include "mesh-config/schema/kinds_ports.h"

#include "base/address.h"
#include "mesh-config/schema/draft.h"

#include <stdio.h>

static const char *const protocols[] = {"TCP", "UDP", "SCTP", NULL};

/* ---- ports */

static const struct {
	const char *word;
	uint8_t protocol;
} app_protocols[] = {
	{"http", MESH_APP_HTTP}, {"http2", MESH_APP_HTTP2},   {"kubernetes.io/h2c", MESH_APP_HTTP2},
	{"grpc", MESH_APP_GRPC}, {"grpc-web", MESH_APP_GRPC}, {"https", MESH_APP_TLS},
	{"tls", MESH_APP_TLS},	 {"tcp", MESH_APP_TCP},	      {"mongo", MESH_APP_TCP},
	{"mysql", MESH_APP_TCP}, {"redis", MESH_APP_TCP},
};

/* A word, or a word and "-" and anything, as Istio reads names of ports. */
uint8_t app_protocol_of(const char *text)
{
	for (size_t i = 0; i < sizeof(app_protocols) / sizeof(*app_protocols); i++) {
		size_t n = strlen(app_protocols[i].word);

		if (!strncasecmp(text, app_protocols[i].word, n) && (!text[n] || text[n] == '-'))
			return app_protocols[i].protocol;
	}
	return MESH_APP_UNKNOWN;
}

static void port_check(struct reading *r, void *draft)
{
	struct draft_port *p = draft;
	uint8_t said = app_protocol_of(p->app_protocol_text);

	p->app_protocol = said ? said : app_protocol_of(p->name);
	if (p->protocol == 2)
		problem_add(r->problems, PROBLEM_HARMLESS, p->at,
			    "port %u is SCTP: weft leaves it alone", p->port);
}

static SCHEMA_AS(service_port, port, SERVICE_PORT_FIELDS, "Service.spec.ports",
		 .check = port_check);

/* ---- Service */

static SCHEMA(client_ip, CLIENT_IP_FIELDS, "Service.spec.sessionAffinityConfig.clientIP");
static SCHEMA(affinity_config, AFFINITY_CONFIG_FIELDS, "Service.spec.sessionAffinityConfig");

static void vip_add(struct reading *r, struct draft_service *s, const struct draft_text *text)
{
	struct draft_address *vip = (struct draft_address *)s->vips.items + s->vips.count;
	bool clean;

	if (!text->text[0])
		return;
	if (!strcmp(text->text, "None")) {
		s->headless = true;
		return;
	}
	vip->at = text->at;
	if (!prefix_parse(slice_of(text->text), &vip->prefix, &clean) || strchr(text->text, '/')) {
		problem_add(r->problems, PROBLEM_ADDRESS, text->at, "\"%s\" is not an address",
			    text->text);
		problem_hint(r->problems, "an IPv4 or IPv6 address, or None");
		return;
	}
	for (uint32_t i = 0; i < s->vips.count; i++)
		if (!memcmp(&((struct draft_address *)s->vips.items)[i].prefix, &vip->prefix,
			    sizeof(vip->prefix)))
			return; /* clusterIP is the first of clusterIPs too */
	s->vips.count++;
}

/* Names tell ports apart where there are several. Numbers that are there twice are found when the
 * service is put together. */
static void service_ports_check(struct reading *r, const struct draft_service *s)
{
	const struct draft_port *ports = s->ports.items;

	if (!s->ports.count && !s->headless && s->type != SERVICE_EXTERNAL_NAME) {
		problem_add(r->problems, PROBLEM_REQUIRED, s->ports.at.line ? s->ports.at : s->at,
			    "a Service without ports: nothing can connect to it");
		problem_hint(r->problems,
			     "only headless ones (clusterIP: None) and ExternalName need none");
	}
	for (uint32_t i = 0; i < s->ports.count && s->ports.count > 1; i++)
		if (!ports[i].name[0])
			problem_add(r->problems, PROBLEM_REQUIRED, ports[i].at,
				    "a port of several needs a name");
}

static void service_check(struct reading *r, void *draft)
{
	struct draft_service *s = draft;
	const struct draft_text *more = s->cluster_ips.items;
	const struct draft_address *external = s->external_ips.items;

	s->vips.items = arena_array(r->arena, struct draft_address,
				    1 + s->cluster_ips.count + s->external_ips.count);
	if (!s->vips.items)
		return;
	if (s->cluster_ips.count && s->cluster_ip.text != more[0].text)
		problem_add(r->problems, PROBLEM_VALUE, s->cluster_ips.at,
			    "the first of clusterIPs is not clusterIP");
	vip_add(r, s, &s->cluster_ip);
	for (uint32_t i = 0; i < s->cluster_ips.count; i++)
		vip_add(r, s, &more[i]);
	for (uint32_t i = 0; i < s->external_ips.count; i++)
		((struct draft_address *)s->vips.items)[s->vips.count++] = external[i];
	service_ports_check(r, s);
	if (s->type == SERVICE_EXTERNAL_NAME) {
		problem_add(r->problems, PROBLEM_HARMLESS, s->at,
			    "ExternalName is the cluster's DNS's work");
		problem_hint(r->problems, "a ServiceEntry names an external service to weft");
	}
	if (s->internal_policy)
		problem_add(r->problems, PROBLEM_NOT_HONOURED, s->at,
			    "internalTrafficPolicy: Local is not supported");
}

static const char *const service_types[] = {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName",
					    NULL};
static const char *const affinities[] = {"None", "ClientIP", NULL};
static const char *const families[] = {"IPv4", "IPv6", NULL};
static const char *const family_policies[] = {"SingleStack", "PreferDualStack", "RequireDualStack",
					      NULL};
static const char *const local_policies[] = {"Cluster", "Local", NULL};
static const char *const distributions[] = {"", "PreferClose", "PreferSameZone", "PreferSameNode",
					    NULL};

SCHEMA(service, SERVICE_FIELDS, "Service.spec", .check = service_check);

/* ---- EndpointSlice */

static SCHEMA(conditions, CONDITIONS_FIELDS, "EndpointSlice.endpoints.conditions");
static SCHEMA(target, TARGET_FIELDS, "EndpointSlice.endpoints.targetRef", .open = true);

static uint8_t health_of(const struct draft_conditions *c)
{
	bool ready = !c || c->ready != 0;
	bool serving = c && (c->serving == 1 || (c->serving < 0 && ready));

	if (ready)
		return MESH_READY;
	return serving && c->terminating == 1 ? MESH_DRAINING : MESH_NOT_READY;
}

static void slice_endpoint_check(struct reading *r, void *draft)
{
	struct draft_slice_endpoint *e = draft;
	char text[256];
	int n = snprintf(text, sizeof(text), "/%s", e->zone);

	if (e->zone[0] && n < (int)sizeof(text)) {
		e->locality = pool_locality(r->pool, (struct slice){text, (size_t)n});
		r->arena->failed |= !e->locality;
	}
	e->name = e->target ? e->target->name : pool_empty;
	e->health = health_of(e->conditions);
	if (e->addresses.count && e->addresses.items)
		memcpy(e->address, ((struct draft_address *)e->addresses.items)->prefix.address,
		       sizeof(e->address));
}

static SCHEMA(slice_endpoint, SLICE_ENDPOINT_FIELDS, "EndpointSlice.endpoints",
	      .check = slice_endpoint_check);
SCHEMA_AS(slice_port, port, SLICE_PORT_FIELDS, "EndpointSlice.ports");

static const char *const address_types[] = {"IPv4", "IPv6", "FQDN", NULL};

/* Of one endpoint, whose addresses are all of the slice's family. */
static void family_check(struct reading *r, const struct draft_slice *s,
			 const struct draft_slice_endpoint *e)
{
	const struct draft_address *a = e->addresses.items;

	for (uint32_t i = 0; i < e->addresses.count; i++)
		if (a[i].prefix.bits && address_is_v4(a[i].prefix.address) != !s->address_type) {
			problem_add(r->problems, PROBLEM_ADDRESS, a[i].at,
				    "not an address of the slice's addressType %s",
				    address_types[s->address_type]);
			problem_hint(r->problems,
				     "a slice holds one family; the other one has a slice of its "
				     "own");
		}
}

/* Names tell ports apart; one may have none. */
static void slice_ports_check(struct reading *r, const struct draft_list *list)
{
	const struct draft_port *ports = list->items;

	for (uint32_t i = 0; i < list->count; i++)
		for (uint32_t j = 0; j < i; j++)
			if (ports[i].name == ports[j].name) {
				problem_add(r->problems, PROBLEM_DUPLICATE, ports[i].at,
					    "two ports have the name \"%s\"", ports[i].name);
				break;
			}
}

static void slice_check(struct reading *r, void *draft)
{
	const struct draft_slice *s = draft;
	const struct draft_slice_endpoint *endpoints = s->endpoints.items;

	slice_ports_check(r, &s->ports);
	for (uint32_t i = 0; i < s->endpoints.count && s->address_type != 2; i++)
		family_check(r, s, &endpoints[i]);

	if (s->address_type == 2)
		problem_add(r->problems, PROBLEM_UNSUPPORTED, s->at,
			    "endpoints by name (FQDN) are not supported");
}

SCHEMA(slice, SLICE_FIELDS, "EndpointSlice", .check = slice_check);

/* ---- Endpoints */

static SCHEMA(endpoints_address, ENDPOINTS_ADDRESS_FIELDS, "Endpoints.subsets.addresses");
static SCHEMA_AS(endpoints_port, port, ENDPOINTS_PORT_FIELDS, "Endpoints.subsets.ports");

static void endpoints_subset_check(struct reading *r, void *draft)
{
	const struct draft_endpoints_subset *s = draft;
	const struct draft_port *ports = s->ports.items;

	slice_ports_check(r, &s->ports);
	for (uint32_t i = 0; i < s->ports.count && s->ports.count > 1; i++)
		if (!ports[i].name[0])
			problem_add(r->problems, PROBLEM_REQUIRED, ports[i].at,
				    "a port of several needs a name");
}

static SCHEMA(endpoints_subset, ENDPOINTS_SUBSET_FIELDS, "Endpoints.subsets",
	      .check = endpoints_subset_check);
SCHEMA(endpoints, ENDPOINTS_FIELDS, "Endpoints");
