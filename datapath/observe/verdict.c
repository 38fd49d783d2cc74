// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the mesh decided, with names in place of numbers. */
#include "datapath/observe/verdict.h"

#include <stdio.h>
#include <string.h>

#include "datapath/observe/identity.h"

static void name_set(char out[128], const char *name, bool there)
{
	snprintf(out, 128, "%s", !there ? "none" : *name ? name : "unknown");
}

void verdict_take(struct observe *o, const void *record)
{
	const struct weft_verdict *w = record;
	bool at_client = w->place == WEFT_PLACE_CONNECT;
	const struct weft_tuple *t = &w->tuple;
	struct endpoint local = {0}, remote = {0};
	struct observe_verdict_names names = {0};
	const struct identity *here, *there;
	struct verdict v = {
		.reporter = at_client ? REPORTER_SOURCE : REPORTER_DESTINATION,
		.verdict = w->verdict,
		.protocol = w->protocol,
		.rule = w->rule,
		.flags = w->verdict == WEFT_VERDICT_NO_ENDPOINT ? RESPONSE_FLAG(UH)
			 : w->verdict == WEFT_VERDICT_OVERFLOW	? RESPONSE_FLAG(UO)
								: 0,
		.time_ns = w->event.time_ns,
		.client = at_client ? &local : &remote,
		.server = at_client ? &remote : &local,
	};

	if (!o->listener.verdict)
		return;
	endpoint_local(&local, t, &w->owner, w->cookie, w->isolated);
	endpoint_remote(&remote, t);
	here = identity_of(o->identities, &w->owner, w->isolated ? NULL : t->local_addr,
			   t->local_port);
	there = identity_of(o->identities, NULL, w->isolated ? NULL : t->remote_addr,
			    t->remote_port);
	v.source = at_client ? here : there;
	v.destination = at_client ? there : here;
	if (o->listener.verdict_names)
		o->listener.verdict_names(o->listener.arg, w, &names);
	name_set(v.policy, names.policy, w->policy != WEFT_NUMBER_NONE);
	name_set(v.service, names.service, w->service != WEFT_NUMBER_NONE);
	name_set(v.source_workload, names.source, w->source != WEFT_NUMBER_NONE);
	name_set(v.target_workload, names.target, w->target != WEFT_NUMBER_NONE);
	o->listener.verdict(o->listener.arg, &v);
}
