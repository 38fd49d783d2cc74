// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Table of PeerAuthentication: weft leaves connections as their programs made them, which is what
 * PERMISSIVE and DISABLE ask for; STRICT promises more. */
#include "mesh-config/schema/kinds_ports.h"

#include "mesh-config/schema/draft.h"

static const char *const peer_modes[] = {"UNSET", "DISABLE", "PERMISSIVE", "STRICT", NULL};

static void mode_check(struct reading *r, uint8_t mode, struct place at)
{
	if (mode == PEER_STRICT) {
		problem_add(r->problems, PROBLEM_SECURITY, at,
			    "STRICT: weft does not keep plain text out");
		problem_hint(r->problems,
			     "deny by workload, namespace and address with an AuthorizationPolicy; "
			     "PERMISSIVE, DISABLE and UNSET are what happens here");
	}
}

static void mtls_check(struct reading *r, void *draft)
{
	const struct draft_mtls *m = draft;

	mode_check(r, m->mode, m->at);
}

static SCHEMA(mtls, MTLS_FIELDS, "PeerAuthentication.spec.mtls", .check = mtls_check);

static void port_mtls_check(struct reading *r, void *draft)
{
	const struct draft_port_mtls *m = draft;

	mode_check(r, m->mode, m->at);
}

static SCHEMA(port_mtls, PORT_MTLS_FIELDS, "PeerAuthentication.spec.portLevelMtls",
	      .check = port_mtls_check);

static void ports_check(struct reading *r, const struct draft_peer *p)
{
	const struct draft_port_mtls *ports = p->ports.items;

	if (!p->ports.count)
		problem_add(r->problems, PROBLEM_REQUIRED, p->ports.at,
			    "field \"portLevelMtls\" is empty");
	if (!p->selector || !p->selector->labels->count) {
		problem_add(r->problems, PROBLEM_REQUIRED, p->ports.at,
			    "portLevelMtls needs a selector");
		problem_hint(r->problems, "ports are those of single workloads");
	}
	for (uint32_t i = 0; i < p->ports.count; i++) {
		struct slice port = slice_of(ports[i].port);

		if (!form_fits(FORM_PORT_NUMBER, port)) {
			problem_add(r->problems, PROBLEM_VALUE, ports[i].at, "\"%s\" is not a port",
				    ports[i].port);
			problem_hint(r->problems, "%s", form_hint(FORM_PORT_NUMBER));
		}
	}
}

static void peer_check(struct reading *r, void *draft)
{
	const struct draft_peer *p = draft;

	if (p->ports.at.line)
		ports_check(r, p);
}

SCHEMA(peer, PEER_FIELDS, "PeerAuthentication.spec", .check = peer_check);
