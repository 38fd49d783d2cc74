// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tables of ServiceEntry, WorkloadEntry, WorkloadGroup and Workload. */
#include "mesh-config/schema/kinds_ports.h"

#include "mesh-config/model/programs.h"
#include "mesh-config/schema/draft.h"

#include <limits.h>

/* ---- WorkloadEntry */

static void template_check(struct reading *r, void *draft)
{
	struct draft_workload_entry *w = draft;
	struct slice text = {w->address.text, strlen(w->address.text)};
	bool clean;

	if (w->network.text[0])
		problem_add(r->problems, PROBLEM_HARMLESS, w->network.at,
			    "\"network\": weft connects directly, gateways between networks are "
			    "not used");
	if (!text.size_bytes || (form_fits(FORM_ADDRESS, text) && !strchr(text.data, '/') &&
				 prefix_parse(text, &w->prefix, &clean)))
		return;
	w->prefix.bits = 0;
	if (slice_starts_with(text, SLICE("unix:")))
		problem_add(r->problems, PROBLEM_UNSUPPORTED, w->address.at,
			    "addresses of unix sockets are not supported");
	else if (strspn(text.data, "0123456789.:/") == text.size_bytes ||
		 !form_fits(FORM_DNS_NAME, text))
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_ADDRESS, w->address.at,
					 "\"%s\" is not an address", text.data),
			     "addresses look like 10.1.2.3 or fd00::1");
	else
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_UNSUPPORTED, w->address.at,
					 "endpoints by name (\"%s\") are not supported", text.data),
			     "write the address");
}

static void workload_entry_check(struct reading *r, void *draft)
{
	const struct draft_workload_entry *w = draft;

	template_check(r, draft);
	if (!w->address.text[0] && !w->network.text[0])
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_REQUIRED, w->at,
					 "field \"address\" is missing: nothing can be reached "
					 "there"),
			     "write an IPv4 or IPv6 address");
}

#define ENTRY_FIELDS                                                                               \
	FIELD(struct draft_workload_entry, ports, "ports", NUMBERS,                                \
	      "name of the service's port: port here", .min = 1, .max = 65535,                     \
	      .form = FORM_DNS_LABEL),                                                             \
		FIELD(struct draft_workload_entry, labels, "labels", LABELS,                       \
		      "what selectors and subsets look at; beside those of metadata"),             \
		FIELD(struct draft_workload_entry, locality, "locality", LOCALITY,                 \
		      "where it runs"),                                                            \
		FIELD(struct draft_workload_entry, weight, "weight", NUMBER,                       \
		      "share of connections", .max = 1000000, FIELD_DEFAULT(1, "1")),              \
		FIELD(struct draft_workload_entry, service_account, "serviceAccount", TEXT,        \
		      "its identity, for principals"),                                             \
		FIELD(struct draft_workload_entry, network, "network", WORD,                       \
		      "of no effect (a warning): weft connects directly, without gateways "        \
		      "between networks")

static const struct field workload_entry_schema_fields[] = {
	FIELD(struct draft_workload_entry, address, "address", WORD,
	      "IPv4 or IPv6; needed unless network is given"),
	ENTRY_FIELDS,
};
SCHEMA(workload_entry_schema, "WorkloadEntry.spec", struct draft_workload_entry,
       .check = workload_entry_check);

/* ---- WorkloadGroup */

/* The address comes with each entry. */
static const struct field template_schema_fields[] = {
	FIELD(struct draft_workload_entry, address, "address", WORD, "that of every entry"),
	ENTRY_FIELDS,
};
static SCHEMA(template_schema, "WorkloadGroup.spec.template", struct draft_workload_entry,
	      .check = template_check);

static const struct field group_metadata_schema_fields[] = {
	FIELD(struct draft_group_metadata, labels, "labels", LABELS, "of every entry"),
	FIELD_IGNORE("annotations", "for people and programs", FIELD_OF(ANNOTATIONS)),
};
static SCHEMA(group_metadata_schema, "WorkloadGroup.spec.metadata", struct draft_group_metadata);

static const struct field workload_group_schema_fields[] = {
	FIELD(struct draft_workload_group, metadata, "metadata", OBJECT, "labels of every entry",
	      .object = &group_metadata_schema),
	FIELD(struct draft_workload_group, template, "template", OBJECT, "other fields of an entry",
	      .object = &template_schema, .required = true),
	FIELD_WARN("probe", HARMLESS, "weft evaluates real traffic and sends no probes",
		   FIELD_OF_SOME_OBJECT),
};
SCHEMA(workload_group_schema, "WorkloadGroup.spec", struct draft_workload_group);

