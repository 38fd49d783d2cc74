// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The mesh's part of `weft check`: one row per feature, over all of its programs. */
#include "control/agent/check_mesh.h"

#include "datapath/attach/core/attach.h"
#include "datapath/attach/mesh/revocation.h"
#include "datapath/attach/core/features.h"
#include "datapath/attach/mesh/lookups.h"
#include "datapath/attach/mesh/owners.h"

#include <stdio.h>

struct search {
	enum program_feature feature;
	unsigned attached, wanted;
	char problem[200];
};

static void program_visit(void *arg, const struct attach_program *p)
{
	struct search *s = arg;

	if (p->feature != s->feature)
		return;
	s->wanted++;
	s->attached += p->attached;
	if (!p->attached)
		snprintf(s->problem, sizeof(s->problem), "%s: %.150s", p->name,
			 p->problem[0] ? p->problem : "this kernel refuses it");
}

#define API_CHECK_MESH(X)                                                                          \
	X(json_put_string, "name", "text", "feature of the mesh", program_features[feature].name)  \
	X(json_put_string, "result", "text", "`ok`, `limited`, `failed`, `off`", result)           \
	X(json_put_string, "detail", "text", "how it works, or what it has done", detail)          \
	X(json_put_string, "problem", "text", "why it does not, and what is so without it", problem)

static void put_row(struct json *j, enum program_feature feature, const char *result,
		    const char *detail, const char *problem)
{
	JSON_OBJECT(NULL, API_CHECK_MESH);
}

/* A feature that is off: the reason and the consequence. */
static void put_off(struct json *j, enum program_feature feature, const char *why)
{
	char problem[400];

	snprintf(problem, sizeof(problem), "%s; %s", why, program_features[feature].without);
	put_row(j, feature, "off", "", problem);
}

/* A feature that runs on request has a row only if it cannot run. */
static void put_called(struct json *j, const struct check *check, enum program_feature feature)
{
	for (enum program p = 0; p < PROGRAM_MAX; p++)
		if (program_table[p].feature == feature && !attach_has(check->attach, p))
			put_off(j, feature, "this kernel does not load it");
}

static void put_programs(struct json *j, const struct check *check, enum program_feature feature)
{
	struct search s = {.feature = feature};
	char problem[400] = "";

	attach_visit_programs(check->attach, program_visit, &s);
	if (!s.wanted) {
		put_called(j, check, feature);
		return;
	}
	if (s.attached < s.wanted)
		snprintf(problem, sizeof(problem), "%s; %s", s.problem,
			 program_features[feature].without);
	put_row(j, feature, problem[0] ? "failed" : "ok", problem[0] ? "" : "attached", problem);
}

/* Without it a denied SYN gets no RST; the denial holds all the same. */
static void put_lookups(struct json *j, const struct check *check)
{
	char detail[64];

	if (!check->lookups) {
		put_off(j, PROGRAM_FEATURE_LOOKUP,
			"the kernel does not load the program at socket lookup");
		return;
	}
	snprintf(detail, sizeof(detail), "in %u network namespaces", lookups_count(check->lookups));
	put_row(j, PROGRAM_FEATURE_LOOKUP, "ok", detail, "");
}

static void put_revocation(struct json *j, const struct check *check)
{
	const struct feature *f = &check->features->rows[FEATURE_SOCK_DESTROY];
	const struct revocation_counts *counts;
	char detail[120];

	if (!check->revocation || f->state == FEATURE_NO) {
		put_off(j, PROGRAM_FEATURE_ENDINGS,
			check->revocation ? "the kernel was built without CONFIG_INET_DIAG_DESTROY"
					  : check->revocation_problem);
		return;
	}
	counts = revocation_counts(check->revocation);
	snprintf(detail, sizeof(detail), "%llu ended, %llu attempts failed",
		 (unsigned long long)counts->ended, (unsigned long long)counts->failed);
	put_row(j, PROGRAM_FEATURE_ENDINGS,
		revocation_limits(check->revocation)[0] ? "limited" : "ok", detail,
		revocation_limits(check->revocation)[0] ? revocation_limits(check->revocation)
							: revocation_problem(check->revocation));
}

static void put_owners(struct json *j, const struct check *check)
{
	const struct owners_counts *counts;
	char detail[160];

	if (!check->owners) {
		put_off(j, PROGRAM_FEATURE_HOLDERS, check->owners_problem);
		return;
	}
	counts = owners_counts(check->owners);
	snprintf(detail, sizeof(detail), "%llu walks of %llu us on average, %llu changes found",
		 (unsigned long long)counts->walks,
		 (unsigned long long)(counts->walks ? counts->cpu_ns / counts->walks / 1000 : 0),
		 (unsigned long long)counts->changes);
	put_row(j, PROGRAM_FEATURE_HOLDERS, "ok", detail, "");
}

static void put_feature(struct json *j, const struct check *check, enum program_feature feature)
{
	switch (feature) {
	case PROGRAM_FEATURE_HOLDERS:
		put_owners(j, check);
		break;
	case PROGRAM_FEATURE_LOOKUP:
		put_lookups(j, check);
		break;
	case PROGRAM_FEATURE_ENDINGS:
		put_revocation(j, check);
		break;
	default:
		put_programs(j, check, feature);
	}
}

void check_mesh_write(struct json *j, const char *key, const struct check *check)
{
	json_put_array(j, key);
	for (enum program_feature f = 0; f < PROGRAM_FEATURE_MAX && check->mesh; f++)
		if (program_features[f].wanted == WANTED_MESH)
			put_feature(j, check, f);
	json_put_array_end(j);
}
