// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tables of Service, EndpointSlice and Endpoints. */
#include "mesh-config/schema/kinds_ports.h"

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

static const struct field service_port_schema_fields[] = {
	FIELD(struct draft_port, name, "name", TEXT,
	      "name, unique in the service; needed where there are several",
	      .form = FORM_PORT_NAME),
	FIELD(struct draft_port, port, "port", NUMBER, "the port that clients connect to",
	      .required = true, .min = 1, .max = 65535),
	FIELD(struct draft_port, target, "targetPort", PORT_NAME,
	      "port at the endpoints, or its name there", .form = FORM_PORT_TARGET,
	      .fallback_text = "port"),
	FIELD(struct draft_port, protocol, "protocol", ENUM, "transport", .words = protocols,
	      FIELD_DEFAULT(0, "TCP")),
	FIELD(struct draft_port, app_protocol_text, "appProtocol", TEXT,
	      "application protocol; else from the name of the port (http, grpc-web, ...)",
	      .form = FORM_QUALIFIED),
	FIELD_IGNORE("nodePort", "node ports are handled by kube-proxy", FIELD_OF(NUMBER),
		     .max = 65535),
};
static SCHEMA(service_port_schema, "Service.spec.ports", struct draft_port, .check = port_check);

/* ---- Service */

static const struct field client_ip_schema_fields[] = {
	FIELD(struct draft_client_ip, timeout_s, "timeoutSeconds", NUMBER,
	      "how long a client keeps its endpoint", .min = 1, .max = 86400,
	      FIELD_DEFAULT(10800, "10800")),
};
static SCHEMA(client_ip_schema, "Service.spec.sessionAffinityConfig.clientIP",
	      struct draft_client_ip);

static const struct field affinity_config_schema_fields[] = {
	FIELD(struct draft_affinity_config, client_ip, "clientIP", OBJECT, "of ClientIP affinity",
	      .object = &client_ip_schema),
};
static SCHEMA(affinity_config_schema, "Service.spec.sessionAffinityConfig",
	      struct draft_affinity_config);

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
	if (!prefix_parse((struct slice){text->text, strlen(text->text)}, &vip->prefix, &clean) ||
	    strchr(text->text, '/')) {
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_ADDRESS, text->at,
					 "\"%s\" is not an address", text->text),
			     "an IPv4 or IPv6 address, or None");
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

	if (!s->ports.count && !s->headless && s->type != SERVICE_EXTERNAL_NAME)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_REQUIRED,
					 s->ports.at.line ? s->ports.at : s->at,
					 "a Service without ports: nothing can connect to it"),
			     "only headless ones (clusterIP: None) and ExternalName need none");
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
	if (s->type == SERVICE_EXTERNAL_NAME)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_HARMLESS, s->at,
					 "ExternalName is the cluster's DNS's work"),
			     "a ServiceEntry names an external service to weft");
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

