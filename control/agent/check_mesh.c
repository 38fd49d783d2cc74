// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The mesh's part of `weft check`: what its programs do together, not each by itself. */
#include "control/agent/check_mesh.h"

#include "datapath/attach/attach.h"
#include "datapath/attach/endings.h"
#include "datapath/attach/features.h"
#include "datapath/attach/lookups.h"
#include "datapath/attach/owners.h"

#include <stdio.h>
#include <string.h>

#define PROGRAMS_MAX 4

/* What is done, by which programs, and what is so without them. */
static const struct part {
	const char *name, *programs[PROGRAMS_MAX], *without;
} parts[] = {
	{"connect",
	 {"mesh_connect4", "mesh_connect6"},
	 "services are not balanced, and policy acts at servers only"},
	{"datagrams",
	 {"mesh_sendmsg4", "mesh_sendmsg6", "mesh_recvmsg4", "mesh_recvmsg6"},
	 "UDP is not balanced"},
	{"peer names",
	 {"mesh_peer4", "mesh_peer6"},
	 "clients see the endpoint's address instead of the service's"},
	{"counts",
	 {"mesh_state", "mesh_release"},
	 "connections are not counted out: least request and limits do not work"},
	{"policy at server",
	 {"mesh_knock", "mesh_accept"},
	 "clients that other nodes have are not refused"},
	{"UDP servers",
	 {"mesh_bound4", "mesh_bound6"},
	 "policy does not know them by their executable or user"},
	{"changing servers",
	 {"mesh_stir_fork", "mesh_stir_exec", "mesh_stir_move"},
	 "what a server becomes is found within about a second, not at once"},
	{"UDP-Lite clients",
	 {"mesh_created"},
	 "policy does not know them by their executable or user"},
};

struct search {
	const struct part *part;
	unsigned attached, wanted;
	char problem[200];
};

static bool part_has(const struct part *part, const char *program)
{
	for (int i = 0; i < PROGRAMS_MAX && part->programs[i]; i++)
		if (!strcmp(part->programs[i], program))
			return true;
	return false;
}

static void program_visit(void *arg, const struct attach_program *p)
{
	struct search *s = arg;

	if (!part_has(s->part, p->name))
		return;
	s->attached += p->attached;
	if (!p->attached)
		snprintf(s->problem, sizeof(s->problem), "%s: %.150s", p->name,
			 p->problem[0] ? p->problem : "this kernel refuses it");
}

static void put_row(struct json *j, const char *name, const char *result, const char *detail,
		    const char *problem)
{
	json_put_object(j, NULL);
	json_put_string(j, "name", name);
	json_put_string(j, "result", result);
	json_put_string(j, "detail", detail);
	json_put_string(j, "problem", problem);
	json_put_object_end(j);
}

static void put_part(struct json *j, const struct check *check, const struct part *part)
{
	struct search s = {.part = part};
	char problem[400] = "";

	while (s.wanted < PROGRAMS_MAX && part->programs[s.wanted])
		s.wanted++;
	attach_visit_programs(check->attach, program_visit, &s);
	if (s.attached < s.wanted)
		snprintf(problem, sizeof(problem), "%s; %s",
			 s.problem[0] ? s.problem : "this kernel refuses it", part->without);
	put_row(j, part->name, problem[0] ? "failed" : "ok", problem[0] ? "" : "attached", problem);
}

/* Without it a denial is silence instead of a RST: it holds all the same. */
static void put_lookups(struct json *j, const struct check *check)
{
	char detail[64];

	if (!check->lookups) {
		put_row(j, "reset at server", "off", "",
			"what policy denies is dropped in silence: the kernel does not load the "
			"program at socket lookup");
		return;
	}
	snprintf(detail, sizeof(detail), "in %u network namespaces", lookups_count(check->lookups));
	put_row(j, "reset at server", "ok", detail, "");
}

static void put_endings(struct json *j, const struct check *check)
{
	const struct feature *f = &check->features->rows[FEATURE_SOCK_DESTROY];
	const struct endings_counts *counts;
	char detail[120];

	if (!check->endings || f->state == FEATURE_NO) {
		put_row(j, "end connections", "off", "",
			check->endings ? "the kernel was built without CONFIG_INET_DIAG_DESTROY"
				       : check->endings_problem);
		return;
	}
	counts = endings_counts(check->endings);
	snprintf(detail, sizeof(detail), "%llu ended, %llu attempts failed",
		 (unsigned long long)counts->ended, (unsigned long long)counts->failed);
	put_row(j, "end connections", endings_limits(check->endings)[0] ? "limited" : "ok", detail,
		endings_limits(check->endings)[0] ? endings_limits(check->endings)
						  : endings_problem(check->endings));
}

static void put_owners(struct json *j, const struct check *check)
{
	const struct owners_counts *counts;
	char detail[160];

	if (!check->owners) {
		put_row(j, "server owners", "off", "", check->owners_problem);
		return;
	}
	counts = owners_counts(check->owners);
	snprintf(detail, sizeof(detail), "%llu walks of %llu us on average, %llu changes found",
		 (unsigned long long)counts->walks,
		 (unsigned long long)(counts->walks ? counts->cpu_ns / counts->walks / 1000 : 0),
		 (unsigned long long)counts->changes);
	put_row(j, "server owners", "ok", detail, "");
}

void check_mesh_write(struct json *j, const struct check *check)
{
	json_put_array(j, "mesh");
	if (check->mesh) {
		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			put_part(j, check, &parts[i]);
		put_owners(j, check);
		put_lookups(j, check);
		put_endings(j, check);
	}
	json_put_array_end(j);
}
