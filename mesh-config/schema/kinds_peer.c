// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Table of PeerAuthentication: weft leaves connections as their programs made them, which is what
 * PERMISSIVE and DISABLE ask for; STRICT promises more. */
#include "mesh-config/schema/kinds_ports.h"

#include "mesh-config/schema/draft.h"

static const char *const modes[] = {"UNSET", "DISABLE", "PERMISSIVE", "STRICT", NULL};

static void mode_check(struct reading *r, uint8_t mode, struct place at)
{
	if (mode == PEER_STRICT)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_SECURITY, at,
					 "STRICT: weft does not keep plain text out"),
			     "deny by workload, namespace and address with an AuthorizationPolicy; "
			     "PERMISSIVE, DISABLE and UNSET are what happens here");
}

static void mtls_check(struct reading *r, void *draft)
{
	const struct draft_mtls *m = draft;

	mode_check(r, m->mode, m->at);
}

#define MODE_FIELD(draft)                                                                          \
	FIELD(draft, mode, "mode", ENUM, "STRICT is refused; other modes have no effect",          \
	      .words = modes, FIELD_DEFAULT(0, "UNSET"))

static const struct field mtls_schema_fields[] = {
	MODE_FIELD(struct draft_mtls),
};
static SCHEMA(mtls_schema, "PeerAuthentication.spec.mtls", struct draft_mtls, .check = mtls_check);

static void port_mtls_check(struct reading *r, void *draft)
{
	const struct draft_port_mtls *m = draft;

	mode_check(r, m->mode, m->at);
}

static const struct field port_mtls_schema_fields[] = {
	MODE_FIELD(struct draft_port_mtls),
};
static SCHEMA(port_mtls_schema, "PeerAuthentication.spec.portLevelMtls", struct draft_port_mtls,
	      .check = port_mtls_check);

static void ports_check(struct reading *r, const struct draft_peer *p)
{
	const struct draft_port_mtls *ports = p->ports.items;

	if (!p->ports.count)
		problem_add(r->problems, PROBLEM_REQUIRED, p->ports.at,
			    "field \"portLevelMtls\" is empty");
	if (!p->selector || !p->selector->labels->count)
		problem_hint(r->problems,
			     problem_add(r->problems, PROBLEM_REQUIRED, p->ports.at,
					 "portLevelMtls needs a selector"),
			     "ports are those of single workloads");
	for (uint32_t i = 0; i < p->ports.count; i++) {
		struct slice port = {ports[i].port, strlen(ports[i].port)};

		if (!form_fits(FORM_PORT_NUMBER, port))
			problem_hint(r->problems,
				     problem_add(r->problems, PROBLEM_VALUE, ports[i].at,
						 "\"%s\" is not a port", ports[i].port),
				     "%s", form_hint(FORM_PORT_NUMBER));
	}
}

static void peer_check(struct reading *r, void *draft)
{
	const struct draft_peer *p = draft;

	if (p->ports.at.line)
		ports_check(r, p);
}

static const struct field peer_authentication_schema_fields[] = {
	FIELD(struct draft_peer, selector, "selector", OBJECT, "workloads that it applies to",
	      .object = &match_labels_schema),
	FIELD(struct draft_peer, mtls, "mtls", OBJECT, "of every port", .object = &mtls_schema),
	FIELD(struct draft_peer, ports, "portLevelMtls", OBJECTS, "of single ports, by number",
	      .object = &port_mtls_schema),
};
SCHEMA(peer_authentication_schema, "PeerAuthentication.spec", struct draft_peer,
       .check = peer_check);