/* ---- ServiceEntry */

static const struct field selector_schema_fields[] = {
	FIELD(struct draft_selector, labels, "labels", LABELS, "that a workload must have",
	      .form = FORM_SELECTOR),
};
SCHEMA(selector_schema, "workloadSelector", struct draft_selector);

static bool is_entry_protocol(const char *text)
{
	static const char *const known[] = {"HTTP",  "HTTPS",	   "GRPC",  "GRPC-WEB",
					    "HTTP2", "HTTP_PROXY", "MONGO", "TCP",
					    "TLS",   "UDP",	   "REDIS", "MYSQL"};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcasecmp(text, known[i]))
			return true;
	return !text[0];
}

static void entry_port_check(struct reading *r, void *draft)
{
	struct draft_port *p = draft;

	p->app_protocol = app_protocol_of(p->app_protocol_text);
	p->protocol = strcasecmp(p->app_protocol_text, "UDP") == 0 ? MESH_UDP : MESH_TCP;
	if (!is_entry_protocol(p->app_protocol_text))
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_VALUE, p->at,
					 "\"%s\" is not a protocol of a port",
					 p->app_protocol_text),
			     "allowed: HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, TCP, TLS, UDP");
}

static const struct field entry_port_schema_fields[] = {
	FIELD(struct draft_port, port, "number", NUMBER, "the port that clients connect to",
	      .required = true, .min = 1, .max = 65535),
	FIELD(struct draft_port, name, "name", TEXT, "name, unique in the service",
	      .required = true, .form = FORM_DNS_LABEL),
	FIELD(struct draft_port, app_protocol_text, "protocol", TEXT,
	      "HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, TCP, TLS, UDP"),
	FIELD(struct draft_port, target, "targetPort", PORT_NAME, "port at the endpoints",
	      .form = FORM_PORT_NUMBER, .fallback_text = "number"),
};
static SCHEMA(entry_port_schema, "ServiceEntry.spec.ports", struct draft_port,
	      .check = entry_port_check);

static const char *const locations[] = {"MESH_EXTERNAL", "MESH_INTERNAL", NULL};
static const char *const resolutions[] = {"NONE",	 "STATIC", "DNS", "DNS_ROUND_ROBIN",
					  "DYNAMIC_DNS", NULL};

void export_check(struct reading *r, const struct draft_list *export_to)
{
	const struct draft_text *names = export_to->items;

	for (uint32_t i = 0; i < export_to->count; i++)
		if (i && names[i].text == names[i - 1].text)
			problem_add(r->problems, PROBLEM_DUPLICATE, names[i].at,
				    "\"%s\" is there twice", names[i].text);
		else if (strcmp(names[i].text, "*") != 0)
			problem_hint(r->problems,
				     problem_add(r->problems, PROBLEM_NOT_HONOURED, names[i].at,
						 "\"exportTo: %s\": objects are seen in every "
						 "namespace",
						 names[i].text),
				     "leave exportTo out, or write \"*\"");
}

static bool entry_has_port(const struct draft_service_entry *s, const char *name)
{
	const struct draft_port *ports = s->ports.items;

	for (uint32_t i = 0; i < s->ports.count; i++)
		if (ports[i].name == name)
			return true;
	return false;
}

static void entry_endpoints_check(struct reading *r, const struct draft_service_entry *s)
{
	const struct draft_workload_entry *endpoints = s->endpoints.items;

	for (uint32_t i = 0; i < s->endpoints.count; i++) {
		const struct draft_number *ports = endpoints[i].ports.items;

		for (uint32_t j = 0; j < endpoints[i].ports.count; j++)
			if (!entry_has_port(s, ports[j].key))
				problem_hint(r->problems,
					     problem_add(r->problems, PROBLEM_NO_PORT, ports[j].at,
							 "the ServiceEntry has no port \"%s\"",
							 ports[j].key),
					     "keys of ports are names of the ServiceEntry's ports");
	}
}

/* Plain TCP does not say which of several hosts it means. */
static void entry_hosts_check(struct reading *r, const struct draft_service_entry *s)
{
	const struct draft_port *ports = s->ports.items;

	if (s->resolution == RESOLUTION_NONE || s->hosts.count < 2)
		return;
	for (uint32_t i = 0; i < s->ports.count; i++)
		if (!ports[i].app_protocol || ports[i].app_protocol == MESH_APP_TCP ||
		    ports[i].protocol == MESH_UDP) {
			problem_hint(
				r->problems,
				problem_add(r->problems, PROBLEM_EXCLUSIVE, ports[i].at,
					    "several hosts and a port that is neither HTTP nor "
					    "TLS exclude each other"),
				"give each host a ServiceEntry with an address of its own");
			return;
		}
}