static const struct field service_schema_fields[] = {
	FIELD(struct draft_service, cluster_ip, "clusterIP", WORD,
	      "virtual address; None: headless, known by name only"),
	FIELD(struct draft_service, cluster_ips, "clusterIPs", WORD, "both of a dual-stack service",
	      .list = true),
	FIELD(struct draft_service, external_ips, "externalIPs", ADDRESS,
	      "more addresses that are balanced", .list = true, .form = FORM_SINGLE_ADDRESS),
	FIELD(struct draft_service, ports, "ports", OBJECT, "what clients connect to",
	      .object = &service_port_schema, .list = true),
	FIELD(struct draft_service, selector, "selector", LABELS,
	      "WorkloadEntries and Workloads of the namespace with these labels are endpoints, "
	      "beside those of EndpointSlices"),
	FIELD(struct draft_service, type, "type", ENUM, "how it is published",
	      .words = service_types, FIELD_DEFAULT(0, "ClusterIP")),
	FIELD(struct draft_service, affinity, "sessionAffinity", ENUM,
	      "ClientIP: a client keeps its endpoint", .words = affinities,
	      FIELD_DEFAULT(0, "None")),
	FIELD(struct draft_service, affinity_config, "sessionAffinityConfig", OBJECT,
	      "duration of the affinity", .object = &affinity_config_schema),
	FIELD(struct draft_service, publish_not_ready, "publishNotReadyAddresses", BOOL,
	      "endpoints that are not ready count as ready", FIELD_DEFAULT(0, "false")),
	FIELD(struct draft_service, internal_policy, "internalTrafficPolicy", ENUM,
	      "Local is refused: it would be ignored", .words = local_policies,
	      FIELD_DEFAULT(0, "Cluster")),
	FIELD_IGNORE("ipFamilies", "determined by the addresses", FIELD_OF(ENUM), .words = families,
		     .list = true),
	FIELD_IGNORE("ipFamilyPolicy", "determined by the addresses", FIELD_OF(ENUM),
		     .words = family_policies),
	FIELD_IGNORE("externalName", "the cluster's DNS answers it", FIELD_OF(TEXT)),
	FIELD_IGNORE("externalTrafficPolicy", "for external traffic, which weft does not handle",
		     FIELD_OF(ENUM), .words = local_policies),
	FIELD_IGNORE("healthCheckNodePort", "for the load balancer", FIELD_OF(NUMBER)),
	FIELD_IGNORE("allocateLoadBalancerNodePorts", "for the load balancer", FIELD_OF(BOOL)),
	FIELD_IGNORE("loadBalancerClass", "for the load balancer", FIELD_OF(TEXT),
		     .form = FORM_QUALIFIED),
	FIELD_IGNORE("loadBalancerIP", "for the load balancer", FIELD_OF(TEXT)),
	FIELD_WARN("loadBalancerSourceRanges", HARMLESS,
		   "traffic from outside is the load balancer's; an AuthorizationPolicy limits it "
		   "here",
		   FIELD_OF(TEXT), .list = true, .form = FORM_ADDRESS),
	FIELD(struct draft_service, distribution, "trafficDistribution", ENUM,
	      "endpoints near this node (locality in MeshSettings) are preferred",
	      .words = distributions, FIELD_DEFAULT(0, "all alike")),
};
SCHEMA(service_schema, "Service.spec", struct draft_service, .check = service_check);

/* ---- EndpointSlice */

/* What every object has beside its own fields. */
#define OBJECT_FIELDS                                                                              \
	FIELD_IGNORE("apiVersion", "group and version"), FIELD_IGNORE("kind", "the kind"),         \
		FIELD_IGNORE("metadata", "name, namespace, labels, annotations"),                  \
		FIELD_IGNORE("status", "set by a controller")

static const struct field conditions_schema_fields[] = {
	FIELD(struct draft_conditions, ready, "ready", BOOL, "may get connections",
	      FIELD_DEFAULT((uint32_t)-1, "true")),
	FIELD(struct draft_conditions, serving, "serving", BOOL, "still serving",
	      FIELD_DEFAULT((uint32_t)-1, "as ready")),
	FIELD(struct draft_conditions, terminating, "terminating", BOOL,
	      "terminating: used only if no endpoint is ready",
	      FIELD_DEFAULT((uint32_t)-1, "false")),
};
static SCHEMA(conditions_schema, "EndpointSlice.endpoints.conditions", struct draft_conditions);

static const struct field target_schema_fields[] = {
	FIELD(struct draft_target, kind, "kind", TEXT,
	      "Pod; with Node the endpoint is no workload, as the address is the node's"),
	FIELD(struct draft_target, name, "name", TEXT, "of the pod"),
};
static SCHEMA(target_schema, "EndpointSlice.endpoints.targetRef", struct draft_target,
	      .open = true);

static const struct field slice_endpoint_schema_fields[] = {
	FIELD(struct draft_slice_endpoint, addresses, "addresses", ADDRESS, "where it listens",
	      .list = true, .required = true, .form = FORM_SINGLE_ADDRESS),
	FIELD(struct draft_slice_endpoint, conditions, "conditions", OBJECT, "whether it is used",
	      .object = &conditions_schema),
	FIELD(struct draft_slice_endpoint, target, "targetRef", OBJECT, "the pod",
	      .object = &target_schema),
	FIELD(struct draft_slice_endpoint, node_name, "nodeName", TEXT, "the node it is on",
	      .form = FORM_OBJECT_NAME),
	FIELD(struct draft_slice_endpoint, zone, "zone", TEXT, "zone of its locality"),
	FIELD_IGNORE("hostname", "of DNS", FIELD_OF(TEXT), .form = FORM_NAMESPACE),
	FIELD_IGNORE("hints", "kube-proxy's topology hints", FIELD_OF_SOME_OBJECT),
	FIELD_IGNORE("deprecatedTopology", "of older versions", FIELD_OF(LABELS)),
	FIELD_IGNORE("topology", "of older versions"),
};

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

