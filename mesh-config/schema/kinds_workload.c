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
	struct slice text = slice_of(w->address.text);
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
		 !form_fits(FORM_DNS_NAME, text)) {
		problem_add(r->problems, PROBLEM_ADDRESS, w->address.at, "\"%s\" is not an address",
			    text.data);
		problem_hint(r->problems, "addresses look like 10.1.2.3 or fd00::1");
	} else {
		problem_add(r->problems, PROBLEM_UNSUPPORTED, w->address.at,
			    "endpoints by name (\"%s\") are not supported", text.data);
		problem_hint(r->problems, "write the address");
	}
}

static void workload_entry_check(struct reading *r, void *draft)
{
	const struct draft_workload_entry *w = draft;

	template_check(r, draft);
	if (!w->address.text[0] && !w->network.text[0]) {
		problem_add(r->problems, PROBLEM_REQUIRED, w->at,
			    "field \"address\" is missing: nothing can be reached "
			    "there");
		problem_hint(r->problems, "write an IPv4 or IPv6 address");
	}
}

SCHEMA(workload_entry, WORKLOAD_ENTRY_FIELDS, "WorkloadEntry.spec", .check = workload_entry_check);

/* ---- WorkloadGroup */

static SCHEMA_AS(template, workload_entry, TEMPLATE_FIELDS, "WorkloadGroup.spec.template",
		 .check = template_check);
static SCHEMA(group_metadata, GROUP_METADATA_FIELDS, "WorkloadGroup.spec.metadata");
SCHEMA(workload_group, WORKLOAD_GROUP_FIELDS, "WorkloadGroup.spec");

/* ---- ServiceEntry */

SCHEMA(selector, SELECTOR_FIELDS, "workloadSelector");

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
	if (!is_entry_protocol(p->app_protocol_text)) {
		problem_add(r->problems, PROBLEM_VALUE, p->at, "\"%s\" is not a protocol of a port",
			    p->app_protocol_text);
		problem_hint(r->problems,
			     "allowed: HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, TCP, TLS, UDP");
	}
}

static SCHEMA_AS(entry_port, port, ENTRY_PORT_FIELDS, "ServiceEntry.spec.ports",
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
		else if (strcmp(names[i].text, "*") != 0) {
			problem_add(r->problems, PROBLEM_NOT_HONOURED, names[i].at,
				    "\"exportTo: %s\": objects are seen in every "
				    "namespace",
				    names[i].text);
			problem_hint(r->problems, "leave exportTo out, or write \"*\"");
		}
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
			if (!entry_has_port(s, ports[j].key)) {
				problem_add(r->problems, PROBLEM_NO_PORT, ports[j].at,
					    "the ServiceEntry has no port \"%s\"", ports[j].key);
				problem_hint(r->problems,
					     "keys of ports are names of the ServiceEntry's ports");
			}
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
			problem_add(r->problems, PROBLEM_EXCLUSIVE, ports[i].at,
				    "several hosts and a port that is neither HTTP nor "
				    "TLS exclude each other");
			problem_hint(r->problems,
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
	if (s->resolution >= RESOLUTION_DNS) {
		problem_add(r->problems, PROBLEM_UNSUPPORTED, s->at,
			    "resolution %s is not supported", resolutions[s->resolution]);
		problem_hint(r->problems,
			     "list the addresses with resolution: STATIC, or leave connections "
			     "alone with NONE");
	}
	if (s->resolution == RESOLUTION_NONE && s->endpoints.count) {
		problem_add(r->problems, PROBLEM_VALUE, s->endpoints.at,
			    "endpoints need resolution: STATIC");
		problem_hint(r->problems, "with NONE connections go to the address they name");
	}
	for (uint32_t i = 0; i < s->hosts.count; i++)
		if (strchr(hosts[i].text, '*') &&
		    (strncmp(hosts[i].text, "*.", 2) != 0 || s->resolution != RESOLUTION_NONE))
			problem_add(r->problems, PROBLEM_UNSUPPORTED, hosts[i].at,
				    "\"%s\": wildcards stand first and need resolution: NONE",
				    hosts[i].text);
}

SCHEMA(service_entry, SERVICE_ENTRY_FIELDS, "ServiceEntry.spec", .check = service_entry_check);

/* ---- Workload */

static void path_check(struct reading *r, const char *executable, struct place at)
{
	const char *problem = program_path_problem(executable);

	if (strchr(executable, '*')) {
		problem_add(r->problems, PROBLEM_UNSUPPORTED, at,
			    "a \"*\" in a path is not supported");
		problem_hint(r->problems, "write each whole path, or \"*/NAME\" for each name");
	} else if (problem) {
		problem_add(r->problems, PROBLEM_VALUE, at, "\"%s\" %s", executable, problem);
		problem_hint(r->problems, "write what /proc/PID/exe of the running program is");
	}
}

static void name_check(struct reading *r, const char *executable, struct place at)
{
	const char *last = program_name(executable);

	if (!*last || strlen(last) > NAME_MAX)
		problem_add(r->problems, PROBLEM_VALUE, at, "\"%s\" is not the name of a file",
			    last);
	else if (strchr(last, '*')) {
		problem_add(r->problems, PROBLEM_UNSUPPORTED, at,
			    "a \"*\" in the last part of a path is not supported");
		problem_hint(r->problems, "write \"*/NAME\" for each name");
	} else if (last != executable + 2) {
		problem_add(r->problems, PROBLEM_HARMLESS, at,
			    "only \"%s\" is compared: a program of this name fits "
			    "wherever it lies",
			    last);
		problem_hint(r->problems, "write \"*/%s\", or the whole path", last);
	}
}

static void executable_check(struct reading *r, const struct draft_match *m)
{
	const char *text = m->value.executable;
	struct place at = m->executable_at;

	if (text[0] == '*')
		name_check(r, text, at);
	else if (text[0] == '/')
		path_check(r, text, at);
	else if (text[0]) {
		problem_add(r->problems, PROBLEM_VALUE, at,
			    "\"%s\" is not the path of an executable", text);
		problem_hint(r->problems, "write the whole path, or \"*/%s\"", text);
	} else if (m->value.executable_owner != MESH_NONE)
		problem_add(r->problems, PROBLEM_REQUIRED, m->at,
			    "\"executableOwner\" is about an \"executable\", which is missing");
}

static void match_check(struct reading *r, void *draft)
{
	const struct draft_match *m = draft;

	if (m->value.container[0] && strlen(m->value.container) < 12)
		problem_add(r->problems, PROBLEM_VALUE, m->container_at,
			    "\"%s\" is shorter than 12 digits of a container's id",
			    m->value.container);
	executable_check(r, m);
	if (!m->ips.count &&
	    mesh_matcher_parts(&m->value) == (m->value.executable_owner != MESH_NONE))
		problem_add(r->problems, PROBLEM_REQUIRED, m->at,
			    "an empty match would be every program of the node");
}

SCHEMA_OF(match, MATCH_FIELDS, MATCHER_FIELDS, "Workload.spec.match", .check = match_check);
SCHEMA(workload, WORKLOAD_FIELDS, "Workload.spec");
SCHEMA_OF(settings, NO_FIELDS, SETTINGS_FIELDS, "MeshSettings.spec");
