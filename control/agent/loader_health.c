// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Collects the counters of all modules. */
#include "control/agent/loader_health.h"

#include "base/process.h"
#include "datapath/attach/core/attach.h"
#include "datapath/attach/mesh/revocation.h"
#include "datapath/attach/net/flows.h"
#include "datapath/attach/net/interfaces.h"
#include "datapath/attach/tls/libraries.h"
#include "datapath/attach/mesh/owners.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

_Static_assert(PROGRAM_MAX < HEALTH_PROGRAMS_MAX && PROGRAM_MAX < HEALTH_PROBES_MAX,
	       "each program has its counts, and the last place is looked at");

static void add_program(void *arg, const struct attach_program *p)
{
	struct loader_health *h = arg;
	struct health_probe *probe = &h->probes[h->probe_count++];

	if (p->attached) {
		struct health_program *program = &h->programs[h->program_count++];

		snprintf(program->name, sizeof(program->name), "%s", p->name);
		program->runs = p->runs;
		program->run_ns = p->run_ns;
	}
	snprintf(probe->name, sizeof(probe->name), "%s", p->name);
	probe->attached = p->attached;
}

/* Programs that other modules than attach attach or run. */
static void add_other_programs(const struct attach *a, struct loader_health *h)
{
	for (enum program p = 0; p < PROGRAM_MAX; p++) {
		struct health_program *program = &h->programs[h->program_count];

		if (program_is_common(p) ||
		    attach_program_statistics(a, p, &program->runs, &program->run_ns))
			continue;
		snprintf(program->name, sizeof(program->name), "%s", program_table[p].name);
		h->program_count++;
	}
}

static void count_probed(void *arg, const struct library *library)
{
	uint32_t *count = arg;

	*count += library->state == LIBRARY_PROBED;
}

static void add_interface(void *arg, const struct interface_report *report)
{
	struct loader_health *h = arg;
	struct health_interface *i = &h->interfaces[h->interface_count];

	if (!report->chosen || h->interface_count == HEALTH_INTERFACES_MAX)
		return;
	h->interface_count++;
	i->ifindex = (uint32_t)report->ifindex;
	snprintf(i->name, sizeof(i->name), "%s", report->name);
	snprintf(i->mode, sizeof(i->mode), "%s", interface_hook_text(report->ingress));
}

static enum health_flow_protocol flow_protocol(uint16_t protocol)
{
	if (protocol == IPPROTO_TCP)
		return HEALTH_FLOW_TCP;
	return protocol == IPPROTO_UDP ? HEALTH_FLOW_UDP : HEALTH_FLOW_OTHER;
}

static void add_total(void *arg, const struct flows_total *total)
{
	enum health_flow_protocol protocol = flow_protocol(total->protocol);
	struct loader_health *h = arg;

	for (uint32_t i = 0; i < h->interface_count; i++) {
		struct health_interface *interface = &h->interfaces[i];

		if (interface->ifindex != total->ifindex)
			continue;
		interface->flows += total->live;
		interface->totals[total->direction][protocol].packets = total->packets;
		interface->totals[total->direction][protocol].bytes = total->bytes;
	}
}

void loader_health_fill(const struct loader_health_parts *parts, struct loader_health *h)
{
	memset(h, 0, sizeof(*h));
	h->time_ms = process_realtime_ns() / 1000000u;
	attach_visit_programs(parts->attach, add_program, h);
	add_other_programs(parts->attach, h);
	if (parts->libraries) {
		struct health_probe *probe = &h->probes[h->probe_count++];

		snprintf(probe->name, sizeof(probe->name), "%s",
			 program_table[PROGRAM_tls_keys].name);
		libraries_visit(parts->libraries, count_probed, &probe->attached);
	}
	if (parts->interfaces)
		interfaces_visit(parts->interfaces, add_interface, h);
	if (parts->flows)
		flows_visit_totals(parts->flows, add_total, h);
	if (parts->revocation)
		h->revocation = *revocation_counts(parts->revocation);
	if (parts->owners)
		h->owners = *owners_counts(parts->owners);
	h->tls_keys = parts->libraries != NULL;
	h->loader_cpu_ns = process_cpu_ns();
	h->loader_resident_bytes = process_resident_bytes();
	h->descriptors = descriptors_count();
}