static void service_entry_check(struct reading *r, void *draft)
{
	const struct draft_service_entry *s = draft;
	const struct draft_text *hosts = s->hosts.items;

	export_check(r, &s->export_to);
	entry_endpoints_check(r, s);
	entry_hosts_check(r, s);
	if (s->resolution >= RESOLUTION_DNS)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_UNSUPPORTED, s->at,
					 "resolution %s is not supported",
					 resolutions[s->resolution]),
			     "list the addresses with resolution: STATIC, or leave connections "
			     "alone with NONE");
	if (s->resolution == RESOLUTION_NONE && s->endpoints.count)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_VALUE, s->endpoints.at,
					 "endpoints need resolution: STATIC"),
			     "with NONE connections go to the address they name");
	for (uint32_t i = 0; i < s->hosts.count; i++)
		if (strchr(hosts[i].text, '*') &&
		    (strncmp(hosts[i].text, "*.", 2) != 0 || s->resolution != RESOLUTION_NONE))
			problem_add(r->problems, PROBLEM_UNSUPPORTED, hosts[i].at,
				    "\"%s\": wildcards stand first and need resolution: NONE",
				    hosts[i].text);
}

static const struct field service_entry_schema_fields[] = {
	FIELD(struct draft_service_entry, hosts, "hosts", WORD, "names of the service",
	      .list = true, .required = true, .form = FORM_HOST_NOT_ALL),
	FIELD(struct draft_service_entry, addresses, "addresses", ADDRESS,
	      "virtual addresses or networks that are balanced", .list = true),
	FIELD(struct draft_service_entry, ports, "ports", OBJECT, "what clients connect to",
	      .object = &entry_port_schema, .list = true, .required = true),
	FIELD(struct draft_service_entry, location, "location", ENUM, "in the mesh or outside",
	      .words = locations, FIELD_DEFAULT(0, "MESH_EXTERNAL")),
	FIELD(struct draft_service_entry, resolution, "resolution", ENUM,
	      "STATIC: the endpoints below; NONE: where the client connects; by DNS: refused",
	      .words = resolutions, FIELD_DEFAULT(0, "NONE")),
	FIELD(struct draft_service_entry, endpoints, "endpoints", OBJECT, "as in WorkloadEntry",
	      .object = &workload_entry_schema, .list = true, .one_of = 1),
	FIELD(struct draft_service_entry, selector, "workloadSelector", OBJECT,
	      "WorkloadEntries and Workloads of the namespace with these labels are endpoints",
	      .object = &selector_schema, .one_of = 1),
	FIELD(struct draft_service_entry, export_to, "exportTo", WORD, "\"*\" only", .list = true),
	FIELD_REFUSE("subjectAltNames", SECURITY,
		     "weft does not originate TLS and checks no certificates"),
};
SCHEMA(service_entry_schema, "ServiceEntry.spec", struct draft_service_entry,
       .check = service_entry_check);

/* ---- Workload */

static void path_check(struct reading *r, const struct draft_text *executable)
{
	const char *problem = program_path_problem(executable->text);

	if (strchr(executable->text, '*'))
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_UNSUPPORTED, executable->at,
					 "a \"*\" in a path is not supported"),
			     "write each whole path, or \"*/NAME\" for each name");
	else if (problem)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_VALUE, executable->at, "\"%s\" %s",
					 executable->text, problem),
			     "write what /proc/PID/exe of the running program is");
}

static void name_check(struct reading *r, const struct draft_text *executable)
{
	const char *last = program_name(executable->text);

	if (!*last || strlen(last) > NAME_MAX)
		problem_add(r->problems, PROBLEM_VALUE, executable->at,
			    "\"%s\" is not the name of a file", last);
	else if (strchr(last, '*'))
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_UNSUPPORTED, executable->at,
					 "a \"*\" in the last part of a path is not supported"),
			     "write \"*/NAME\" for each name");
	else if (last != executable->text + 2)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_HARMLESS, executable->at,
					 "only \"%s\" is compared: a program of this name fits "
					 "wherever it lies",
					 last),
			     "write \"*/%s\", or the whole path", last);
}

