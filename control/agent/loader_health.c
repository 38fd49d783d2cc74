// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Visits everything that counts something. */
#include "control/agent/loader_health.h"

#include "base/process.h"
#include "datapath/attach/attach.h"
#include "datapath/attach/endings.h"
#include "datapath/attach/flows.h"
#include "datapath/attach/interfaces.h"
#include "datapath/attach/libraries.h"
#include "datapath/attach/owners.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static void add_program(void *arg, const struct attach_program *p)
{
	struct broker_health *h = arg;

	if (p->attached && h->program_count < HEALTH_PROGRAMS_MAX) {
		struct health_program *program = &h->programs[h->program_count++];

		snprintf(program->name, sizeof(program->name), "%s", p->name);
		program->runs = p->runs;
		program->run_ns = p->run_ns;
	}
	if (h->probe_count < HEALTH_PROBES_MAX) {
		struct health_probe *probe = &h->probes[h->probe_count++];

		snprintf(probe->name, sizeof(probe->name), "%s", p->name);
		probe->attached = p->attached;
	}
}

/* Programs that others than attach hang somewhere. */
static void add_other_programs(const struct attach *a, struct broker_health *h)
{
	static const char *const names[] = {"weft_tc_ingress", "weft_tc_egress", "weft_xdp",
					    "tls_keys_multi",  "tls_keys",	 "tls_log_multi",
					    "tls_log",	       "redirect_enrol", "redirect_msg",
					    "redirect_skb",    "redirect_read",	 "redirect_option",
					    "mesh_lookup",     "code_mapped",	 "mesh_holders"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct health_program *program = &h->programs[h->program_count];

		if (h->program_count == HEALTH_PROGRAMS_MAX)
			return;
		if (attach_program_statistics(a, names[i], &program->runs, &program->run_ns))
			continue;
		snprintf(program->name, sizeof(program->name), "%s", names[i]);
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
	struct broker_health *h = arg;
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
	struct broker_health *h = arg;

	for (uint32_t i = 0; i < h->interface_count; i++) {
		struct health_interface *interface = &h->interfaces[i];

		if (interface->ifindex != total->ifindex)
			continue;
		interface->flows += total->live;
		interface->totals[total->direction][protocol].packets = total->packets;
		interface->totals[total->direction][protocol].bytes = total->bytes;
	}
}

void loader_health_fill(const struct loader_health_parts *parts, struct broker_health *h)
{
	memset(h, 0, sizeof(*h));
	attach_read_counters(parts->attach, h->kernel_lost, h->kernel_counts);
	attach_visit_programs(parts->attach, add_program, h);
	add_other_programs(parts->attach, h);
	if (parts->libraries && h->probe_count < HEALTH_PROBES_MAX) {
		struct health_probe *probe = &h->probes[h->probe_count++];

		snprintf(probe->name, sizeof(probe->name), "tls_keys");
		libraries_visit(parts->libraries, count_probed, &probe->attached);
	}
	if (parts->interfaces)
		interfaces_visit(parts->interfaces, add_interface, h);
	if (parts->flows)
		flows_visit_totals(parts->flows, add_total, h);
	if (parts->endings)
		h->endings = *endings_counts(parts->endings);
	if (parts->owners)
		h->owners = *owners_counts(parts->owners);
	h->tls_keys = parts->libraries != NULL;
	h->loader_cpu_ns = process_cpu_ns();
	h->loader_resident_bytes = process_resident_bytes();
	h->descriptors = descriptors_count();
}