static SCHEMA(slice_endpoint_schema, "EndpointSlice.endpoints", struct draft_slice_endpoint,
	      .check = slice_endpoint_check);

#define SLICE_PORT_FIELDS(...)                                                                     \
	FIELD(struct draft_port, name, "name", TEXT, "name of the service's port",                 \
	      .form = FORM_PORT_NAME),                                                             \
		FIELD(struct draft_port, port, "port", NUMBER, "where the endpoints listen",       \
		      .min = 1, .max = 65535, ##__VA_ARGS__),                                      \
		FIELD(struct draft_port, protocol, "protocol", ENUM, "transport",                  \
		      .words = protocols, FIELD_DEFAULT(0, "TCP")),                                \
		FIELD(struct draft_port, app_protocol_text, "appProtocol", TEXT,                   \
		      "as in the service", .form = FORM_QUALIFIED)

static const struct field slice_port_schema_fields[] = {
	SLICE_PORT_FIELDS(),
};
SCHEMA(slice_port_schema, "EndpointSlice.ports", struct draft_port);

static const char *const address_types[] = {"IPv4", "IPv6", "FQDN", NULL};

static const struct field endpoint_slice_schema_fields[] = {
	OBJECT_FIELDS,
	FIELD(struct draft_slice, address_type, "addressType", ENUM, "FQDN is refused",
	      .words = address_types, .required = true),
	FIELD(struct draft_slice, endpoints, "endpoints", OBJECT, "the endpoints",
	      .object = &slice_endpoint_schema, .list = true),
	FIELD(struct draft_slice, ports, "ports", OBJECT, "of all of them",
	      .object = &slice_port_schema, .list = true),
};

/* Of one endpoint, whose addresses are all of the slice's family. */
static void family_check(struct reading *r, const struct draft_slice *s,
			 const struct draft_slice_endpoint *e)
{
	static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};
	const struct draft_address *a = e->addresses.items;

	for (uint32_t i = 0; i < e->addresses.count; i++)
		if (a[i].prefix.bits &&
		    !memcmp(a[i].prefix.address, v4, sizeof(v4)) != !s->address_type)
			problem_hint(r->problems,
				     problem_add(r->problems, PROBLEM_ADDRESS, a[i].at,
						 "not an address of the slice's addressType %s",
						 address_types[s->address_type]),
				     "a slice holds one family; the other one has a slice of its "
				     "own");
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

SCHEMA(endpoint_slice_schema, "EndpointSlice", struct draft_slice, .check = slice_check);

/* ---- Endpoints */

static const struct field endpoints_address_schema_fields[] = {
	FIELD(struct draft_endpoints_address, ip, "ip", ADDRESS, "where it listens",
	      .required = true, .form = FORM_SINGLE_ADDRESS),
	FIELD(struct draft_endpoints_address, target, "targetRef", OBJECT, "the pod",
	      .object = &target_schema),
	FIELD(struct draft_endpoints_address, node_name, "nodeName", TEXT, "the node it is on",
	      .form = FORM_OBJECT_NAME),
	FIELD_IGNORE("hostname", "of DNS", FIELD_OF(TEXT), .form = FORM_NAMESPACE),
};
static SCHEMA(endpoints_address_schema, "Endpoints.subsets.addresses",
	      struct draft_endpoints_address);

static const struct field endpoints_port_schema_fields[] = {
	SLICE_PORT_FIELDS(.required = true),
};
static SCHEMA(endpoints_port_schema, "Endpoints.subsets.ports", struct draft_port);

static const struct field endpoints_subset_schema_fields[] = {
	FIELD(struct draft_endpoints_subset, ready, "addresses", OBJECT, "endpoints in use",
	      .object = &endpoints_address_schema, .list = true),
	FIELD(struct draft_endpoints_subset, not_ready, "notReadyAddresses", OBJECT,
	      "endpoints not in use", .object = &endpoints_address_schema, .list = true),
	FIELD(struct draft_endpoints_subset, ports, "ports", OBJECT, "of all of them",
	      .object = &endpoints_port_schema, .list = true),
};

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

static SCHEMA(endpoints_subset_schema, "Endpoints.subsets", struct draft_endpoints_subset,
	      .check = endpoints_subset_check);

static const struct field endpoints_schema_fields[] = {
	OBJECT_FIELDS,
	FIELD(struct draft_endpoints, subsets, "subsets", OBJECT, "endpoints by their ports",
	      .object = &endpoints_subset_schema, .list = true),
};
SCHEMA(endpoints_schema, "Endpoints", struct draft_endpoints);