static void executable_check(struct reading *r, const struct draft_match *m)
{
	const char *text = m->executable.text;

	if (text[0] == '*')
		name_check(r, &m->executable);
	else if (text[0] == '/')
		path_check(r, &m->executable);
	else if (text[0])
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_VALUE, m->executable.at,
					 "\"%s\" is not the path of an executable", text),
			     "write the whole path, or \"*/%s\"", text);
	else if (m->executable_owner != UINT32_MAX)
		problem_add(r->problems, PROBLEM_REQUIRED, m->at,
			    "\"executableOwner\" is about an \"executable\", which is missing");
}

static void match_check(struct reading *r, void *draft)
{
	const struct draft_match *m = draft;

	if (m->container.text[0] && strlen(m->container.text) < 12)
		problem_add(r->problems, PROBLEM_VALUE, m->container.at,
			    "\"%s\" is shorter than 12 digits of a container's id",
			    m->container.text);
	executable_check(r, m);
	if (!m->ips.count && !m->executable.text[0] && !m->systemd_unit.text[0] &&
	    !m->cgroup.text[0] && !m->container.text[0] && !m->netns.text[0] &&
	    m->uid == UINT32_MAX)
		problem_add(r->problems, PROBLEM_REQUIRED, m->at,
			    "an empty match would be every program of the node");
}

static const struct field match_schema_fields[] = {
	FIELD(struct draft_match, ips, "ip", ADDRESS,
	      "its addresses or networks; single addresses can be endpoints", .list = true),
	FIELD(struct draft_match, executable, "executable", WORD,
	      "whole path of the binary, as /proc/PID/exe has it; or \"*/NAME\", for a program of "
	      "this name wherever it lies"),
	FIELD(struct draft_match, executable_owner, "executableOwner", NUMBER,
	      "user who may change the executable and the directories above it, besides root; 0: "
	      "root alone",
	      .fallback = UINT32_MAX, .max = UINT32_MAX - 1),
	FIELD(struct draft_match, systemd_unit, "systemdUnit", WORD, "nginx.service"),
	FIELD(struct draft_match, cgroup, "cgroup", WORD,
	      "path of the control group below its mount; * at the end"),
	FIELD(struct draft_match, container, "container", WORD,
	      "id of the container, at least 12 digits"),
	FIELD(struct draft_match, netns, "netns", WORD, "name of the network namespace"),
	FIELD(struct draft_match, uid, "uid", NUMBER, "user it runs as", .fallback = UINT32_MAX,
	      .max = UINT32_MAX - 1),
};
static SCHEMA(match_schema, "Workload.spec.match", struct draft_match, .check = match_check);

static const struct field workload_schema_fields[] = {
	FIELD(struct draft_workload, match, "match", OBJECT,
	      "ways to know it: within one entry everything must hold, of several entries one",
	      .object = &match_schema, .list = true, .required = true),
	FIELD(struct draft_workload, labels, "labels", LABELS,
	      "what selectors and subsets look at; beside those of metadata"),
	FIELD(struct draft_workload, service_account, "serviceAccount", TEXT,
	      "its identity, for principals"),
	FIELD(struct draft_workload, locality, "locality", LOCALITY, "where it runs"),
	FIELD(struct draft_workload, ports, "ports", NUMBERS,
	      "name of the service's port: port here", .min = 1, .max = 65535,
	      .form = FORM_DNS_LABEL),
	FIELD(struct draft_workload, weight, "weight", NUMBER, "share of connections",
	      .max = 1000000, FIELD_DEFAULT(1, "1")),
};
SCHEMA(workload_schema, "Workload.spec", struct draft_workload);

static const struct field mesh_settings_schema_fields[] = {
	FIELD(struct draft_settings, root_namespace, "rootNamespace", TEXT,
	      "policies here hold for the whole mesh", .form = FORM_NAMESPACE,
	      .fallback_text = "istio-system"),
	FIELD(struct draft_settings, trust_domain, "trustDomain", TEXT, "of principals",
	      .fallback_text = "cluster.local"),
	FIELD(struct draft_settings, cluster_domain, "clusterDomain", TEXT,
	      "suffix of the names of Kubernetes services", .fallback_text = "cluster.local"),
	FIELD(struct draft_settings, node_name, "nodeName", TEXT, "of this node in Kubernetes"),
	FIELD(struct draft_settings, locality, "locality", LOCALITY, "of this node"),
};
SCHEMA(mesh_settings_schema, "MeshSettings.spec", struct draft_settings);
