/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ServiceEntry, WorkloadEntry, WorkloadGroup, Workload and MeshSettings: their fields, and what is
 * read of them. */
#pragma once

#include "mesh-config/model/model.h"
#include "mesh-config/schema/draft_service.h"

#define ENTRY_COMMON_FIELDS(F, N, s)                                                               \
	F(s, ports, "ports", NUMBERS, "name of the service's port: port here", .min = 1,           \
	  .max = 65535, .form = FORM_DNS_LABEL)                                                    \
	F(s, labels, "labels", LABELS,                                                             \
	  "what selectors and subsets look at; beside those of metadata")                          \
	F(s, locality, "locality", LOCALITY, "where it runs")                                      \
	F(s, weight, "weight", NUMBER, "share of connections", .max = 1000000, DEFAULT(1))         \
	F(s, service_account, "serviceAccount", TEXT, "its identity, for principals")              \
	F(s, network, "network", WORD,                                                             \
	  "of no effect (a warning): weft connects directly, without gateways "                    \
	  "between networks")

#define WORKLOAD_ENTRY_FIELDS(F, N, s)                                                             \
	F(s, address, "address", WORD, "IPv4 or IPv6; needed unless network is given")             \
	ENTRY_COMMON_FIELDS(F, N, s)
/* |prefix|: that of |address|; bits 0 when it is none. */
DRAFT(workload_entry, WORKLOAD_ENTRY_FIELDS, struct mesh_prefix prefix;);

/* The address comes with each entry. */
#define TEMPLATE_FIELDS(F, N, s)                                                                   \
	F(s, address, "address", WORD, "that of every entry")                                      \
	ENTRY_COMMON_FIELDS(F, N, s)

#define GROUP_METADATA_FIELDS(F, N, s)                                                             \
	F(s, labels, "labels", LABELS, "of every entry")                                           \
	N(IGNORED, "annotations", ANNOTATIONS, "for people and programs")
DRAFT(group_metadata, GROUP_METADATA_FIELDS);

#define WORKLOAD_GROUP_FIELDS(F, N, s)                                                             \
	F(s, metadata, "metadata", OBJECT(group_metadata), "labels of every entry")                \
	F(s, template, "template", OBJECT_AS(template, workload_entry),                            \
	  "other fields of an entry", .required = true)                                            \
	N(WARNED(HARMLESS), "probe", SOME, "weft evaluates real traffic and sends no probes")
DRAFT(workload_group, WORKLOAD_GROUP_FIELDS);

#define SELECTOR_FIELDS(F, N, s)                                                                   \
	F(s, labels, "labels", LABELS, "that a workload must have", .form = FORM_SELECTOR)
DRAFT(selector, SELECTOR_FIELDS);

#define ENTRY_PORT_FIELDS(F, N, s)                                                                 \
	F(s, port, "number", NUMBER, "the port that clients connect to", .required = true,         \
	  .min = 1, .max = 65535)                                                                  \
	F(s, name, "name", TEXT, "name, unique in the service", .required = true,                  \
	  .form = FORM_DNS_LABEL)                                                                  \
	F(s, app_protocol_text, "protocol", TEXT,                                                  \
	  "HTTP, HTTPS, GRPC, GRPC-WEB, HTTP2, MONGO, TCP, TLS, UDP")                              \
	F(s, target, "targetPort", PORT_NAME, "port at the endpoints", .form = FORM_PORT_NUMBER,   \
	  UNSAID("number"))

enum service_resolution {
	RESOLUTION_NONE,
	RESOLUTION_STATIC,
	RESOLUTION_DNS,
	RESOLUTION_DNS_ROUND_ROBIN,
	RESOLUTION_DYNAMIC_DNS,
};

#define SERVICE_ENTRY_FIELDS(F, N, s)                                                              \
	F(s, hosts, "hosts", LIST(WORD), "names of the service", .required = true,                 \
	  .form = FORM_HOST_NOT_ALL)                                                               \
	F(s, addresses, "addresses", LIST(ADDRESS),                                                \
	  "virtual addresses or networks that are balanced")                                       \
	F(s, ports, "ports", LIST(OBJECT(entry_port)), "what clients connect to",                  \
	  .required = true)                                                                        \
	F(s, location, "location", ENUM(locations), "in the mesh or outside", DEFAULT(0))          \
	F(s, resolution, "resolution", ENUM(resolutions),                                          \
	  "STATIC: the endpoints below; NONE: where the client connects; by DNS: refused",         \
	  DEFAULT(0))                                                                              \
	F(s, endpoints, "endpoints", LIST(OBJECT(workload_entry)), "as in WorkloadEntry",          \
	  .one_of = 1)                                                                             \
	F(s, selector, "workloadSelector", OBJECT(selector),                                       \
	  "WorkloadEntries and Workloads of the namespace with these labels are endpoints",        \
	  .one_of = 1)                                                                             \
	F(s, export_to, "exportTo", LIST(WORD), "\"*\" only")                                      \
	N(REFUSED(SECURITY), "subjectAltNames", ANY,                                               \
	  "weft does not originate TLS and checks no certificates")
DRAFT(service_entry, SERVICE_ENTRY_FIELDS);

#define MATCH_FIELDS(F, N, s)                                                                      \
	F(s, ips, "ip", LIST(ADDRESS),                                                             \
	  "its addresses or networks; single addresses can be endpoints")
DRAFT_OF(match, MATCH_FIELDS, struct mesh_matcher, struct place executable_at, container_at;);

#define WORKLOAD_FIELDS(F, N, s)                                                                   \
	F(s, match, "match", LIST(OBJECT(match)),                                                  \
	  "ways to know it: within one entry everything must hold, of several entries one",        \
	  .required = true)                                                                        \
	F(s, labels, "labels", LABELS,                                                             \
	  "what selectors and subsets look at; beside those of metadata")                          \
	F(s, service_account, "serviceAccount", TEXT, "its identity, for principals")              \
	F(s, locality, "locality", LOCALITY, "where it runs")                                      \
	F(s, ports, "ports", NUMBERS, "name of the service's port: port here", .min = 1,           \
	  .max = 65535, .form = FORM_DNS_LABEL)                                                    \
	F(s, weight, "weight", NUMBER, "share of connections", .max = 1000000, DEFAULT(1))
DRAFT(workload, WORKLOAD_FIELDS);

DRAFT_OF(settings, NO_FIELDS, struct mesh_settings);
extern const struct schema settings_schema, match_schema;
